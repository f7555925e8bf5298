"""Three themes: dark, light, and one of high contrast."""

from __future__ import annotations

from textual.theme import Theme

DARK = Theme(
    name="parley-dark",
    primary="#7fb4e0",
    secondary="#5a7fa6",
    accent="#e0b36a",
    warning="#e0b36a",
    error="#f07f7f",
    success="#86c98a",
    foreground="#d6dae0",
    background="#14171c",
    surface="#1b1f26",
    panel="#2b323d",
    dark=True,
    variables={"text-muted": "#96a1b1", "scrollbar": "#3a4351", "scrollbar-background": "#14171c"},
)
LIGHT = Theme(
    name="parley-light",
    primary="#1d5c94",
    secondary="#46729b",
    accent="#8a5300",
    warning="#8a5300",
    error="#b3261e",
    success="#256b2c",
    foreground="#1f2329",
    background="#fbfbf9",
    surface="#f0efeb",
    panel="#d9dee5",
    dark=False,
    variables={"text-muted": "#545c68", "scrollbar": "#b9c0c9", "scrollbar-background": "#fbfbf9"},
)
CONTRAST = Theme(
    name="parley-contrast",
    primary="#6fd3ff",
    secondary="#6fd3ff",
    accent="#ffd400",
    warning="#ffd400",
    error="#ffb3b3",
    success="#7dff8a",
    foreground="#ffffff",
    background="#000000",
    surface="#000000",
    panel="#303030",
    dark=True,
    variables={"text-muted": "#d0d0d0", "scrollbar": "#ffffff", "scrollbar-background": "#000000"},
)
THEMES = {theme.name.removeprefix("parley-"): theme for theme in (DARK, LIGHT, CONTRAST)}
DEFAULT = "dark"


def following(name: str) -> str:
    """The theme after this one."""
    names = list(THEMES)
    return names[(names.index(name) + 1) % len(names)] if name in names else DEFAULT
