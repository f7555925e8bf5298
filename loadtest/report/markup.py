"""Tags and text, escaped. Everything in a report that came from a file goes through `text` or an attribute of `tag`."""

from __future__ import annotations

import html
import re
from typing import Final

# Not allowed in XML, or able to make a line read other than it is (direction marks): shown as a replacement character.
_UNFIT: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")
_LONGEST: Final = 2000


def plain(value: object) -> str:
    """Text that is safe to show once it is escaped: no control characters, and not endless."""
    out = _UNFIT.sub("\ufffd", str(value))
    return out if len(out) <= _LONGEST else out[:_LONGEST] + "…"


def text(value: object) -> str:
    """Escaped, for between tags or within an attribute."""
    return html.escape(plain(value), quote=True)


def tag(name: str, *inside: str, **attributes: str | float | None) -> str:
    """An element. `inside` is markup; attributes are escaped (`class_` is class, `a_b` is a-b; None is left out)."""
    said = "".join(f' {key.rstrip("_").replace("_", "-")}="{_value(v)}"' for key, v in attributes.items() if v is not None)
    return f"<{name}{said}>{''.join(inside)}</{name}>" if inside else f"<{name}{said}/>"


def _value(value: str | float) -> str:
    return html.escape(_UNFIT.sub("\ufffd", value), quote=True) if isinstance(value, str) else number(value)


def number(value: float) -> str:
    """A coordinate, to a tenth."""
    out = f"{value:.1f}"
    return out[:-2] if out.endswith(".0") else out
