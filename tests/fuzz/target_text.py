"""Text: what is shown is one line without anything that works on a terminal, and names are what they look like.

Input: text; the same for all.
"""

from __future__ import annotations

import unicodedata

from server.dialects.irc import stamp
from server.dialects.plain import text_of
from wire import msgids
from wire.confusables import skeleton
from wire.display import plain, safe
from wire.message import truncate
from wire.names import fold, is_room, nick_from, valid_nick, valid_room
from wire.stamps import parse_stamp

NICK = set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789[]\\`_^{|}-")
_BIDIRECTIONAL = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
_MARKS = set("\u061c\u200e\u200f")


def works(c: str) -> bool:
    """Whether a terminal does something at `c` besides showing it: a control, an end of line, a change of direction, half a pair.

    Said by Unicode's categories, not by the table that is under test.
    """
    return unicodedata.category(c) in ("Cc", "Zl", "Zp", "Cs") or unicodedata.bidirectional(c) in _BIDIRECTIONAL or c in _MARKS


def is_shown(text: str) -> bool:
    """Whether `text` is one row that does nothing but stand there."""
    return not any(map(works, text))


def target(data: bytes) -> None:
    try:
        text = data.decode(errors="surrogatepass")
    except UnicodeDecodeError:
        text = data.decode(errors="replace")
    _display(text)
    _names(text)
    _times(text)
    assert is_shown(text_of(data).replace("\t", "")) or not is_shown(data.decode(errors="replace"))


def _display(text: str) -> None:
    for made in (safe(text), plain(text)):
        assert is_shown(made), "what is shown does something"
        assert len(made.splitlines()) <= 1
        assert safe(made) == plain(made) == made
    if (
        is_shown(text)
        and not set(text) & set("\ufeff\ufff9\ufffa\ufffb")
        and not any("\U000e0000" <= c <= "\U000e007f" for c in text)
    ):
        assert safe(text) == plain(text) == text, "what is harmless was changed"


def _names(text: str) -> None:
    assert fold(fold(text)) == fold(text)
    if any("\ud800" <= c <= "\udfff" for c in text):
        assert not valid_room(text, 64)
        return
    if valid_nick(text, 30):
        assert set(text) <= NICK
        assert 0 < len(text) <= 30
        assert not text[0].isdigit()
        assert not is_room(text)
    assert skeleton(text) == skeleton(fold(text)), "case makes a difference"
    made = nick_from(text, 30)
    assert valid_nick(made, 30), "the nearest nick is none"
    if valid_room(text, 64):
        assert is_room(text)
        assert is_shown(text)
        assert len(text.encode()) <= 64
        assert not any(c.isspace() or c in ",:*?\0\x07" for c in text)
    cut = truncate(text, 10)
    assert text.startswith(cut)
    assert len(cut.encode()) <= 10


def _times(text: str) -> None:
    at = parse_stamp(text)
    if at is not None and 0 <= at < 2**41 and text[17:19] != "60":
        assert stamp(at) == text
    seq = msgids.decode(text)
    if seq is not None:
        assert msgids.encode(seq) == text
