"""From text and from TOML to values, and back: what each setting may be, and the sentence where it is something else."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

from server.operators import CAPABILITIES
from server.settings.declare import Address, SettingsError
from server.settings.tree import Spec

T = TypeVar("T")

_WORDS = dict.fromkeys(("on", "true", "yes", "1"), True) | dict.fromkeys(("off", "false", "no", "0"), False)


def _addresses(parts: Iterable[object]) -> tuple[Address, ...]:
    return tuple(Address.parse(_a(str, part)) for part in parts)


def _split(text: str) -> tuple[Address, ...]:
    return () if text.strip().lower() in ("", "off") else _addresses(text.split(","))


def _a(kind: type[T], value: object) -> T:
    """`value`, if it is of that very type (a bool is no int); raises ValueError otherwise."""
    if type(value) is not kind:
        raise ValueError(value)
    return value


def _choice(spec: Spec, text: str) -> str:
    for choice in spec.choices:
        if choice.lower() == text.lower():
            return choice
    raise ValueError(text)


def _path(text: str) -> Path:
    if not text or "\0" in text:
        raise ValueError(text)
    return Path(text).expanduser()


_FROM_TEXT: dict[Any, Callable[[str], object]] = {
    str: str,
    int: int,
    float: float,
    bool: lambda text: _WORDS[text.strip().lower()],
    Path: _path,
    tuple[Address, ...]: _split,
}

_FROM_TOML: dict[Any, Callable[[Any], object]] = {
    str: lambda value: _a(str, value),
    int: lambda value: _a(int, value),
    float: lambda value: float(value) if type(value) is int else _a(float, value),
    bool: lambda value: _a(bool, value),
    Path: lambda value: _path(_a(str, value)),
    tuple[Address, ...]: lambda value: _addresses(_a(list, value)),
    tuple[str, ...]: lambda value: tuple(_a(str, part) for part in _a(list, value)),
}


def number(value: float) -> str:
    """A number as one would write it: without an exponent, and without the .0 of a whole one."""
    return f"{value:g}" if abs(value) < 1e6 and value != int(value) else str(int(value))


def allowed(spec: Spec) -> str:
    """What a setting may be, in words."""
    if spec.choices:
        return "one of " + ", ".join(spec.choices)
    if spec.kind is str:
        return {
            "name": "a name of letters, digits, dots and hyphens, up to 63",
            "network": "one word of up to 63 characters",
            "operators.password": "the line that `python -m server operator hash` prints",
            "operators.account": "the name of an account",
            "operators.operator_class": "the name of a table [operator_classes.NAME]",
            "network_icon": "an address that starts with https:// and has up to 208 characters, or nothing",
            "websocket.origins": "* or SCHEME://HOST[:PORT] such as https://chat.example, with commas between them",
            "cloak.suffix": "letters, digits, dots and hyphens, up to 24",
        }.get(spec.key, "one line of text without control characters")
    if spec.kind == tuple[str, ...]:
        return {
            "certificates": "a list of SHA-256 fingerprints, 64 hexadecimal digits each",
            "hosts": 'a list such as ["192.0.2.0/24", "2001:db8::1", "*.example"]',
            "rooms": 'a list such as ["#help", "#log-*", "=*"]',
        }.get(spec.name, "a list of " + ", ".join(CAPABILITIES))
    if spec.kind in (int, float):
        noun = "a whole number" if spec.kind is int else "a number"
        return f"{noun} from {number(spec.least or 0)} to {number(spec.most or 0)}"
    return {bool: "on or off (in TOML true or false)", Path: "the path of a directory"}.get(
        spec.kind, "HOST:PORT such as 127.0.0.1:6697 or [::1]:6697 (a list of such strings in TOML, with commas elsewhere), or off"
    )


def fits(spec: Spec, value: Any) -> bool:
    """Whether a value of the right type is within the bounds of the setting."""
    if spec.kind is str:
        return re.fullmatch(spec.pattern, value) is not None
    if spec.kind == tuple[str, ...]:
        return all(re.fullmatch(spec.pattern, part) for part in value)
    if spec.kind in (int, float):
        return bool(spec.least <= value <= spec.most)
    return True


def _is_huge(value: object) -> bool:
    """Whether Python refuses to write the number down."""
    return isinstance(value, int) and value.bit_length() > 1000


def _convert(spec: Spec, given: object, source: str, convert: Callable[[Any], object]) -> object:
    try:
        value = convert(given)
    except (ValueError, KeyError, OverflowError, RuntimeError):  # RuntimeError: expanduser without a home
        value = None
    if value is None or not fits(spec, value):
        shown = "this value" if spec.secret or _is_huge(given) else repr(given)
        raise SettingsError(f"{source}: {shown} is not possible; allowed is {allowed(spec)}.")
    return value


def from_text(spec: Spec, text: str, source: str) -> object:
    """The value that a flag or a variable of the environment gives; `source` names it in the SettingsError for what is wrong."""
    return _convert(spec, text, source, (lambda t: _choice(spec, t)) if spec.choices else _FROM_TEXT[spec.kind])


def from_toml(spec: Spec, value: object, source: str) -> object:
    """The value that the file gives; as `from_text`."""
    return _convert(spec, value, source, (lambda v: _choice(spec, _a(str, v))) if spec.choices else _FROM_TOML[spec.kind])


def as_text(value: object) -> str:
    """A value as one would type it in a flag or an environment variable."""
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, tuple):
        return ",".join(map(str, value)) or "off"
    return number(value) if isinstance(value, int | float) else str(value) or '""'
