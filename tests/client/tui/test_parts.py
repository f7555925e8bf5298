"""Small parts: themes, notifications, rows of text, what is remembered, words for keys."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual._xterm_parser import XTermParser
from textual.binding import Binding
from textual.color import Color
from textual.events import Key

from client import folders
from client.tui import settings
from client.tui.app import ParleyApp
from client.tui.cells import cell_len
from client.tui.colours import contrast
from client.tui.members import member_rows
from client.tui.notify import APART, Notifier, Notify, call_sign, call_text, osc9
from client.tui.rooms import MOST_SHOWN, room_rows
from client.tui.rows import Row, Span, arrange
from client.tui.screens.help import described, key_name
from client.tui.screens.main import MainScreen
from client.tui.settings import Settings
from client.tui.status import who_types
from client.tui.themes import THEMES, following
from client.view import Buffer, Entry, Mark
from tests.client.tui.desk import NOON, Desk

# --- themes ---


@pytest.mark.parametrize(("name", "least"), [("dark", 4.5), ("light", 4.5), ("contrast", 7.0)])
def test_text_can_be_read(name: str, least: float) -> None:
    theme = THEMES[name]
    texts = [
        theme.foreground,
        theme.primary,
        theme.accent,
        theme.error,
        theme.success,
        theme.warning,
        theme.variables["text-muted"],
    ]
    for behind in (theme.background, theme.surface, theme.panel):
        for text in texts:
            assert text is not None
            assert behind is not None
            found = contrast(Color.parse(text), Color.parse(behind))
            assert found >= least, f"{text} on {behind} in {name}: {found:.2f}"


def test_themes_follow_each_other() -> None:
    assert [following(name) for name in THEMES] == ["light", "contrast", "dark"]
    assert following("neon") == "dark"


# --- notifications ---


def entry(nick: str = "ada", room: str = "#lobby") -> Entry:
    return Entry(NOON, room, Mark.MESSAGE, "the text stays here", nick)


@pytest.mark.parametrize(
    ("how", "environment", "written"),
    [
        (Notify.BELL, {}, "\a"),
        (Notify.OSC9, {}, "\x1b]9;ada in #lobby\x1b\\"),
        (Notify.BOTH, {}, "\x1b]9;ada in #lobby\x1b\\\a"),
        (Notify.NONE, {}, ""),
        (Notify.OSC9, {"TMUX": "/tmp/x"}, "\a"),
        (Notify.BOTH, {"TERM": "screen-256color"}, "\a"),
    ],
)
def test_how_one_is_called(how: Notify, environment: dict[str, str], written: str) -> None:
    to_terminal = list[str]()
    notifier = Notifier(to_terminal.append, lambda: 0.0, how, environment)
    assert notifier.call(entry()) == bool(written)
    assert "".join(to_terminal) == written


def test_not_all_the_time() -> None:
    now, to_terminal = [0.0], list[str]()
    notifier = Notifier(to_terminal.append, lambda: now[0], Notify.BELL, {})
    for when in (0.0, 1.0, APART - 0.1, APART, APART + 1):
        now[0] = when
        notifier.call(entry())
    assert to_terminal == ["\a", "\a"]


def test_a_dialogue_is_called_so() -> None:
    assert call_text(entry(room="ada")) == "ada writes to you"


@given(st.text(), st.text())
def test_nobody_ends_the_sequence(nick: str, room: str) -> None:
    sequence = osc9(call_text(entry(nick, f"#{room}")))
    inside = sequence.removeprefix("\x1b]9;").removesuffix("\x1b\\")
    assert inside.isprintable()
    assert len(call_sign(nick)) <= 60


# --- rows ---


@given(st.lists(st.text(max_size=20)), st.lists(st.text(max_size=8), max_size=2), st.integers(0, 40))
def test_a_row_is_as_wide_as_it_has_to_be(left: list[str], right: list[str], width: int) -> None:
    spans = arrange(Row([Span(text) for text in left], [Span(text) for text in right]), width)
    assert sum(cell_len(text) for text, _ in spans) == width


def test_what_stands_at_the_right_stays() -> None:
    assert [span.text for span in arrange(Row([Span("a long name")], [Span(" 3 ")]), 10)] == ["a long…", " 3 "]
    assert [span.text for span in arrange(Row([Span("x")], [Span("123456")]), 4)] == ["123…"]


def test_many_are_more_than_can_be_counted() -> None:
    desk = Desk()
    buffer = desk.session.view.buffer("#dev")
    buffer.unread = MOST_SHOWN + 1
    rows, places, at = room_rows(desk.app.workspace)
    assert [span.text for span in rows[2].right] == [" 99+ "]
    assert places[at].buffer.target == "#lobby"
    buffer.muted = True
    assert [span.look for span in room_rows(desk.app.workspace)[0][2].right] == ["quiet"]


def test_who_types() -> None:
    assert who_types([]) == ""
    assert who_types(["ada"]) == "ada is typing …"
    assert who_types(["ada", "bob"]) == "ada and bob are typing …"
    assert who_types(["ada", "bob", "carol", "dan"]) == "ada, bob and 2 more are typing …"


def test_no_members_no_rows() -> None:
    assert member_rows(Buffer("#lobby", "#lobby")) == ([], [])


# --- keys ---

PLAIN = {"alt+up": "\x1b[1;3A", "alt+down": "\x1b[1;3B", "alt+left": "\x1b[1;3D", "alt+right": "\x1b[1;3C", "pageup": "\x1b[5~"}
PLAIN |= {"pagedown": "\x1b[6~", "ctrl+home": "\x1b[1;5H", "ctrl+end": "\x1b[1;5F"}
PLAIN |= {"f1": "\x1bOP", "f2": "\x1bOQ", "f3": "\x1bOR", "f4": "\x1bOS", "f5": "\x1b[15~", "f10": "\x1b[21~"}


def sent(key: str) -> str:
    """What a terminal without any newer protocol sends for a key."""
    modifier, _, rest = key.rpartition("+")
    return PLAIN.get(key) or (chr(ord(rest) - 96) if modifier == "ctrl" else f"\x1b{rest}")


def test_our_keys_are_heard_from_any_terminal() -> None:
    Desk()
    bindings = [*MainScreen.BINDINGS, *ParleyApp.BINDINGS]
    keys = [key for binding in bindings if isinstance(binding, Binding) for key in binding.key.split(",")]
    parser = XTermParser()
    heard = [event.key for key in keys for event in parser.feed(sent(key)) if isinstance(event, Key)]
    assert heard == keys
    assert len(set(keys)) == len(keys)


# --- what is remembered ---


def test_settings_are_kept() -> None:
    assert settings.load() == Settings()
    kept = Settings("light", Notify.BOTH, rooms=False, members=True)
    assert settings.save(kept)
    assert settings.load() == kept


@pytest.mark.parametrize(
    "content", [{"theme": "neon", "notify": "pigeon"}, {"theme": 7, "notify": ["bell"], "rooms": 1, "members": "yes"}]
)
def test_what_cannot_be_understood_is_as_at_first(content: dict[str, object]) -> None:
    folders.write(settings.file(), content)
    assert settings.load() == Settings()


# --- help ---


def test_names_of_keys() -> None:
    assert [key_name(key) for key in ("ctrl+k", "f1", "alt+left", "pageup", "question_mark")] == [
        "Ctrl+K",
        "F1",
        "Alt+←",
        "page up",
        "question_mark",
    ]


def test_keys_for_the_same_stand_together() -> None:
    bindings = [Binding("f1,h", "help", "help"), Binding("x", "secret", "")]
    numbers = [Binding(f"alt+{n}", "go", "a room") for n in range(1, 10)]
    assert described([*bindings, *numbers]) == [("F1, H", "help"), ("Alt+1 … 9", "a room")]
