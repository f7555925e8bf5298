"""Each target finds what it is there for: with a defect put into the software, what was kept of fuzzing breaks it.

The rows are those of the attacks in SECURITY.md. A7: a line end within a line; A8: bytes that are no text; A9: what works on a
terminal; A10: names that look like others; A18: masks that take for ever; A19: logging in; A21: doing first what comes later.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from client.tui import layout
from client.tui.cells import Piece
from server import passwords
from server.commands import TABLE, modes, nicks, registration
from server.commands.changes import Change, written
from server.dialects import irc, multiline, plain
from server.state.model import Network, User
from server.transport import websocket
from tests.fuzz import corpus, target_masks, target_wire
from tests.fuzz.targets import load
from wire import display, masks, message, sasl
from wire.lines import LineBuffer

Plant = Callable[[pytest.MonkeyPatch], None]


def _reads_anything(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(irc, "read", lambda line, limit, most_tags: message.parse(line.decode(errors="replace")))


def _reads_text_only(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(irc, "read", lambda line, limit, most_tags: message.parse(line.decode()))


def _escapes_no_line_ends(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(message, "_ESCAPE", str.maketrans({";": r"\:", " ": r"\s", "\\": "\\\\"}))


def _cuts_by_chunk(patch: pytest.MonkeyPatch) -> None:
    class Careless(LineBuffer):
        def feed(self, data: bytes) -> list[bytes]:
            return [line for line in super().feed(data + b"\n") if line]

    patch.setattr(target_wire, "LineBuffer", Careless)


def _shows_as_it_is(module: str) -> Plant:
    def plant(patch: pytest.MonkeyPatch) -> None:
        patch.setattr(f"{module}.plain", str)

    return plant


def _knows_no_c1(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(display, "_UNSAFE", re.compile("[\x00-\x1f\x7f]"))


def _takes_any_nick(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(registration, "valid_nick", lambda name, longest: name.isprintable() and " " not in name)


def _reserves_nothing(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(registration, "RESERVED", frozenset())


def _goes_back(mask: str, text: str) -> bool:
    """The well-known way with a stack: right, and slow."""
    ways = [(0, 0)]
    while ways:
        m, t = ways.pop()
        if m == len(mask):
            if t == len(text):
                return True
        elif mask[m] == "*":
            ways += [(m, t + 1), (m + 1, t)] if t < len(text) else [(m + 1, t)]
        elif t < len(text) and text[t] == mask[m]:
            ways.append((m + 1, t + 1))
    return False


def _matches_slowly(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(target_masks, "matches", lambda mask, text: masks.matches(mask, text) if "?" in mask else _goes_back(mask, text))


def _takes_chunks_for_ever(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(sasl, "MOST", 1 << 30)


def _proves_nothing(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("wire.sasl.hmac.compare_digest", lambda one, other: True)


def _believes_every_password(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(passwords, "check", lambda password, kept, costs: passwords.Verdict(kept is not None))


def _lets_in_first(command: str) -> Plant:
    def plant(patch: pytest.MonkeyPatch) -> None:
        patch.setitem(TABLE, command, replace(TABLE[command], before=True))

    return plant


def _announces_the_first(patch: pytest.MonkeyPatch) -> None:
    def parts(changes: list[Change], spare: int) -> Iterator[str]:
        del spare
        yield written(changes[:1])

    patch.setattr(modes, "parts", parts)


def _leaves_the_nick(patch: pytest.MonkeyPatch) -> None:
    real = nicks.change_nick

    def change(net: Network, user: User, wanted: str, at: int) -> None:
        before = user.key
        real(net, user, wanted, at)
        net.nicks.setdefault(before, user)

    patch.setattr(registration, "change_nick", change)


def _measures_as_it_is(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(layout, "tame", lambda text: text)


def _wraps_nothing(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(layout, "wrap", lambda text, width, first=None: [Piece(text, 0, "")])


def _leaves_line_ends(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(multiline, "compose", lambda head, text, size: (f"{head} :{text}\r\n".encode(), b" x\r\n"))


def _speaks_for_others(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(plain, "_said", lambda line: line.partition(" :")[2].encode())


def _reads_any_bytes(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(websocket, "_is_text", lambda data: True)


@pytest.mark.parametrize(
    ("target", "plant"),
    [
        pytest.param("commands", _reads_anything, id="A7: line ends in commands"),
        pytest.param("wire", _reads_anything, id="A7: line ends in lines"),
        pytest.param("tags", _escapes_no_line_ends, id="A7: line ends in tags"),
        pytest.param("wire", _cuts_by_chunk, id="A7: lines as they arrive"),
        pytest.param("plain", _speaks_for_others, id="A7: another's name"),
        pytest.param("commands", _leaves_line_ends, id="A7: lines in a message of several"),
        pytest.param("commands", _reads_text_only, id="A8: bytes that are no text"),
        pytest.param("websocket", _reads_any_bytes, id="A8: a text frame that is no text"),
        pytest.param("client", _shows_as_it_is("client.view.texts"), id="A9: rows"),
        pytest.param("screen", _shows_as_it_is("client.view.texts"), id="A9: cells"),
        pytest.param("screen", _shows_as_it_is("client.tui.cells"), id="A9: our own name"),
        pytest.param("screen", _measures_as_it_is, id="A9: widths that nobody knows"),
        pytest.param("screen", _wraps_nothing, id="A9: rows wider than the window"),
        pytest.param("plain", _shows_as_it_is("server.dialects.plain"), id="A9: plain messages"),
        pytest.param("text", _knows_no_c1, id="A9: C1 controls"),
        pytest.param("commands", _takes_any_nick, id="A10: nicks that are not ASCII"),
        pytest.param("commands", _reserves_nothing, id="A10: names of the server"),
        pytest.param("commands", _leaves_the_nick, id="A10: two nicks"),
        pytest.param("masks", _matches_slowly, id="A18"),
        pytest.param("sasl", _takes_chunks_for_ever, id="A19: endless chunks"),
        pytest.param("sasl", _proves_nothing, id="A19: SCRAM"),
        pytest.param("login", _believes_every_password, id="A19: PLAIN"),
        pytest.param("login", _lets_in_first("JOIN"), id="A21: JOIN first"),
        pytest.param("login", _lets_in_first("LIST"), id="A21: LIST first"),
        pytest.param("modes", _announces_the_first, id="modes that nobody is told of"),
    ],
)
def test_a_defect_is_found(target: str, plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    found = load(target)
    plant(monkeypatch)
    with pytest.raises((AssertionError, ValueError)):  # noqa: PT012 - any of them
        for data in corpus.read(target):
            found(data)
