"""CHATHISTORY, whole and in pages. Sentences in quotes are from https://ircv3.net/specs/extensions/chathistory"""

from __future__ import annotations

from pathlib import Path

import pytest

from server.commands import history
from server.dialects import irc
from server.events import Event, Kind
from server.ports import StoreError
from tests.server.conftest import Connect
from tests.server.harness import Client, Running, running_server
from wire import msgids
from wire.capabilities import Cap
from wire.message import parse

CAPS = "draft/chathistory batch message-tags server-time echo-message labeled-response"


def texts(lines: list[str]) -> list[str]:
    """What was said, of a batch of history that is as it should be."""
    first, *inner, last = map(parse, lines)
    assert first.params[1] == "chathistory"
    assert last.params == ["-" + first.params[0][1:]]
    assert {message.tags["batch"] for message in inner} <= {first.params[0][1:]}
    return [message.params[-1] for message in inner]


def spoken(person: Client, target: str, count: int) -> list[str]:
    """Says `count` things; gives their ids."""
    lines = person.ask(*[f"PRIVMSG {target} :{i}" for i in range(count)])
    return [parse(line).tags["msgid"] for line in lines if " PRIVMSG " in line]


def test_latest_before_and_after(connect: Connect) -> None:
    """BEFORE: "up to limit number of messages before and excluding the given timestamp or msgid"; AFTER "after and excluding";
    LATEST "the most recent messages that have been sent", "restricted to those sent after and excluding that" msgid."""
    alice = connect("alice", caps=CAPS)
    alice.ask("JOIN #a")
    ids = spoken(alice, "#a", 10)

    def ask(kind: str, reference: str, limit: int) -> str:
        return "".join(texts(alice.ask(f"CHATHISTORY {kind} #A {reference} {limit}")))

    assert ask("LATEST", "*", 100) == "0123456789"
    assert ask("latest", "*", 3) == "789"
    assert ask("LATEST", f"msgid={ids[6]}", 100) == "789"
    assert ask("LATEST", f"msgid={ids[6]}", 2) == "89"
    assert ask("BEFORE", f"msgid={ids[4]}", 2) == "23"
    assert ask("BEFORE", f"msgid={ids[4]}", 100) == "0123"
    assert ask("AFTER", f"msgid={ids[4]}", 2) == "56"
    assert ask("AFTER", f"msgid={ids[4]}", 100) == "56789"
    assert ask("AFTER", f"msgid={ids[9]}", 5) == ""
    assert ask("BEFORE", f"msgid={msgids.encode(2**48 - 1)}", 2) == "89"
    for kind in ("LATEST", "BEFORE", "AFTER"):
        assert ask(kind, f"msgid={ids[5]}", 0) == ""


def test_history_is_what_was_sent(connect: Connect) -> None:
    """ "The msgid tag that identifies each individual message in a response MUST be the msgid tag as originally sent", and "the
    server MUST NOT send any lines other than PRIVMSG and NOTICE in the reply batch" without event-playback."""
    alice = connect("alice", caps=CAPS)
    alice.ask("JOIN #a")
    sent = alice.ask("@+example/tag=1 PRIVMSG #a :hi", "TOPIC #a :t", "NOTICE #a :ho", "@+typing=active TAGMSG #a", "MODE #a +m")
    wanted = [parse(line) for line in sent if " PRIVMSG " in line or " NOTICE " in line]
    _, *inner, _ = map(parse, alice.ask("CHATHISTORY LATEST #a * 10"))
    assert [(m.command, m.source, m.params, {**m.tags, "batch": ""}) for m in inner] == [
        (m.command, m.source, m.params, {**m.tags, "batch": ""}) for m in wanted
    ]


def test_pages_of_the_store_are_put_together(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "_PAGE", 2)
    alice = connect("alice", caps=CAPS)
    alice.ask("JOIN #a")
    ids = spoken(alice, "#a", 3)
    alice.ask("TOPIC #a :1", "TOPIC #a :2", "TOPIC #a :3")
    spoken(alice, "#a", 3)
    assert "".join(texts(alice.ask("CHATHISTORY LATEST #a * 4"))) == "2012"
    assert "".join(texts(alice.ask(f"CHATHISTORY LATEST #a msgid={ids[1]} 100"))) == "2012"
    assert "".join(texts(alice.ask(f"CHATHISTORY AFTER #a msgid={ids[0]} 4"))) == "1201"
    assert "".join(texts(alice.ask(f"CHATHISTORY BEFORE #a msgid={ids[2]} 4"))) == "01"


def test_private_conversations(connect: Connect) -> None:
    """ "If a nickname is given as the target then the server SHOULD include history sent between the current user and the target
    nickname, including outgoing messages"; nobody else gets it."""
    alice, bob, carol = (connect(nick, caps=CAPS) for nick in ("alice", "bob", "carol"))
    alice.ask("PRIVMSG bob :one")
    bob.ask("PRIVMSG alice :two")
    alice.ask("PRIVMSG carol :other", "PRIVMSG alice :self")
    for person, other in ((alice, "bob"), (bob, "alice")):
        person.sync()
        assert texts(person.ask(f"CHATHISTORY LATEST {other} * 10")) == ["one", "two"]
    carol.sync()
    assert texts(carol.ask("CHATHISTORY LATEST bob * 10")) == []
    assert texts(alice.ask("CHATHISTORY LATEST alice * 10")) == ["self"]


def test_history_of_an_earlier_room_of_that_name(connect: Connect) -> None:
    """What was said in an open room is there for whoever joins later; of a closed one (+i, +k) only for those who were there."""
    alice = connect("alice", caps=CAPS)
    alice.ask("JOIN #a", "PRIVMSG #a :open", "MODE #a +k key", "PRIVMSG #a :closed", "MODE #a -k key", "PRIVMSG #a :open again")
    bob = connect("bob", caps=CAPS)
    bob.ask("JOIN #a")
    assert texts(bob.ask("CHATHISTORY LATEST #a * 10")) == ["open", "open again"]
    alice.sync()
    assert texts(alice.ask("CHATHISTORY LATEST #a * 10")) == ["open", "closed", "open again"]


def test_labeled_history_is_one_batch(connect: Connect) -> None:
    """ "The batch type MUST be one of: An existing type applicable to the entire response" (labeled-response)."""
    alice = connect("alice", caps=CAPS)
    lines = alice.ask("JOIN #a", "@label=h CHATHISTORY LATEST #a * 5")[-2:]
    assert parse(lines[0]).tags == {"label": "h"}
    assert texts(lines) == []


def test_history_without_batch(connect: Connect) -> None:
    """ "Servers SHOULD NOT enforce that clients support all related capabilities before using the chathistory extension." """
    alice = connect("alice", caps="draft/chathistory")
    alice.ask("JOIN #a", "PRIVMSG #a :one", "PRIVMSG #a :two")
    assert alice.ask("CHATHISTORY LATEST #a * 5") == [
        ":alice!~u@127.0.0.1 PRIVMSG #a :one",
        ":alice!~u@127.0.0.1 PRIVMSG #a :two",
    ]


def test_history_needs_its_capability(connect: Connect) -> None:
    """ "The draft/chathistory capability MUST be negotiated." """
    alice = connect("alice")
    assert parse(alice.ask("CHATHISTORY LATEST #a * 5")[0]).params[:2] == ["CHATHISTORY", "NEED_CAPABILITY"]


@pytest.mark.parametrize(
    ("line", "failure"),
    [
        ("CHATHISTORY", "NEED_MORE_PARAMS"),
        ("CHATHISTORY LATEST", "NEED_MORE_PARAMS LATEST"),
        ("CHATHISTORY LATEST #a *", "NEED_MORE_PARAMS LATEST"),
        ("CHATHISTORY SIDEWAYS #a * 5", "INVALID_PARAMS SIDEWAYS"),
        ("CHATHISTORY LATEST #a * many", "INVALID_PARAMS LATEST #a * many"),
        ("CHATHISTORY LATEST #a * -5", "INVALID_PARAMS LATEST #a * -5"),
        ("CHATHISTORY BEFORE #a * 5", "INVALID_PARAMS BEFORE #a * 5"),
        ("CHATHISTORY AFTER #a msgid=zz 5", "INVALID_PARAMS AFTER #a msgid=zz 5"),
        ("CHATHISTORY AFTER #a timestamp=2019-01-04T14:33:26.123Z 5", "INVALID_MSGREFTYPE AFTER #a"),
        ("CHATHISTORY LATEST #nowhere * 5", "INVALID_TARGET LATEST #nowhere"),
        ("CHATHISTORY LATEST #theirs * 5", "INVALID_TARGET LATEST #theirs"),
        ("CHATHISTORY LATEST nobody * 5", "INVALID_TARGET LATEST nobody"),
    ],
)
def test_refusals(connect: Connect, line: str, failure: str) -> None:
    """ "Errors are returned using the standard replies syntax." """
    connect("bob").ask("JOIN #theirs")
    alice = connect("alice", caps=CAPS)
    alice.ask("JOIN #a")
    (reply,) = map(parse, alice.ask(line))
    assert reply.command == "FAIL"
    assert reply.params[:-1] == ["CHATHISTORY", *failure.split()]


def test_no_more_than_the_limit(tmp_path: Path) -> None:
    """ "CHATHISTORY=50" in ISUPPORT: "the maximum number of messages a client can request in a single command"."""
    with running_server(tmp_path, limits_history=2) as server, Client(server, "alice", caps=CAPS) as alice:
        assert "CHATHISTORY=2" in " ".join(alice.seen)
        alice.ask("JOIN #a")
        spoken(alice, "#a", 4)
        assert texts(alice.ask("CHATHISTORY LATEST #a * 999999999999")) == ["2", "3"]


def test_a_store_that_cannot_be_read(connect: Connect, server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """ "If no message history can be returned due to an error, the MESSAGE_ERROR error code SHOULD be returned." """

    def broken(*_: object, **__: object) -> None:
        raise StoreError("the disk is gone")

    alice = connect("alice", caps=CAPS)
    alice.ask("JOIN #a")
    monkeypatch.setattr(server.server._store, "before", broken)
    for label in ("", "@label=x "):
        (line,) = alice.ask(f"{label}CHATHISTORY LATEST #a * 5")
        assert line == f"{label}:parley.local FAIL CHATHISTORY MESSAGE_ERROR LATEST #a :Messages could not be retrieved"
    assert server.errors == ["the history of #a cannot be read: the disk is gone"] * 2  # the operator is told as well
    server.errors.clear()


def test_a_redacted_event_is_nowhere_to_be_seen() -> None:
    """A store gives a redacted event without its line."""
    assert irc.render_tagged(Event(1, 1, 0, "#a", Kind.REDACTION, b""), int(Cap.MESSAGE_TAGS), "batch=1") == b""


def test_history_is_on_disk(tmp_path: Path) -> None:
    """The same with SQLite, and after a restart."""
    for _ in range(2):
        with running_server(tmp_path, store_kind="sqlite") as server, Client(server, "alice", caps=CAPS) as alice:
            alice.ask("JOIN #a", "PRIVMSG #a :hi")
            seen = texts(alice.ask("CHATHISTORY LATEST #a * 5"))
    assert seen == ["hi", "hi"]


def test_history_is_given_a_request_at_a_time(server: Running, connect: Connect) -> None:
    """What waits for a connection is bounded: answers are read one by one, and count for what they may come to."""
    alice = connect("alice", caps="batch draft/chathistory message-tags")
    alice.ask("JOIN #a", *[f"PRIVMSG #a :{number}" for number in range(30)])
    alice.send(*["CHATHISTORY LATEST #a * 1000"] * 20, "PING end")
    lines = alice.lines_until("PONG .*end")
    assert sum(" BATCH +" in line for line in lines) == 20
    assert sum(" PRIVMSG #a :29" in line for line in lines) == 20
    user = server.server.sequencer.net.find("alice")
    assert user is not None
    assert user.reply_bytes == 0


def test_one_debt_a_conversation(server: Running, connect: Connect) -> None:
    """Who takes nothing in is owed a stretch of each conversation, however often the others take turns."""
    alice, bob, carol = connect("alice"), connect("bob"), connect("carol")
    net = server.server.sequencer.net
    user = net.find("carol")
    assert user is not None
    with server.server.sequencer.lock:
        for _ in range(10):
            for name in ("alice", "bob"):
                author = net.find(name)
                assert author is not None
                log = net.conversation(author, user)
                net.append_private(
                    log, Kind.MESSAGE, author, user, f":{name}!u@h PRIVMSG carol :x\r\n".encode(), 1, tags="", stored=True
                )
        assert len(user.spans) == 2
        server.server.sequencer.settle()
    assert sum(" PRIVMSG carol :x" in line for line in carol.ask("PING y")) == 20
    del alice, bob
