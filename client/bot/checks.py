"""Mistakes in how a bot is put together, each as one sentence that says what to do."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

from client.bot.rules import ANYWHERE
from wire.names import is_room, valid_nick, valid_room

LONGEST_NICK = 32
LONGEST_ROOM = 200
LEAST_PERIOD = 0.1  # seconds


def check_where(where: str) -> str:
    """`where`. Raises ValueError where it is no place."""
    if where not in ANYWHERE and not is_room(where):
        raise ValueError(f'where={where!a}: it is "any", "rooms", "private", or a room, as "#lobby" is.')
    return where


def check_handler(handler: Callable[..., Any], *arguments: str) -> None:
    """Raises TypeError where `handler` cannot be called with these arguments."""
    name = name_of(handler)
    if not callable(handler):
        raise TypeError(f"{name} is no function: the parentheses of the decorator may be missing, or too many.")
    if inspect.iscoroutinefunction(handler):
        raise TypeError(f"{name}() is `async`: a handler is a plain function.")
    try:
        inspect.signature(handler).bind(*arguments)
    except TypeError:
        takes = f"one argument, the {arguments[0]}" if arguments else "no argument"
        raise TypeError(f"{name}() is a handler that takes {takes}.") from None
    except ValueError:  # something built in, that does not say
        pass


def name_of(handler: object) -> str:
    """What a handler is called in the log."""
    name = getattr(handler, "__name__", "")
    return name if isinstance(name, str) and name else type(handler).__name__


def check_parentheses(given: object, example: str) -> None:
    """Raises TypeError where a decorator was used without them."""
    if callable(given):
        raise TypeError(f"A decorator without its parentheses: write @bot.{example} before {name_of(given)}().")


def check_name(name: str) -> str:
    """`name`. Raises ValueError where no bot can be called that."""
    if not valid_nick(name, LONGEST_NICK):
        raise ValueError(
            f"{name!a} is no name for a bot: at most {LONGEST_NICK} letters, digits and _-, not starting with a digit."
        )
    return name


def check_rooms(rooms: Sequence[str]) -> tuple[str, ...]:
    if isinstance(rooms, str) or not rooms:
        raise ValueError('rooms: it has to be a list, as in rooms=["#lobby"].')
    for room in rooms:
        if not valid_room(room, LONGEST_ROOM):
            raise ValueError(f"{room!a} is no room, as #lobby is.")
    return tuple(rooms)
