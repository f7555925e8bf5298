"""Colours of a theme, and of names: a name has the same colour always, and one that can be read on the theme's background."""

from __future__ import annotations

import colorsys
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple
from zlib import crc32

from rich.color import Color
from rich.color_triplet import ColorTriplet
from rich.style import Style
from textual.color import Color as ThemeColour
from textual.color import ColorParseError

from wire.names import fold

READABLE = 4.5  # contrast of text: https://www.w3.org/TR/WCAG22/#contrast-minimum
# unequal steps: the eye tells few greens apart, and many colours between blue and red
HUES = (0, 14, 28, 42, 54, 78, 115, 150, 172, 188, 202, 216, 232, 250, 268, 284, 300, 318, 336, 349)  # degrees
_PLAIN_NAMES = ("red", "green", "yellow", "blue", "magenta", "cyan", "bright_red", "bright_green", "bright_blue", "bright_magenta")


class Palette(NamedTuple):
    """What a timeline is drawn with. Equal palettes draw alike."""

    text: Style
    dim: Style
    own: Style
    error: Style
    notice: Style
    accent: Style
    mention: Style  # under the whole line
    picked: Style  # under a message that is chosen
    found: Style  # under what was searched for
    names: tuple[Style, ...]

    def of_name(self, nick: str) -> Style:
        """The colour of a name."""
        return self.names[crc32(fold(nick).encode("utf-8", "replace")) % len(self.names)]


def palette(variables: Mapping[str, str], background: ThemeColour) -> Palette:
    """The palette of a theme, from the variables of its CSS (`App.theme_variables`) and the colour behind the timeline.

    A theme that leaves colours to the terminal gets the terminal's own.
    """
    if background.ansi is not None:
        return _plain()
    return _coloured(
        background.rgb,
        tuple((name, variables.get(name, "")) for name in ("foreground", "primary", "accent", "error", "warning", "success")),
    )


@lru_cache(maxsize=16)
def _coloured(background: tuple[int, int, int], named: tuple[tuple[str, str], ...]) -> Palette:
    behind = ThemeColour(*background)
    colours = {name: _parsed(value, behind) for name, value in named}
    tinted = behind.blend(colours["warning"], 0.18)
    chosen = behind.blend(colours["accent"], 0.25)

    def on(colour: ThemeColour, *under: ThemeColour, bold: bool | None = None) -> Style:
        return Style(color=_rich(readable(colour, behind, *under)), bgcolor=_rich(behind), bold=bold)

    text = readable(colours["foreground"], behind)
    return Palette(
        text=on(text, tinted, chosen),
        dim=on(behind.blend(text, 0.6), tinted, chosen),
        own=on(colours["primary"], chosen, bold=True),
        error=on(colours["error"]),
        notice=on(colours["success"]),
        accent=on(colours["accent"], bold=True),
        mention=Style(bgcolor=_rich(tinted)),
        picked=Style(bgcolor=_rich(chosen)),
        found=Style(color=_rich(behind), bgcolor=_rich(readable(colours["warning"], behind)), bold=True),
        names=tuple(on(_hue(hue / 360), tinted, chosen) for hue in HUES),
    )


@lru_cache(maxsize=1)
def _plain() -> Palette:
    return Palette(
        text=Style.null(),
        dim=Style(dim=True),
        own=Style(bold=True),
        error=Style(color="red", bold=True),
        notice=Style(color="green"),
        accent=Style(color="cyan", bold=True),
        mention=Style(bold=True, reverse=True),
        picked=Style(reverse=True),
        found=Style(reverse=True, bold=True),
        names=tuple(Style(color=name) for name in _PLAIN_NAMES),
    )


UNSTYLED = _plain()


def readable(colour: ThemeColour, *behind: ThemeColour) -> ThemeColour:
    """`colour`, made lighter or darker until it can be read on every one of `behind`."""
    towards = behind[0].get_contrast_text(1.0)
    for step in range(21):
        shade = colour.blend(towards, step / 20)
        if all(contrast(shade, each) >= READABLE for each in behind):
            return shade
    return towards


def contrast(one: ThemeColour, other: ThemeColour) -> float:
    """1 to 21: https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: ThemeColour) -> float:
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in colour.normalized)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _hue(hue: float) -> ThemeColour:
    red, green, blue = colorsys.hls_to_rgb(hue, 0.55, 0.65)
    return ThemeColour(round(red * 255), round(green * 255), round(blue * 255))


def _parsed(value: str, behind: ThemeColour) -> ThemeColour:
    try:
        colour = ThemeColour.parse(value)
    except ColorParseError:
        return behind.get_contrast_text(1.0)
    return behind.get_contrast_text(1.0) if colour.ansi is not None else behind + colour


def _rich(colour: ThemeColour) -> Color:
    return Color.from_triplet(ColorTriplet(*colour.rgb))
