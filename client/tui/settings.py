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
    """Colours, how to call who looks elsewhere, and what is beside the conversation."""

    theme: str = DEFAULT
    notify: Notify = Notify.BELL
    offered: tuple[str, ...] = ()  # servers (host and port) at which an account was offered
    rooms: bool = True  # whether they are shown, where there is room for them
    members: bool | None = None  # the same; None: where there is much room


def file() -> Path:
    """Where they are kept."""
    return folders.config_folder() / "screen.json"


def load() -> Settings:
    """What was kept; what cannot be understood is as at first."""
    kept = folders.read(file())
    theme, notify, offered = kept.get("theme"), kept.get("notify"), kept.get("offered")
    members = kept.get("members")
    ways = {way.value: way for way in Notify}
    return Settings(
        theme if isinstance(theme, str) and theme in THEMES else DEFAULT,
        ways[notify] if isinstance(notify, str) and notify in ways else Notify.BELL,
        tuple(each for each in offered[:MOST_OFFERED] if isinstance(each, str)) if isinstance(offered, list) else (),
        rooms=kept.get("rooms") is not False,
        members=members if isinstance(members, bool) else None,
    )


def save(settings: Settings) -> bool:
    """Keep them; whether that was possible. Where an account was offered by another client meanwhile, it stays offered."""
    with locks.alone(file()) as ours:
        offered = [*dict.fromkeys((*load().offered, *settings.offered))][-MOST_OFFERED:]
        content: dict[str, object] = {"theme": settings.theme, "notify": settings.notify.value, "offered": offered}
        content |= {"rooms": settings.rooms, "members": settings.members}
        return ours and folders.write(file(), content)
