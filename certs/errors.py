"""What goes wrong, in words for the person who has to put it right."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager


class CertsError(Exception):
    """One sentence that says what is wrong and what to do about it; the only error that this package's public calls raise."""


_ADVICE = {
    errno.EACCES: "{path} is closed to this user; run the command as the owner of that folder, or change its mode.",
    errno.EPERM: "The system does not allow this user to change {path}; run the command as its owner, or as root for --owner.",
    errno.EROFS: "{path} is on a read-only disk; mount it writable, or name another folder.",
    errno.ENOSPC: "The disk that holds {path} is full; make room and run the command again.",
    errno.ENOENT: "{path} does not exist; check the name, or make it with `init`.",
    errno.ENOTDIR: "{path} runs through a file; name a folder instead.",
    errno.EEXIST: "{path} is a file where a folder should be; name another folder, or move the file away.",
    errno.EISDIR: "{path} is a folder where a link should be; move it elsewhere and run the command again.",
    errno.ELOOP: "{path} is a link that leads to itself; remove it and run the command again.",
}


def explain(error: OSError) -> str:
    """`error` as one sentence with its remedy; never empty."""
    # os.replace names two files and the second one is where the trouble is.
    path = error.filename2 or error.filename or "The folder"
    advice = _ADVICE.get(error.errno or 0)
    if advice:
        return advice.format(path=path)
    return f"{path} cannot be used ({(error.strerror or str(error)).lower()}); name another folder, or repair this one."


@contextmanager
def plain_words() -> Iterator[None]:
    """Turns every OSError inside into a CertsError. Public operations run inside it, so that no caller sees a traceback."""
    try:
        yield
    except OSError as error:
        raise CertsError(explain(error)) from error
