"""What a server says is text on the screen: also where somebody forgot to make it so, and in our own name."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.segment import ControlType, Segment
from textual.color import Color
from textual.strip import Strip
from textual.widget import Widget
from textual.widgets import Input, Static

from client import events as e
from client.tui.cells import cell_len, harmless, shown
from client.tui.gate import GATE, content
from client.tui.rows import Row, Span, arrange
from client.tui.screens.account import Account
from client.tui.screens.servers import Servers
from client.tui.topic import TopicLine
from tests.client.tui.desk import Desk, said
from tests.client.tui.test_hostile import NASTY
from wire.display import safe

BLACK = Color(0, 0, 0)
REGISTERS = frozenset({e.Feature.REGISTRATION})
ANY = st.text(st.characters(), max_size=20)


@given(ANY)
def test_nothing_that_works_is_left_and_it_is_as_wide(text: str) -> None:
    let = harmless(text)
    assert safe(let) == let
    assert cell_len(let) == cell_len(text)


@given(ANY)
def test_what_was_made_safe_stays_as_it_is(text: str) -> None:
    assert safe(shown(text)) == shown(text) == shown(shown(text))


@given(st.lists(ANY), st.lists(ANY), st.integers(1, 60))
def test_a_row_is_text_whatever_is_in_it(left: list[str], right: list[str], width: int) -> None:
    text = "".join(part for part, _ in arrange(Row([*map(Span, left)], [*map(Span, right)]), width))
    assert safe(text) == text
    assert cell_len(text) == width


def test_no_control_of_a_segment_passes() -> None:
    assert GATE.apply([Segment("a\x1b[2Jb", None, [(ControlType.BELL,)])], BLACK) == [Segment("a[2Jb", None)]
    good = [Segment("text")]
    assert GATE.apply(good, BLACK) is good


def test_lines_of_a_widget_stay_lines() -> None:
    assert content("one\x1b\n[b]two").plain == "one\\x1b\n[b]two"


class Careless(Widget):
    """Forgets it."""

    def render_line(self, y: int) -> Strip:
        return Strip([Segment(NASTY[0])])


def test_every_widget_goes_through_it() -> None:
    desk = Desk()

    async def scenario() -> None:
        careless = Careless()
        await desk.app.main.mount(careless)
        careless.styles.height = 1
        await desk.sees("]52;c;31337")
        assert not any("\x1b" in row for row in desk.rows())

    desk.run(scenario)


@pytest.mark.parametrize("nasty", [NASTY[0], NASTY[6], NASTY[7]])
def test_our_own_name_is_text_wherever_it_is_shown(nasty: str) -> None:
    desk = Desk()
    name = shown(nasty)

    async def scenario() -> None:
        await desk.greeted()
        await desk.happens(e.Registered(nasty), e.Offers("Ex", REGISTERS), said("hi", nasty, own=True))
        assert name in "".join(span.text for span in arrange(desk.app.main.query_one(TopicLine).row, 160))
        desk.app.may_offer[desk.session.address] = True
        desk.app.main._tick()
        assert f"the name {name} is yours" in str(desk.app.main.offers.query_one(Static).content)
        await desk.keys("f4")
        assert isinstance(desk.app.screen, Account)
        assert name in str(desk.app.screen.query(Static).first().content)
        await desk.keys("escape", "alt+s")
        assert isinstance(desk.app.screen, Servers)
        assert desk.app.screen.query_one("#name", Input).value == name

    desk.run(scenario, size=(160, 24))
