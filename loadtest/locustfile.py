"""`locust -f loadtest/locustfile.py --host HOST:PORT --ca FILE`: see docs/loadtest.md, or `--help`."""

import locust  # noqa: F401  first: it patches the standard library

# isort: split
from loadtest import plugin
from loadtest.irc_user import IrcUser
from loadtest.plugin import Shape

__all__ = ["IrcUser", "Shape"]

plugin.install()
