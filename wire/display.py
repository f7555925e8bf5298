"""Text from elsewhere, made safe to show: on a terminal, in a log.

What escapes: C0 and C1 controls (ESC and with it every OSC sequence, CR, LF, BEL), DEL, line and paragraph separators, and the
characters that reorder a line (bidirectional overrides and isolates). A right-to-left name could otherwise be made to read as
another, and an escape sequence can retitle a terminal or write to its clipboard.
"""

from __future__ import annotations

import re

_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f"  # C0, DEL, C1
    "\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069"  # marks and overrides of direction, line and paragraph separators
    "\ufeff\ufff9-\ufffb\U000e0000-\U000e007f\ud800-\udfff]"  # invisible, annotation and tag characters, lone surrogates
)
# mIRC formatting: https://modern.ircdocs.horse/formatting
_FORMATTING = re.compile(
    "\x03(?:[0-9]{1,2}(?:,[0-9]{1,2})?)?|\x04(?:[0-9a-fA-F]{6}(?:,[0-9a-fA-F]{6})?)?|[\x02\x0f\x11\x16\x1d\x1e\x1f]"
)


def _escape(found: re.Match[str]) -> str:
    code = ord(found[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def safe(text: str) -> str:
    """`text` on one line with everything unsafe written as an escape (`\\x1b`)."""
    return _UNSAFE.sub(_escape, text)


def plain(text: str) -> str:
    """`text` without IRC formatting codes, then made safe."""
    return safe(_FORMATTING.sub("", text))
