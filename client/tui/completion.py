"""What may stand for the word before the cursor, pure: names, rooms, commands, emoji."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from client.emoji import pictures
from wire.names import fold

MOST = 200  # of what is offered


@dataclass(frozen=True, slots=True)
class Words:
    """What there is to complete. `names`: who spoke last first; `commands` without the slash."""

    names: Sequence[str] = ()
    rooms: Sequence[str] = ()
    commands: Sequence[str] = ()


class Choice(NamedTuple):
    """One that is offered: as it is shown, and what it puts in place of the word."""

    label: str
    text: str


class Completion(NamedTuple):
    """`choices` (one at least) for text[start:end]; `common` is how they all begin, where that is more than what is typed."""

    start: int
    end: int
    choices: tuple[Choice, ...]
    common: str


def complete(text: str, cursor: int, words: Words) -> Completion | None:
    """What fits the word that ends at the cursor; None where nothing does."""
    start = max(text.rfind(" ", 0, cursor), text.rfind("\n", 0, cursor)) + 1
    word = text[start:cursor]
    choices = tuple(choice for _, choice in zip(range(MOST), _choices(word, start, text, words), strict=False))
    if not choices:
        return None
    typed = _common([fold(choice.label) for choice in choices])
    common = choices[0].label[: len(typed)] if len(typed) > len(word) and not word.startswith(":") else word
    return Completion(start, cursor, choices, common)


def _choices(word: str, start: int, text: str, words: Words) -> Iterator[Choice]:
    if start == 0 and word[:1] == "/" and word[:2] != "//":
        yield from (Choice(each, f"{each} ") for each in _fitting(word, (f"/{command}" for command in words.commands)))
    elif word[:1] == "#":
        yield from (Choice(each, f"{each} ") for each in _fitting(word, words.rooms))
    elif word[:1] == ":" and len(word) > 1:
        yield from (Choice(f"{picture} :{code}:", picture) for code, picture in pictures(word[1:]))
    elif word:
        at = word[:1] if word[0] == "@" else ""
        after = ": " if start == 0 and not text.startswith("/") else " "
        yield from (Choice(at + each, f"{at}{each}{after}") for each in _fitting(word[len(at) :], words.names))


def _common(texts: Sequence[str]) -> str:
    """How all begin."""
    least, most = min(texts), max(texts)
    return least[: next((at for at, (one, other) in enumerate(zip(least, most, strict=False)) if one != other), len(least))]


def _fitting(word: str, all_of: Iterable[str]) -> Iterator[str]:
    wanted = fold(word)
    return (each for each in all_of if fold(each).startswith(wanted))
