"""A buffer as items of rows: what is laid out is kept, within bounds, until something about it changes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from textual.selection import Selection

from client.tui.colours import UNSTYLED
from client.tui.drawn import KEPT, Drawn, News
from client.tui.layout import Look
from client.tui.shown import selected_text
from client.view import Buffer, Entry, Mark

AT = datetime(2026, 11, 27, 12, 30, tzinfo=UTC)


def drawn_of(*texts: str) -> Drawn:
    buffer = Buffer("#lobby", "#lobby")
    for number, text in enumerate(texts):
        buffer.entries.append(Entry(AT + timedelta(hours=number), "#lobby", Mark.MESSAGE, text, "bob", msgid=f"m{number}"))
    return Drawn(buffer, Look(79, UNSTYLED))


def texts(drawn: Drawn, number: int) -> list[str]:
    return [row.text for row in drawn.rows(number)]


def test_rows_are_kept_until_something_changes() -> None:
    drawn = drawn_of("one", "two")
    before = drawn.rows(1)
    assert drawn.rows(1) is before
    drawn.buffer.entries[1].revision += 1
    assert drawn.rows(1) is not before
    again = drawn.rows(1)
    drawn.buffer.marked = 1
    assert texts(drawn, 1)[0].strip("─") == " new "
    assert drawn.rows(1) is not again
    drawn.redraw(drawn.look)
    wide = drawn.rows(1)
    drawn.redraw(Look(120, UNSTYLED))
    assert drawn.rows(1) is not wide


def test_what_is_kept_is_bounded() -> None:
    drawn = drawn_of(*["line\n" * (KEPT // 3)] * 6)
    rows = [drawn.rows(number) for number in range(6)]
    assert sum(len(row) for _, _, _, row in drawn._kept.values()) == drawn._count <= KEPT
    assert drawn.rows(5) is rows[5]
    assert drawn.rows(0) is not rows[0]
    huge = drawn_of("x\n" * (KEPT + 1))
    assert huge.rows(0) is huge.rows(0)


def test_what_is_answered_is_looked_up_when_it_comes() -> None:
    drawn = drawn_of("one", "two")
    answer = drawn.buffer.entries[1]
    answer.reply_to = "old"
    answer.revision += 1
    assert "╭ an earlier message" in texts(drawn, 1)[-2]
    drawn.buffer.entries.prepend([Entry(AT, "#lobby", Mark.MESSAGE, "so?\nwell", "carol", msgid="old")])
    assert "╭ carol: so? well" in texts(drawn, 1)[-2]
    answer.redacted = "carol"
    answer.revision += 1
    assert not any("╭" in text for text in texts(drawn, 1))


def test_numbers_that_have_gone_have_no_rows() -> None:
    drawn = drawn_of("one")
    assert drawn.rows(drawn.end) == []
    assert drawn.rows(-7) == []
    assert drawn.entry(-7) is None


def test_what_waits_is_laid_out_once() -> None:
    drawn = drawn_of("one")
    drawn.buffer.waiting = ("two",)
    rows = drawn.rows(1)
    assert drawn.rows(1) is rows
    drawn.buffer.waiting = ()
    assert drawn.rows(1) == []


def test_news_are_counted_while_the_end_is_out_of_sight() -> None:
    drawn = drawn_of("one")
    news = News(drawn.buffer)
    drawn.buffer.entries.append(Entry(AT, "#lobby", Mark.MESSAGE, "two", "bob"))
    news.update(at_end=False)
    drawn.buffer.entries.append(Entry(AT, "#lobby", Mark.INFO, "bob left"))
    news.update(at_end=False)
    assert news.count == 1
    news.update(at_end=True)
    assert news.count == 0


def test_what_stands_before_the_next_message_of_the_same_person_is_not_selected() -> None:
    buffer = Buffer("#lobby", "#lobby")
    for minute in range(2):
        buffer.entries.append(Entry(AT + timedelta(minutes=minute), "#lobby", Mark.MESSAGE, f"text {minute}", "bob"))
    for width, rows in ((30, ["bob 12:30", "  text 0", "· text 1"]), (79, ["12:30 bob text 0", "12:31   text 1"])):
        drawn = Drawn(buffer, Look(width, UNSTYLED))
        assert [row.text for number in (0, 1) for row in drawn.rows(number)][1:] == rows
        assert selected_text(drawn, Selection(None, None)).endswith("text 0\ntext 1")
