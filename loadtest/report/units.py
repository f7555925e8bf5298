"""Numbers as people read them: three digits and the unit that fits."""

from __future__ import annotations

from typing import Final, Literal

Unit = Literal["us", "count", "share", "kib", "bytes", "cores", "seconds"]

_STEPS: Final[dict[str, tuple[tuple[float, str], ...]]] = {
    "us": ((1.0, "µs"), (1e3, "ms"), (1e6, "s")),
    "count": ((1.0, ""), (1e3, "k"), (1e6, "M"), (1e9, "G")),
    "kib": ((1.0, "KiB"), (1024.0, "MiB"), (1048576.0, "GiB")),
    "bytes": ((1.0, "B"), (1024.0, "KiB"), (1048576.0, "MiB"), (1073741824.0, "GiB")),
    "share": ((0.01, "%"),),
    "cores": ((1.0, ""),),
    "seconds": ((1.0, "s"),),
}


def digits(value: float) -> str:
    """Three digits at least, never an exponent, no zeros at the end: 0.125, 12.5, 1,250."""
    size = abs(value)
    places = 0 if size >= 99.95 else 1 if size >= 9.995 else 2 if size >= 0.0995 or not size else 3
    if 0 < size < 0.0005:
        return f"{value:.1g}" if size >= 1e-12 else "0"
    text = f"{value:,.{places}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def show(value: float | None, unit: Unit) -> str:
    """A value of a table or a read-out; an en dash where there is none. Counts below 100,000 are written out."""
    if value is None:
        return "–"
    if unit == "count" and abs(value) < 100_000:
        return digits(value)
    return _scaled(value, unit)


def tick(value: float, unit: Unit) -> str:
    """A value beside an axis, as short as can be."""
    return _scaled(value, unit) if value else "0"


def _scaled(value: float, unit: Unit) -> str:
    factor, name = _STEPS[unit][0]
    for factor_, name_ in _STEPS[unit]:
        if abs(value) >= 0.9995 * factor_:
            factor, name = factor_, name_
    gap = "" if name in ("%", "k", "M", "G", "") else "\u00a0"
    return f"{digits(value / factor)}{gap}{name}"


def clock(seconds: float) -> str:
    """A time since the start, to a tenth below a minute: 4.5 s, 2:05, 1:02:05."""
    sign = "−" if seconds < 0 else ""
    size = abs(seconds)
    if size < 120:
        return f"{sign}{digits(round(size, 1))}\u00a0s"
    whole = round(size)
    hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
    return f"{sign}{hours}:{minutes:02}:{rest:02}" if hours else f"{sign}{minutes}:{rest:02}"
