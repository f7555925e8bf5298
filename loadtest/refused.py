"""The one exception for the person who starts a run."""


class Refused(Exception):
    """The run cannot start, or cannot go on. The text is one sentence for the person who started it."""
