"""What is remembered of how somebody likes the full screen: $XDG_CONFIG_HOME/parley/screen.json."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from client import folders
from client.tui.notify import Notify
from client.tui.themes import DEFAULT, THEMES


@dataclass(slots=True)
class Settings:
    """Colours, how to call who looks elsewhere, and what is beside the conversation."""

    theme: str = DEFAULT
    notify: Notify = Notify.BELL
    rooms: bool = True  # whether they are shown, where there is room for them
    members: bool | None = None  # the same; None: where there is much room


def file() -> Path:
    """Where they are kept."""
    return folders.config_folder() / "screen.json"


def load() -> Settings:
    """What was kept; what cannot be understood is as at first."""
    kept = folders.read(file())
    theme, notify, members = kept.get("theme"), kept.get("notify"), kept.get("members")
    ways = {way.value: way for way in Notify}
    return Settings(
        theme if isinstance(theme, str) and theme in THEMES else DEFAULT,
        ways[notify] if isinstance(notify, str) and notify in ways else Notify.BELL,
        rooms=kept.get("rooms") is not False,
        members=members if isinstance(members, bool) else None,
    )


def save(settings: Settings) -> bool:
    """Keep them; whether that was possible. It may wait for a disk."""
    content = {"theme": settings.theme, "notify": settings.notify.value, "rooms": settings.rooms, "members": settings.members}
    return folders.write(file(), content)
