"""As test_resume.py, where the history has joins, topics and reactions in it too, and messages have several lines.

https://ircv3.net/specs/extensions/chathistory ("event-playback") and https://ircv3.net/specs/extensions/multiline
"""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from client import events as e
from client.irc.reading import ENOUGH
from tests.client.test_resume import CAPS, ROOM, Entry, Link, Model, Run
from wire.message import Message

FULL = f"{CAPS} draft/event-playback draft/multiline=max-bytes=4096,max-lines=5 multi-prefix extended-join"
END = 1 << 30


class Told(Entry):
    """An entry that may be no message, or one of several lines. The first word of what is no message is its command."""

    def shown(self, more: str = "") -> str:
        line = super().shown(more)
        head, _, _ = line.partition(" PRIVMSG ")
        tags, _, source = head.partition(" ")
        if self.text.startswith("!TAGMSG"):
            return f"{tags};+draft/react=x;+draft/reply=0001 {source} TAGMSG {self.target}"
        if self.text.startswith("!"):
            return f"{head} {self.text[1:].format(room=self.target)}"
        if "\n" not in self.text:
            return line
        inner = [f"@batch=m{self.seq} {source} PRIVMSG {self.target} :{part}" for part in self.text.split("\n")]
        return "\r\n".join([f"{tags} {source} BATCH +m{self.seq} draft/multiline {self.target}", *inner, f":s BATCH -m{self.seq}"])


class Recorder(Model):
    """The server of such a history."""

    def __init__(self, page: int) -> None:
        super().__init__(page, FULL)
        self._opening: Message | None = None
        self._parts: list[str] = []

    def store(self, link: Link | None, source: str, target: str, text: str, ident: str = "") -> None:
        silent = Link()
        super().store(silent, source, target, text, ident)
        entry = self.log[-1] = Told(*self.log[-1])
        if ident:
            self.known[ident] = entry
        if link is not None and (link.joined or target != ROOM):
            link.out.append(entry.shown(f"parley.chat/id={ident};" if ident else ""))

    def happens(self, link: Link | None, number: int) -> None:
        what = (f"JOIN {{room}} * :n{number}", f"TOPIC {{room}} :t{number}", "PART {room}", "TAGMSG", "QUIT :x")[number % 5]
        self.store(link, f"n{number}", ROOM, f"!{what}")

    def _do(self, link: Link, m: Message) -> None:
        if m.command == "BATCH" and m.param(0)[0] == "+":
            self._opening, self._parts = m, []
        elif m.command == "BATCH" and self._opening is not None:
            self._said(link, self._opening.param(2), "\n".join(self._parts), self._opening.tags["parley.chat/id"])
        elif "batch" in m.tags:
            self._parts.append(m.param(1))
        elif m.command == "CHATHISTORY" and m.param(0) == "BEFORE":
            log = [entry for entry in self.log if entry.target == m.param(1) and entry.seq < int(m.param(2)[6:])]
            found = log[-min(int(m.param(3)), self.page) :]
            link.out += [f":s BATCH +b chathistory {ROOM}", *[entry.shown("batch=b;") for entry in found], ":s BATCH -b"]
        else:
            super()._do(link, m)


class Played(Run):
    """The client against it."""

    def __init__(self, page: int = 3) -> None:
        super().__init__(page)
        self.server: Recorder = Recorder(page)

    def _act(self, act: str, link: Link) -> None:
        if act == "happens":
            self.server.happens(link, self.server._seq)
        else:
            super()._act(act.replace("|", "\n"), link)

    def check(self) -> None:
        topics = [event.text for event in self.shown if isinstance(event, e.Topic)]
        assert len(topics) == len(set(topics)), "no topic is told twice"
        stored = [entry for entry in self.server.log if "TOPIC" in entry.text]
        first = min([int(event.msgid) for event in self.shown if isinstance(event, e.Said)] or [END])
        assert {f"t{entry.seq - 1}" for entry in stored if entry.seq > first} <= set(topics), "none is missing"
        assert set(self.client.session.rooms[ROOM].members) <= {"alice", "alice_"} | self.present()
        events, self.server.log = self.server.log, [entry for entry in self.server.log if entry.text[0] != "!"]
        super().check()
        self.server.log = events

    def present(self) -> set[str]:
        """Whom the last connection saw come in."""
        return {event.nick for event in self.shown if isinstance(event, e.Joined) and not event.replayed}


ACTS = st.lists(st.sampled_from(["say hi", "say ho|and|more", "other hi", "other x|y", "happens", "happens", "wait"]), max_size=25)
CUT = st.one_of(st.integers(0, 400), st.integers(300, 4000))


@settings(deadline=None, max_examples=120)
@given(st.lists(st.tuples(CUT, CUT, ACTS, st.booleans(), st.integers(0, 9)), max_size=6), st.integers(1, 6))
def test_a_connection_that_breaks_at_any_byte_loses_nothing_and_repeats_nothing(
    breaks: list[tuple[int, int, list[str], bool, int]], page: int
) -> None:
    run = Played(page)
    run.connection(10_000, 10_000, ["wait"])
    for up, down, acts, ghost, meanwhile in breaks:
        run.server.ghost = "alice" if ghost else ""
        for number in range(meanwhile):
            if number % 2:
                run.server.happens(None, run.server._seq)
            else:
                run.server.store(None, "bob", ROOM, f"meanwhile {number}\nand more")
        run.connection(up, down, acts)
    run.server.ghost = ""
    run.connection(END, END, ["say last"])
    run.check()


def test_a_page_of_joins_only_does_not_end_the_reading() -> None:
    run = Played(3)
    run.connection(END, END, ["other x"])
    for number in range(0, 500, 5):
        run.server.happens(None, number)
    run.server.store(None, "bob", ROOM, "after all of them")
    run.connection(END, END, [])
    run.check()
    assert [event.text for event in run.shown if isinstance(event, e.Said)] == ["x", "after all of them"]


def test_a_page_of_what_was_seen_live_does_not_end_it_either() -> None:
    run = Played(3)
    run.connection(END, END, ["other x", *["happens"] * 20])
    run.server.store(None, "bob", ROOM, "meanwhile")
    run.connection(END, END, [])
    run.check()


def test_few_messages_among_many_joins_bring_what_was_before() -> None:
    run = Played(50)
    for number in range(100):
        run.server.store(None, "bob", ROOM, str(number))
    for number in range(0, 300, 5):
        run.server.happens(None, number)
    run.server.store(None, "bob", ROOM, "last")
    run.connection(END, END, ["other live"])
    run.check()
    said = [event.text for event in run.shown if isinstance(event, e.Said)]
    assert ENOUGH <= len(said) <= 60
    assert said[-3:] == ["99", "last", "live"]


def test_a_connection_that_breaks_between_the_first_pages() -> None:
    """Nothing has been shown then, and nothing is missing later."""
    for down in range(0, 6000, 97):
        run = Played(5)
        for number in range(10):
            run.server.store(None, "bob", ROOM, str(number))
            run.server.happens(None, run.server._seq)
        run.connection(END, down, [])
        run.connection(END, END, ["other live"])
        run.check()
