"""What can be typed after a slash: a row each, in a module for each subject."""

from __future__ import annotations

from typing import TYPE_CHECKING

from client.commands import moderation, people, reading, rooms, session, talk
from client.commands.command import Command, cut

if TYPE_CHECKING:
    from client.chat import Chat


def _help(chat: Chat, text: str) -> None:
    del text
    width = max(len(command.usage) for command in chat.commands.values())
    for group in dict.fromkeys(map(group_of, chat.commands)):
        chat.inform(f"{group}:")
        for command in (each for name, each in chat.commands.items() if group_of(name) == group):
            chat.inform(f"  {command.usage:{width}}  {command.help}")
    chat.inform(f"  {'//text':{width}}  say /text")


GROUPS: dict[str, dict[str, Command]] = {
    "Talking": talk.COMMANDS,
    "Rooms": rooms.COMMANDS,
    "People": people.COMMANDS,
    "Reading": reading.COMMANDS,
    "Moderation": moderation.COMMANDS,
    "Session": {**session.COMMANDS, "help": Command("/help", "this list", 0, _help)},
}
COMMANDS: dict[str, Command] = {name: command for group in GROUPS.values() for name, command in group.items()}

__all__ = ["COMMANDS", "GROUPS", "Command", "group_of", "run"]


def group_of(name: str) -> str:
    """Under which heading a command is listed."""
    return next((group for group, commands in GROUPS.items() if name in commands), "More")


def run(chat: Chat, text: str) -> None:
    """Carries out `text`, a line without its slash."""
    name, rest = cut(text)
    if text[:1].isspace():
        name, rest = "", text
    command = chat.commands.get(name.lower())
    if command is None:
        chat.complain(f"There is no command /{name}; /help lists them, and //{name} says it as text.")
    elif len(rest.split()) < command.least:
        chat.complain(f"It is: {command.usage}")
    else:
        command.run(chat, rest)
