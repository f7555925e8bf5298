"""Entries: how many are kept, in which order, and what becomes of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from client import events as e
from client.view import Entry, Mark, Past, Printer, Scroll, View, excerpt, search
from client.view.pending import MOST_EACH, MOST_MESSAGES, Pending

NOW = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)


@pytest.fixture
def view() -> View:
    view = View("#dev", lambda: NOW)
    view.feed(e.Registered("al"))
    return view


def said(text: str, msgid: str = "", **more: object) -> e.Said:
    return e.Said("#dev", str(more.pop("nick", "bob")), text, msgid=msgid, **more)  # type: ignore[arg-type]


def entry(text: str, msgid: str = "") -> Entry:
    return Entry(NOW, "#dev", Mark.MESSAGE, text, "bob", msgid=msgid)


def texts(view: View) -> list[str]:
    return [each.text for each in view.front.entries]


def only(view: View) -> Entry:
    (one,) = view.front.entries
    return one


def rows(view: View, event: e.Event) -> list[str]:
    return [row[6:] for each in view.feed(event) for row in Printer(view.answered).rows(each, "#dev")]


def test_numbers_stay() -> None:
    scroll = Scroll()
    assert (scroll.append(entry("a", "1")), scroll.append(entry("b"))) == (0, 1)
    assert scroll.prepend([entry("y"), entry("z", "0")])
    assert (scroll.first, scroll.end, len(scroll)) == (-2, 2, 4)
    assert [each.text for each in scroll] == ["y", "z", "a", "b"]
    assert (scroll.find("1"), scroll.find("0"), scroll.find(""), scroll.find("x")) == (0, -1, None, None)
    assert [each.text for each in scroll.newest(3)] == ["z", "a", "b"]
    assert len(scroll.newest(100)) == 4
    scroll.drop_oldest()
    scroll.drop_oldest()
    assert (scroll.first, scroll.find("0"), scroll[0].text) == (0, None, "a")
    assert not scroll.prepend([entry("x")]), "something is missing between"
    with pytest.raises(IndexError):
        scroll[-1]
    scroll.clear()
    scroll.drop_oldest()
    assert (len(scroll), scroll.first, scroll.end, scroll.size) == (0, 2, 2, 0)
    assert (scroll.append(entry("c")), scroll.newest_spoken()) == (2, scroll[2])


def test_the_newest_that_was_said() -> None:
    scroll = Scroll()
    scroll.append(Entry(NOW, "#dev", Mark.INFO, "x"))
    assert scroll.newest_spoken() is None
    scroll.prepend([entry("old"), entry("less old")])
    assert scroll.newest_spoken() is scroll[-1]
    scroll.append(entry("new"))
    assert scroll.newest_spoken() is scroll[1]
    for _ in range(4):
        scroll.drop_oldest()
    assert scroll.newest_spoken() is None


def test_what_is_dropped_while_scrolled_back(view: View) -> None:
    view.feed(said("live", "live"))
    view.feed(e.Older("#dev", tuple(said(f"old {n}", f"o{n}") for n in range(100))))
    assert view.front.entries.first == -100
    view.most_bytes = 30_000
    view.front.first_unread = view.front.marked = -100
    view.feed(said("newer"))
    assert (view.front.past, view.front.entries[0].text, texts(view)[-1]) == (Past.FULL, "live", "newer")
    assert view.front.first_unread == view.front.marked == view.front.entries.first > -100
    view.feed(e.Older("#dev", (said("older still", "x"),)))
    assert (view.front.past, view.front.entries.find("x")) == (Past.FULL, None)
    view.feed(e.Registered("al", again=True))
    assert not view.wants_older(view.front)


def test_a_page_that_is_too_much(view: View) -> None:
    view.most_bytes = 30_000
    view.feed(said("live"))
    view.feed(e.Older("#dev", tuple(said(f"old {n}", f"o{n}") for n in range(100))))
    assert 0 < view.front.entries.size <= 30_000
    assert (view.front.past, texts(view)[-2:]) == (Past.FULL, ["old 99", "live"])


def test_a_message_is_there_once(view: View) -> None:
    view.feed(said("a", "1"))
    assert view.feed(said("a", "1", replayed=True)) == []
    view.feed(e.Older("#dev", (said("z", "0"), said("z", "0"), said("a", "1"), said("no id"), said("no id"))))
    assert texts(view) == ["z", "no id", "no id", "a"]
    assert view.front.unread == 1
    view.feed(e.Redacted("#dev", "1", "bob"))
    assert view.feed(said("a", "1", replayed=True)) == [], "taken back, it is still this one"


def test_a_server_whose_ids_start_over_loses_no_message(view: View) -> None:
    view.feed(said("a", "1"))
    view.feed(said("b", "1"))
    assert texts(view) == ["a", "b"]
    assert [each.msgid for each in view.front.entries] == ["", "1"]
    assert view.front.entries.find("1") == 1


def test_pages_of_history(view: View) -> None:
    view.feed(said("live"))
    view.feed(
        e.Older(
            "#dev",
            (
                e.Redacted("#dev", "1", "op", "spam", replayed=True),
                said("bad", "1"),
                e.Joined("#dev", "x", replayed=True),
                e.Parted("#dev", "x", by="op", replayed=True),
                e.Topic("#dev", "t", "op", NOW - timedelta(days=1), replayed=True),
                e.ModeSet("#dev", "op", "+m", replayed=True),
                said("good", "2"),
                e.Reacted("#dev", "2", "ada", "+1", replayed=True),
            ),
            start=True,
        )
    )
    assert texts(view) == [
        "",
        "x was put out of #dev by op",
        "op set the topic of #dev: t",
        "op sets mode +m in #dev",
        "good",
        "live",
    ]
    entries = view.front.entries
    assert (entries[-5].redacted, entries[-1].reactions) == ("op (spam)", {"+1": ("ada",)})
    assert entries[-3].at == NOW - timedelta(days=1)
    assert all(each.replayed for each in list(entries)[:-1])
    assert (view.front.past, view.front.unread, entries.first) == (Past.START, 1, -5)


def test_reactions(view: View) -> None:
    view.feed(said("hello there", "1"))
    assert rows(view, e.Reacted("#dev", "1", "ada", "👍")) == ["-- ada reacted with 👍 to bob: hello there"]
    assert rows(view, e.Reacted("#dev", "1", "ada", "👍")) == [], "once is enough"
    view.feed(e.Reacted("#dev", "1", "al", "👍", own=True))
    view.feed(e.Reacted("#dev", "1", "ada", "x", removed=True))
    assert only(view).reactions == {"👍": ("ada", "al")}
    assert rows(view, e.Reacted("#dev", "1", "al", "👍", removed=True, own=True)) == ["-- you took back 👍 to bob: hello there"]
    view.feed(e.Reacted("#dev", "1", "ada", "👍", removed=True))
    assert (only(view).reactions, only(view).revision) == ({}, 4)


def test_reactions_are_bounded(view: View) -> None:
    view.feed(said("x", "1"))
    for number in range(150):
        view.feed(e.Reacted("#dev", "1", f"n{number}", "+"))
        view.feed(e.Reacted("#dev", "1", "bob", str(number)))
    assert len(only(view).reactions) == 20
    assert len(only(view).reactions["+"]) == 100
    view.feed(e.Reacted("#dev", "1", "bob", ""))
    assert "" not in only(view).reactions
    assert view.front.entries.size == only(view).weight


def test_taking_back(view: View) -> None:
    view.feed(said("oh no", "1"))
    view.feed(e.Reacted("#dev", "1", "ada", "+"))
    assert rows(view, e.Redacted("#dev", "1", "op", "spam\x1b")) == ["-- op took back bob: oh no (spam\\x1b)"]
    assert rows(view, e.Redacted("#dev", "1", "eve")) == []
    view.feed(e.Reacted("#dev", "1", "ada", "+"))
    assert (only(view).text, only(view).reactions, only(view).redacted) == ("", {}, "op (spam\\x1b)")
    assert Printer().rows(only(view), "#dev") == ["12:30 <bob> (taken back by op (spam\\x1b))"]
    assert rows(view, said("why", reply_to="1")) == ["<bob> (to bob) why"]
    view.feed(said("a word", "2"))
    assert rows(view, e.Redacted("#dev", "2", "bob")) == ["-- bob took back: a word"]


def test_what_is_about_messages_that_are_not_here_waits_for_them(view: View) -> None:
    view.feed(e.Reacted("#dev", "1", "ada", "+", removed=True))
    view.feed(e.Redacted("#dev", "2", "bob"))
    view.feed(e.Older("#dev", (e.Reacted("#dev", "1", "ada", "+"), e.Reacted("#dev", "1", "eve", "+"), said("newer", "3"))))
    view.feed(e.Older("#dev", (said("one", "1"), said("two", "2"), e.Reacted("#dev", "2", "eve", "-"))))
    one, two, _ = view.front.entries
    assert (one.reactions, two.redacted, two.reactions) == ({"+": ("eve",)}, "bob", {}), "in the order in which it happened"
    assert len(view.front.pending) == 0
    view.feed(e.Redacted("#dev", "9", "bob"))
    view.feed(said("late", "9"))
    assert view.front.entries.newest(1)[0].redacted == "bob"


def test_what_waits_is_bounded() -> None:
    pending = Pending()
    for number in range(MOST_MESSAGES + 5):
        for _ in range(MOST_EACH + 5):
            pending.put(e.Redacted("#dev", str(number), "bob"))
    pending.put(e.Redacted("#dev", "", "bob"))
    pending.put(e.Redacted("#dev", "x" * 1000, "bob"))
    assert len(pending) == MOST_MESSAGES * MOST_EACH
    assert pending.take("0") == pending.take("") == []
    assert len(pending.take("50")) == MOST_EACH
    assert pending.take("50") == []


def test_texts_are_bounded(view: View) -> None:
    view.feed(said("x\n" * 1000))
    assert only(view).text.count("\n") == 199
    assert only(view).text.endswith(" […]")
    view.feed(said("\U000e0001" * 16_000))
    view.feed(e.Info("y" * 20_000))
    for each in (view.front.entries[1], view.buffer("").entries.newest(1)[0]):
        assert len(each.text) == 16 * 1024
        assert each.text.endswith(" […]")
    assert view.feed(said("z" * 16 * 1024 + "!"))[0].text.endswith("z […]")
    assert view.feed(said("a\tb"))[0].text == "a    b"
    assert view.feed(said("x", "i" * 1000, reply_to="r" * 1000))[0].msgid == ""


def test_a_message_of_several_lines_is_several_rows(view: View) -> None:
    assert rows(view, said("one\n12:00 <eve> two")) == ["<bob> one", "<bob> 12:00 <eve> two"]
    assert rows(view, said("waves\nhard", kind=e.Kind.ACTION)) == ["* bob waves", "* bob hard"]


def test_answers(view: View) -> None:
    view.feed(said("what a long question this is, and it goes on and on", "1"))
    assert rows(view, said("so\nit is", nick="ada", reply_to="1")) == [
        "<ada> (to bob: what a long question this is, and it…) so",
        "<ada> it is",
    ]
    assert rows(view, said("yes", reply_to="gone")) == ["<bob> (to an earlier message) yes"]
    assert view.answered(view.feed(said("plain"))[0]) is None


@pytest.mark.parametrize(
    ("text", "short"), [("a b", "a b"), ("a\nb", "a b"), ("x" * 50, "x" * 40 + "…"), ("word " * 10, "word " * 7 + "word…")]
)
def test_excerpts(text: str, short: str) -> None:
    assert excerpt(text) == short


def test_search(view: View) -> None:
    for number, text in enumerate(["Tea?", "no", "straße", "tea!"]):
        view.feed(said(text, nick="Teodor" if number == 1 else "bob"))
    buffer, end = view.front, view.front.entries.end
    assert search(buffer, "TEA", end) == 3
    assert search(buffer, "TEA", 3) == 0
    assert search(buffer, "TEA", 0) is None
    assert search(buffer, "STRASSE", end) == 2
    assert search(buffer, "teo", end) == 1
    assert search(buffer, "tea", 0, backwards=False) == 3
    assert search(buffer, "tea", -99, backwards=False) == 0
    assert search(buffer, "tea", 999) == 3
    assert search(buffer, "", end) is None


def test_clearing(view: View) -> None:
    view.feed(said("a", "1"))
    view.clear(view.front)
    assert (len(view.front.entries), view.front.unread, view.front.past) == (0, 0, Past.FULL)
    assert view.feed(said("b", "2"))
    view.feed(e.Older("#dev", (said("older", "0"),)))
    assert texts(view) == ["b"], "what was forgotten would be missing between"


def test_what_is_on_its_way(view: View) -> None:
    view.feed(e.Sending("#dev", ("one\ntwo", "\x1b")))
    assert view.front.waiting == ("one\ntwo", "\\x1b")
    view.feed(e.Sending("#dev", ()))
    assert not view.front.waiting
    assert "#dev" in view.take_changes().entries


def test_whose_reaction_it_is(view: View) -> None:
    view.feed(said("a", "1"))
    view.feed(e.Reacted("#dev", "1", "Zoe", "x"))
    entry = view.front.entries.newest(1)[0]
    assert entry.has_reaction_of("zoe", "x")
    assert not entry.has_reaction_of("bob", "x")
    assert not entry.has_reaction_of("zoe", "y")


def test_a_closed_room_does_not_come_back_because_nothing_waits_there(view: View) -> None:
    assert view.feed(e.Sending("#closed", ())) == []
    assert view.find("#closed") is None
