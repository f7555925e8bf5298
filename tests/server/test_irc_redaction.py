"""REDACT. Sentences in quotes are from https://ircv3.net/specs/extensions/message-redaction"""

from __future__ import annotations

import threading
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from server.dialects import irc, plain
from server.events import Event, Kind
from server.ports import StoreError
from tests.server.conftest import Connect
from tests.server.harness import Client, Running, running_server
from tests.server.test_irc_history import logged_in, texts
from wire import msgids
from wire.capabilities import Cap
from wire.message import parse

CAPS = "draft/chathistory batch message-tags server-time echo-message labeled-response draft/message-redaction"


def spoken(person: Client, target: str, text: str = "oops") -> str:
    """Says something; gives its id."""
    return parse(next(line for line in person.ask(f"PRIVMSG {target} :{text}") if " PRIVMSG " in line)).tags["msgid"]


def redacts(lines: list[str]) -> list[list[str]]:
    """The parameters of each REDACT."""
    return [message.params for message in map(parse, lines) if message.command == "REDACT"]


def test_an_author_redacts(connect: Connect) -> None:
    """ "SHOULD forward this REDACT, with an appropriate prefix, to the target recipients that have negotiated the capability",
    "MUST not forward this REDACT to target recipients that have not"; chathistory "SHOULD exclude it entirely"."""
    alice, bob, old = connect("alice", caps=CAPS), connect("bob", caps=CAPS), connect("old", caps="message-tags echo-message")
    for person in (alice, bob, old):
        person.ask("JOIN #a")
    bob_said = spoken(bob, "#a")
    assert redacts(bob.ask(f"REDACT #A {bob_said} :wrong window")) == [["#a", bob_said, "wrong window"]]
    (line,) = [line for line in alice.sync() if "REDACT" in line]
    assert ":bob!~u@127.0.0.1 REDACT #a" in line
    assert parse(line).tags["msgid"] != bob_said
    assert not [line for line in old.sync() if "REDACT" in line]
    for person in (alice, bob):
        shown = person.ask("CHATHISTORY LATEST #a * 9")
        assert not any("oops" in line for line in shown)
        assert redacts(shown) == [["#a", bob_said, "wrong window"]], "event-playback is not required in order to include REDACT"
    assert alice.ask(f"REDACT #a {bob_said}")[0].startswith(":parley.local FAIL REDACT UNKNOWN_MSGID #a")


def test_a_label_is_answered_once(connect: Connect) -> None:
    alice = connect("alice", caps=CAPS)
    alice.ask("JOIN #a")
    said = spoken(alice, "#a")
    (line,) = alice.ask(f"@label=x REDACT #a {said}")
    assert parse(line).tags["label"] == "x"
    assert parse(line).params == ["#a", said]


def test_an_operator_redacts_what_others_said(connect: Connect) -> None:
    """ "Allowing channel moderators or server admins to delete unwelcome messages from others" """
    alice, bob, carol = (connect(nick, caps=CAPS) for nick in ("alice", "bob", "carol"))
    for person in (alice, bob, carol):
        person.ask("JOIN #a")
    alice.ask("MODE #a +v carol")
    said = spoken(bob, "#a")
    carol.sync()
    assert f"FAIL REDACT REDACT_FORBIDDEN #a {said} :" in carol.ask(f"REDACT #a {said}")[0]
    alice.sync()
    assert redacts(alice.ask(f"REDACT #a {said}")) == redacts(carol.sync()) == [["#a", said]]


@pytest.mark.parametrize(
    ("line", "failure"),
    [
        ("REDACT #nowhere 00000000000001", "INVALID_TARGET #nowhere"),
        ("REDACT nobody 00000000000001", "INVALID_TARGET nobody"),
        ("REDACT #theirs 00000000000001", "INVALID_TARGET #theirs"),
        ("REDACT #a nonsense", "UNKNOWN_MSGID #a nonsense"),
        ("REDACT #a 00000000000001", "UNKNOWN_MSGID #a 00000000000001"),
        ("REDACT #a 00ffffffffffff", "UNKNOWN_MSGID #a 00ffffffffffff"),
        ("REDACT #a {join}", "UNKNOWN_MSGID #a {join}"),
        ("REDACT bob 00000000000001", "UNKNOWN_MSGID bob 00000000000001"),
    ],
)
def test_refusals(connect: Connect, line: str, failure: str) -> None:
    connect("bob").ask("JOIN #theirs")
    alice = connect("alice", caps=CAPS)
    join = parse(alice.ask("JOIN #a")[0]).tags["msgid"]
    (reply,) = map(parse, alice.ask(line.format(join=join)))
    assert reply.params[:-1] == ["REDACT", *failure.format(join=join).split()]


def test_without_the_capability(connect: Connect) -> None:
    """ "a client MUST negotiate the draft/message-redaction capability" """
    assert "NEED_CAPABILITY" in connect("alice").ask("REDACT #a 00000000000001")[0]
    assert connect("bob", caps=CAPS).numerics("REDACT #a") == ["461"]


def test_a_message_from_before_one_came_is_not_there_to_be_found_out(connect: Connect) -> None:
    """ "consider whether errors returned on REDACT may leak a message's existence to users who did not receive it" """
    alice, bob = connect("alice", caps=CAPS), connect("bob", caps=CAPS)
    alice.ask("JOIN #a", "MODE #a +k key")
    said = spoken(alice, "#a")
    bob.ask("JOIN #a key")
    alice.ask("MODE #a +o bob")
    bob.sync()
    assert "UNKNOWN_MSGID" in bob.ask(f"REDACT #a {said}")[0]


def test_the_time_for_it_is_over(tmp_path: Path) -> None:
    """ "FAIL REDACT REDACT_WINDOW_EXPIRED <target> <target-msgid> <window>" """
    with running_server(tmp_path, limits_redact_s=60) as server, ExitStack() as people:
        alice, bob = (people.enter_context(Client(server, nick, caps=CAPS)) for nick in ("alice", "bob"))
        for person in (alice, bob):
            person.ask("JOIN #a")
        said = spoken(bob, "#a")
        with server.server.sequencer.lock:
            server.server.sequencer.clock(server.server.sequencer.clock(0) + 61_000)
        assert f"REDACT_WINDOW_EXPIRED #a {said} 60 :" in bob.ask(f"REDACT #a {said}")[0]
        alice.sync()
        assert redacts(alice.ask(f"REDACT #a {said}")) == [["#a", said]], "an operator may at any time"


def test_private_messages(connect: Connect) -> None:
    """Only their author may; the other is told, if they are here."""
    alice, bob = connect("alice", caps=CAPS), connect("bob", caps=CAPS)
    said, own = spoken(alice, "bob"), spoken(alice, "alice")
    bob.sync()
    assert f"REDACT_FORBIDDEN alice {said}" in bob.ask(f"REDACT alice {said}")[0]
    assert redacts(alice.ask(f"REDACT BOB {said}")) == [["bob", said]]
    assert redacts(bob.sync()) == [["bob", said]]
    assert texts(bob.ask("CHATHISTORY LATEST alice * 9")) == [said]
    assert redacts(alice.ask(f"REDACT alice {own}")) == [["alice", own]]
    again = spoken(alice, "bob")
    bob.send("QUIT")
    bob.rest()
    assert redacts(alice.ask(f"REDACT bob {again}")) == [["bob", again]], "who is gone is not told"


def test_a_reaction_can_be_taken_back(connect: Connect) -> None:
    """ "which MUST be a PRIVMSG, NOTICE, or TAGMSG" """
    alice = connect("alice", caps=CAPS + " draft/event-playback")
    alice.ask("JOIN #a")
    reaction = parse(alice.ask("@+draft/react=x TAGMSG #a")[0]).tags["msgid"]
    assert redacts(alice.ask(f"REDACT #a {reaction}")) == [["#a", reaction]]
    assert not [line for line in alice.ask("CHATHISTORY LATEST #a * 9") if "TAGMSG" in line]


def test_what_is_only_in_the_store(tmp_path: Path) -> None:
    """After a restart nothing is in memory; the text goes from the disk. What comes behind the REDACT waits for it."""
    with running_server(tmp_path, store_kind="sqlite") as server, Client(server, "alice", caps=CAPS) as alice:
        logged_in(server, "alice", "Alice")
        alice.ask("JOIN #a")
        said, other, third = (spoken(alice, "#a", "swordfish") for _ in range(3))
    with running_server(tmp_path, store_kind="sqlite") as server, ExitStack() as people:
        alice, bob = (people.enter_context(Client(server, nick, caps=CAPS)) for nick in ("alice", "bob"))
        bob.ask("JOIN #a")
        alice.ask("JOIN #a")
        assert "REDACT_FORBIDDEN" in alice.ask(f"REDACT #a {said}")[0], "not logged in yet"
        logged_in(server, "alice", "Alice")
        (line, pong) = alice.ask(f"@label=x REDACT #a {said}", "PING behind")
        assert (parse(line).command, parse(line).tags["label"]) == ("REDACT", "x")
        assert "PONG" in pong
        assert redacts(bob.sync()) == [["#a", said]]
        assert redacts(bob.ask(f"REDACT #a {other} :op")) == [["#a", other, "op"]]
        assert "UNKNOWN_MSGID" in bob.ask(f"REDACT #a {other}")[0]
        alice.send(f"REDACT #a {third}", "QUIT")
        alice.rest()
    with running_server(tmp_path, store_kind="sqlite"):
        pass
    found = b"".join(path.read_bytes() for path in tmp_path.iterdir() if path.name.startswith("parley.db"))
    assert found.count(b"PRIVMSG #a :swordfish") <= 1, "the third may have been redacted before its author had gone"


def test_a_store_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise StoreError("the disk is gone")

    with running_server(tmp_path) as server, Client(server, "alice", caps=CAPS) as alice:
        alice.ask("JOIN #a")
        monkeypatch.setattr(server.server._store, "after", broken)
        assert "UNKNOWN_MSGID" in alice.ask("REDACT #a 00000000000001")[0]
        assert server.errors == ["a message that is to be redacted cannot be read: the disk is gone"]
        server.errors.clear()


def test_who_has_not_got_it_yet_gets_nothing_of_it(server: Running, connect: Connect) -> None:
    """Redacted in the very turn in which it was said: nobody sees it but as a REDACT."""
    alice, bob = connect("alice", caps=CAPS), connect("bob", caps=CAPS)
    for person in (alice, bob):
        person.ask("JOIN #a")
    alice.sync()
    with server.server.sequencer.lock:
        following = server.server.sequencer.net.seq + 1
    alice.send("PRIVMSG #a :oops", f"REDACT #a 00{following:012x}")
    assert [parse(line).command for line in alice.sync()][-1] == "REDACT"
    assert [parse(line).command for line in bob.sync()][-1] == "REDACT"


def test_while_another_worker_renders_it(server: Running, connect: Connect) -> None:
    """What a worker has taken out of the log to render does not change under its hands: REDACT puts another event in its place."""
    caps = CAPS + " draft/multiline"
    alice = connect("alice", caps=caps)
    alice.ask("JOIN #a")
    long = ["BATCH +1 draft/multiline #a", "@batch=1 PRIVMSG #a :one", "@batch=1 PRIVMSG #a :two", "BATCH -1"]
    msgid = parse(next(line for line in alice.ask(*long) if " BATCH +" in line)).tags["msgid"]
    sequencer = server.server.sequencer
    seq = msgids.decode(msgid)
    assert seq is not None
    with sequencer.lock:
        (event,) = sequencer.net.rooms["#a"].log.between(seq - 1, seq)
        size = sequencer.net.window.size
    classes = [0, int(Cap.BATCH | Cap.MULTILINE), int(Cap.MESSAGE_TAGS)]
    before = [irc.render(event, caps) for caps in classes]
    bad: list[int] = []
    stop = threading.Event()

    def render() -> None:
        while not stop.is_set():
            bad.extend(caps for caps, shown in zip(classes, before, strict=True) if irc.render(event, caps) != shown)

    thread = threading.Thread(target=render)
    thread.start()
    try:
        assert redacts(alice.ask(f"REDACT #a {msgid}")) == [["#a", msgid]]
    finally:
        stop.set()
        thread.join()
    assert not bad
    with sequencer.lock:
        (now,) = sequencer.net.rooms["#a"].log.between(seq - 1, seq)
        assert (now.line, now.alt, now.seq, now.origin) == (b"", b"", event.seq, event.origin)
        log = sequencer.net.rooms["#a"].log
        assert sequencer.net.window.size - size == 300 + len(log.events[-1].line), "only the REDACT has come"


def test_what_was_looked_up_is_redacted_at_the_time_of_that(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Time in a log never goes back: while the message is looked up others go on talking."""
    with running_server(tmp_path, store_kind="sqlite") as server, Client(server, "alice", caps=CAPS) as alice:
        alice.ask("JOIN #a")
        said = spoken(alice, "#a")
    with (
        running_server(tmp_path, store_kind="sqlite") as server,
        Client(server, "alice", caps=CAPS) as alice,
        Client(server, "bob", caps=CAPS) as bob,
    ):
        alice.ask("JOIN #a")
        bob.ask("JOIN #a")
        store, sequencer = server.server._store, server.server.sequencer
        asked, go, after = threading.Event(), threading.Event(), store.after

        def slow(*args: Any, **more: Any) -> list[Event]:
            asked.set()
            assert go.wait(60)
            return after(*args, **more)

        monkeypatch.setattr(store, "after", slow)
        alice.send(f"REDACT #a {said}")
        assert asked.wait(60)
        with sequencer.lock:
            sequencer.clock(sequencer.clock(0) + 60_000)
        spoken(bob, "#a", "later")
        go.set()
        alice.until(" REDACT ")
        with sequencer.lock:
            times = [event.at for event in sequencer.net.rooms["#a"].log.events]
        assert times == sorted(times)


def test_the_plain_dialect_shows_nothing_of_it() -> None:
    assert plain.render(Event(1, 1, 0, "#lobby", Kind.MESSAGE, b""), b"") == b""
