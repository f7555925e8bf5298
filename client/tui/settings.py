"""What is remembered of how somebody likes the full screen: $XDG_CONFIG_HOME/parley/screen.json."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from client import folders, locks
from client.tui.notify import Notify
from client.tui.themes import DEFAULT, THEMES

MOST_OFFERED = 200


@dataclass(slots=True)
class Settings:
    """Colours, and how to call who looks elsewhere."""

    theme: str = DEFAULT
    notify: Notify = Notify.BELL
    offered: tuple[str, ...] = ()  # servers (host and port) at which an account was offered


def file() -> Path:
    """Where they are kept."""
    return folders.config_folder() / "screen.json"


def load() -> Settings:
    """What was kept; what cannot be understood is as at first."""
    kept = folders.read(file())
    theme, notify, offered = kept.get("theme"), kept.get("notify"), kept.get("offered")
    ways = {way.value: way for way in Notify}
    return Settings(
        theme if isinstance(theme, str) and theme in THEMES else DEFAULT,
        ways[notify] if isinstance(notify, str) and notify in ways else Notify.BELL,
        tuple(each for each in offered[:MOST_OFFERED] if isinstance(each, str)) if isinstance(offered, list) else (),
    )


def save(settings: Settings) -> bool:
    """Keep them; whether that was possible. Where an account was offered by another client meanwhile, it stays offered."""
    with locks.alone(file()) as ours:
        offered = [*dict.fromkeys((*load().offered, *settings.offered))][-MOST_OFFERED:]
        content = {"theme": settings.theme, "notify": settings.notify.value, "offered": offered}
        return ours and folders.write(file(), content)
