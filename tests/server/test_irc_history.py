"""CHATHISTORY, whole and in pages. Sentences in quotes are from https://ircv3.net/specs/extensions/chathistory"""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import pytest

from server.commands import history_read
from server.dialects import irc
from server.events import Event, Kind
from server.ports import StoreError
from server.state.accounts import Account
from server.transport import delivery
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
    monkeypatch.setattr(history_read, "_PAGE", 2)
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
        ("CHATHISTORY", "INVALID_PARAMS *"),
        ("CHATHISTORY LATEST", "INVALID_PARAMS LATEST"),
        ("CHATHISTORY LATEST #a *", "INVALID_PARAMS LATEST"),
        ("CHATHISTORY LATEST #a * 5 6", "INVALID_PARAMS LATEST"),
        ("CHATHISTORY BETWEEN #a msgid=00000000000001 5", "INVALID_PARAMS BETWEEN"),
        ("CHATHISTORY SIDEWAYS #a * 5", "INVALID_PARAMS SIDEWAYS"),
        ("CHATHISTORY LATEST #a * many", "INVALID_PARAMS LATEST many"),
        ("CHATHISTORY LATEST #a * -5", "INVALID_PARAMS LATEST -5"),
        ("CHATHISTORY BEFORE #a * 5", "INVALID_PARAMS BEFORE *"),
        ("CHATHISTORY AFTER #a msgid=zz 5", "INVALID_PARAMS AFTER msgid=zz"),
        ("CHATHISTORY AFTER #a timestamp=2019-01-04 5", "INVALID_PARAMS AFTER timestamp=2019-01-04"),
        ("CHATHISTORY AFTER #a seq=5 5", "INVALID_MSGREFTYPE AFTER #a seq=5"),
        ("CHATHISTORY TARGETS * * 5", "INVALID_PARAMS TARGETS *"),
        ("CHATHISTORY TARGETS msgid=00000000000001 msgid=00000000000001 5", "INVALID_PARAMS TARGETS"),
        ("CHATHISTORY TARGETS timestamp=2019-01-04T14:33:26.123Z 5", "INVALID_PARAMS TARGETS"),
        ("CHATHISTORY TARGETS timestamp=2019-01-04T14:33:26.123Z timestamp=2019-01-04T14:33:26.123Z x", "INVALID_PARAMS TARGETS x"),
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
    reply = parse(alice.ask(line)[0])
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
    times = "timestamp=2019-01-04T14:33:26.123Z timestamp=2119-01-04T14:33:26.123Z"
    for label in ("", "@label=x "):
        (line,) = alice.ask(f"{label}CHATHISTORY LATEST #a * 5")
        assert line == f"{label}:parley.local FAIL CHATHISTORY MESSAGE_ERROR LATEST #a :Messages could not be retrieved"
        (line,) = alice.ask(f"{label}CHATHISTORY TARGETS {times} 5")
        assert line == f"{label}:parley.local FAIL CHATHISTORY MESSAGE_ERROR TARGETS * :Targets could not be retrieved"
    # the operator is told as well
    assert (
        server.errors
        == [
            "the history of #a cannot be read: the disk is gone",
            "the conversations of somebody cannot be listed: the disk is gone",
        ]
        * 2
    )
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


def stamps(lines: list[str]) -> list[str]:
    """The times of what was said."""
    return [parse(line).tags["time"] for line in lines if " PRIVMSG " in line]


def apart(server: Running, *people: Client) -> None:
    """Whatever is said from now on was said in a later millisecond."""
    del people
    with server.server.sequencer.lock:
        at = server.server.sequencer.clock(0)
        server.server.sequencer.clock(at + 1)


def said(server: Running, person: Client, target: str, count: int) -> tuple[list[str], list[str]]:
    """Says `count` things, each in a millisecond of its own; gives their ids and times."""
    lines: list[str] = []
    for number in range(count):
        lines += [line for line in person.ask(f"PRIVMSG {target} :{number}") if " PRIVMSG " in line]
        apart(server)
    return [parse(line).tags["msgid"] for line in lines], stamps(lines)


def test_around_and_between_by_msgid_and_by_timestamp(server: Running, connect: Connect) -> None:
    """AROUND: "a number of messages before and after"; BETWEEN: "counted starting from and excluding the first message selector,
    while finishing on and excluding the second. This may be forwards or backwards in time." """
    alice = connect("alice", caps=CAPS)
    alice.ask("JOIN #a")
    ids, times = said(server, alice, "#a", 10)

    def ask(kind: str, *references: str, limit: int = 100) -> str:
        return "".join(texts(alice.ask(f"CHATHISTORY {kind} #a {' '.join(references)} {limit}")))

    for refs in ([f"msgid={ident}" for ident in ids], [f"timestamp={time}" for time in times]):
        assert ask("LATEST", refs[6]) == "789"
        assert ask("BEFORE", refs[4]) == "0123"
        assert ask("BEFORE", refs[4], limit=2) == "23"
        assert ask("AFTER", refs[4]) == "56789"
        assert ask("AFTER", refs[4], limit=2) == "56"
        assert ask("AROUND", refs[7], limit=1) == "7"
        assert ask("AROUND", refs[7], limit=3) == "678"
        assert ask("AROUND", refs[7], limit=4) == "5678"
        assert ask("AROUND", refs[0], limit=4) == "0123"
        assert ask("AROUND", refs[7], limit=0) == ""
        assert ask("BETWEEN", refs[2], refs[6]) == ask("BETWEEN", refs[6], refs[2]) == "345"
        assert ask("BETWEEN", refs[2], refs[6], limit=2) == "34"
        assert ask("BETWEEN", refs[6], refs[2], limit=2) == "45"
        assert ask("BETWEEN", refs[2], refs[2]) == ask("BETWEEN", refs[2], refs[3]) == ""
    assert ask("BETWEEN", f"msgid={ids[2]}", f"timestamp={times[6]}") == "345"
    assert ask("LATEST", "timestamp=9999-12-31T23:59:59.999Z") == ""
    assert ask("AFTER", "timestamp=0001-01-01T00:00:00.000Z", limit=2) == "01"


def test_event_playback(connect: Connect) -> None:
    """ "If the client has negotiated draft/event-playback, the server SHOULD send additional lines relevant to the chat history,
    including but not limited to TAGMSG, JOIN, PART, QUIT, MODE, TOPIC, and NICK." """
    alice, bob = connect("alice", caps=CAPS + " draft/event-playback extended-join"), connect("bob")
    alice.ask("JOIN #a")
    bob.ask("JOIN #a", "NICK rob")
    alice.ask("TOPIC #a :t", "MODE #a +v rob", "@+typing=active TAGMSG #a", "@+draft/react=x TAGMSG #a", "KICK #a rob :out")
    first, *inner, _ = map(parse, alice.ask("CHATHISTORY LATEST #a * 20"))
    assert [m.command for m in inner] == ["JOIN", "JOIN", "NICK", "TOPIC", "MODE", "TAGMSG", "KICK"]
    assert inner[0].params == ["#a", "*", "Real Name"]
    assert inner[5].tags["+draft/react"] == "x"
    assert first.params[1:] == ["chathistory", "#a"]
    assert "TAGMSG" not in [parse(line).command for line in connect("carol", caps=CAPS).ask("JOIN #a", "CHATHISTORY LATEST #a * 9")]


def test_an_event_of_several_rooms_is_excluded_by_its_id(connect: Connect) -> None:
    """AFTER: "after and excluding the given timestamp or msgid", also where a copy of the event stands behind that position."""
    alice, bob = connect("alice", caps=CAPS + " draft/event-playback"), connect("bob")
    alice.ask("JOIN #a,#b")
    bob.ask("JOIN #a,#b", "NICK rob")
    alice.ask("PRIVMSG #b :x")
    for room in "#a", "#b":
        (nick,) = [m for m in map(parse, alice.ask(f"CHATHISTORY LATEST {room} * 9")) if m.command == "NICK"]
        _, *inner, _ = map(parse, alice.ask(f"CHATHISTORY AFTER {room} msgid={nick.tags['msgid']} 9"))
        assert [m.command for m in inner] == (["PRIVMSG"] if room == "#b" else [])
        around = alice.ask(f"CHATHISTORY AROUND {room} msgid={nick.tags['msgid']} 1")
        assert parse(around[1]).command == "NICK"


def test_a_long_answer_ends_early(tmp_path: Path) -> None:
    """Memory is bounded: an answer is as long as is allowed, and whoever pages through gets all."""
    with running_server(tmp_path, limits_history_kib=64) as server, Client(server, "alice", caps=CAPS) as alice:
        alice.ask("JOIN #a", *[f"PRIVMSG #a :{number:03} {'x' * 400}" for number in range(250)])
        newest = [text[:3] for text in texts(alice.ask("CHATHISTORY LATEST #a * 250"))]
        assert newest[-1] == "249"
        assert 50 < len(newest) < 110
        oldest = [text[:3] for text in texts(alice.ask("CHATHISTORY AFTER #a timestamp=2000-01-01T00:00:00.000Z 250"))]
        assert oldest[0] == "000"
        assert 50 < len(oldest) < 110
    event = Event(1, 1, 0, "#a", Kind.MESSAGE, b"x" * 1000)
    assert history_read._within([event, event], 100) == [event]


def test_targets(server: Running, connect: Connect) -> None:
    """ "lists channels the user has visible history in, together with users with which the user has exchanged direct messages,
    ordered by the time of the latest message"; "a target is not returned if its latest message is outside of the selection
    parameters, even if it has other messages inside them"."""
    alice, bob, carol = (connect(nick, caps=CAPS) for nick in ("alice", "bob", "carol"))
    alice.ask("JOIN #A,#b,#silent")
    times = []
    for target in "#a", "bob", "#b", "carol":
        alice.ask(f"PRIVMSG {target} :earlier")
    apart(server)
    for target in "#a", "bob", "#b", "carol":
        times += stamps(alice.ask(f"PRIVMSG {target} :x"))
        apart(server)

    def ask(person: Client, first: str, second: str, limit: int = 9) -> list[tuple[str, str]]:
        lines = person.ask(f"CHATHISTORY TARGETS timestamp={first} timestamp={second} {limit}")
        opened, *inner, closed = map(parse, lines)
        assert opened.params[1:] == ["draft/chathistory-targets"]
        assert closed.params == ["-" + opened.params[0][1:]]
        assert {m.tags["batch"] for m in inner} <= {opened.params[0][1:]}
        assert all(m.params[0] == "TARGETS" for m in inner)
        return [(m.params[1], m.params[2]) for m in inner]

    ever = ("2020-01-01T00:00:00.000Z", "2262-01-01T00:00:00.000Z")
    every = list(zip(("#A", "bob", "#b", "carol"), times, strict=True))
    assert ask(alice, *ever) == ask(alice, ever[1], ever[0]) == every
    assert ask(alice, *ever, limit=2) == every[:2]
    assert ask(alice, ever[1], ever[0], limit=2) == every[2:]
    assert ask(alice, times[0], times[3]) == every[1:3]
    assert ask(alice, ever[0], times[1]) == every[:1]
    bob.sync()
    assert ask(bob, *ever) == [("alice", times[1])]
    dave = connect("dave", caps="draft/chathistory")
    dave.ask("PRIVMSG alice :hi")
    (line,) = dave.ask(f"CHATHISTORY TARGETS timestamp={ever[0]} timestamp={ever[1]} 9")
    assert line.startswith(":parley.local CHATHISTORY TARGETS alice ")
    alice.sync()
    assert alice.ask(f"@label=L CHATHISTORY TARGETS timestamp={ever[0]} timestamp={ever[1]} 9")[0].startswith("@label=L :")
    del carol


def test_the_latest_message_may_lie_behind_much_that_is_none(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history_read, "_LOOK_BACK", 2)
    alice = connect("alice", caps=CAPS)
    alice.ask("JOIN #a", "PRIVMSG #a :x", "TOPIC #a :1", "TOPIC #a :2", "TOPIC #a :3")
    lines = alice.ask("CHATHISTORY TARGETS timestamp=2020-01-01T00:00:00.000Z timestamp=2262-01-01T00:00:00.000Z 9")
    assert [parse(line).params[1] for line in lines[1:-1]] == ["#a"]


def test_the_time_of_what_was_said_to_higher_ranks_is_theirs_alone(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    """The latest message is the latest of those that one may read, however many others lie above it."""
    monkeypatch.setattr(history_read, "_LOOK_BACK", 2)
    alice, bob = connect("alice", caps=CAPS), connect("bob", caps=CAPS)
    for person in (alice, bob):
        person.ask("JOIN #a")
    said = parse(alice.ask("PRIVMSG #a :x")[-1]).tags["time"]
    for _ in range(3):
        while parse(alice.ask("PRIVMSG @#a :y")[-1]).tags["time"] == said:
            pass  # within the same millisecond
    (line,) = [line for line in bob.ask(f"CHATHISTORY TARGETS {ALL}") if "CHATHISTORY" in line]
    assert parse(line).params[1:] == ["#a", said]


def logged_in(server: Running, nick: str, account: str) -> None:
    """Put the session of `nick` on an account."""
    with server.server.sequencer.lock:
        user = server.server.sequencer.net.find(nick)
        assert user is not None
        server.server.sequencer.net.log_in(user, account)


ALL = "timestamp=2020-01-01T00:00:00.000Z timestamp=2262-01-01T00:00:00.000Z 9"


def targets(person: Client) -> list[str]:
    """Whom `person` can ask for, the latest last."""
    return [parse(line).params[1] for line in person.ask(f"CHATHISTORY TARGETS {ALL}")[1:-1]]


def test_conversations_of_accounts_outlive_sessions_and_restarts(tmp_path: Path) -> None:
    """ "Servers SHOULD use secure identification mechanisms such as account names ... to match content to users." """
    with running_server(tmp_path, store_kind="sqlite") as server, ExitStack() as people:
        alice, bob, carol = (people.enter_context(Client(server, nick, caps=CAPS)) for nick in ("alice", "bob", "carol"))
        logged_in(server, "alice", "Alice")
        logged_in(server, "bob", "Robert")
        alice.ask("PRIVMSG bob :one")
        bob.ask("PRIVMSG alice :two")
        carol.ask("PRIVMSG alice :three")
    with running_server(tmp_path, store_kind="sqlite") as server, ExitStack() as people:
        alice, stranger = (people.enter_context(Client(server, nick, caps=CAPS)) for nick in ("al", "bob"))
        assert targets(alice) == []
        logged_in(server, "al", "aLICE")
        assert targets(alice) == ["robert", "carol"]
        for name, said in (("Robert", ["one", "two"]), ("carol", ["three"]), ("bob", [])):
            assert texts(alice.ask(f"CHATHISTORY LATEST {name} * 9")) == said, "bob is somebody else now"
        assert texts(stranger.ask("CHATHISTORY LATEST al * 9")) == []
        assert targets(stranger) == []
        stranger.ask("NICK nobody")
        assert texts(alice.ask("CHATHISTORY LATEST bob * 9")) == ["one", "two"], "the last nick of who is gone"
        with Client(server, "rob", caps=CAPS) as robert:
            logged_in(server, "rob", "Robert")
            alice.ask("PRIVMSG rob :back?")
            assert targets(alice) == ["carol", "rob"]
            assert texts(robert.ask("CHATHISTORY LATEST al * 9")[-5:]) == ["one", "two", "back?"]
        with Client(server, "robert", caps=CAPS) as robert:
            logged_in(server, "robert", "Robert")
            assert targets(alice) == ["carol", "robert"]


def owned(server: Running, nick: str, account: str, created: int) -> None:
    """The session of `nick` is that of an account that was registered at `created`."""
    with server.server.sequencer.lock:
        server.server.sequencer.net.book.put(Account(account, created))
    logged_in(server, nick, account)


def test_a_name_that_was_another_account_gives_nothing_of_its_history(server: Running, connect: Connect) -> None:
    """ "Servers MUST ensure that users cannot obtain history they are not authorised to view." """
    net = server.server.sequencer.net
    first, bob = connect("first", caps=CAPS), connect("bob", caps=CAPS)
    owned(server, "first", "Alice", 0)
    first.ask("PRIVMSG bob :secret", "MARKREAD bob timestamp=2020-01-01T00:00:00.000Z")
    assert targets(first) == ["bob"]
    with server.server.sequencer.lock:
        net.book.drop("Alice")
        net.forget_account("Alice")
        net.log_in(net.nicks["first"], "")
    apart(server)
    second = connect("second", caps=CAPS + " draft/message-redaction")
    owned(server, "second", "Alice", server.server.sequencer.clock(0))
    assert targets(second) == []
    for request in ("LATEST bob * 9", "BEFORE bob timestamp=2262-01-01T00:00:00.000Z 9", "AFTER bob msgid=00000000000001 9"):
        assert texts(second.ask(f"CHATHISTORY {request}")) == []
    second.ask("PRIVMSG bob :hi")
    bob.sync()
    assert targets(second) == ["bob"]
    assert texts(second.ask("CHATHISTORY LATEST bob * 9")) == ["hi"]
    msgid = parse(next(line for line in bob.seen if "secret" in line)).tags["msgid"]
    assert "UNKNOWN_MSGID" in second.ask(f"REDACT bob {msgid}")[0]


def test_what_an_earlier_owner_of_the_name_said_in_a_room_is_not_theirs_to_redact(server: Running, connect: Connect) -> None:
    operator, first = connect("op", caps=CAPS), connect("first", caps=CAPS)
    operator.ask("JOIN #a")
    owned(server, "first", "Alice", 0)
    first.ask("JOIN #a")
    (msgid,) = spoken(first, "#a", 1)
    apart(server)
    second = connect("second", caps=CAPS + " draft/message-redaction")
    second.ask("JOIN #a")
    owned(server, "second", "Alice", server.server.sequencer.clock(0))
    assert "REDACT_FORBIDDEN" in second.ask(f"REDACT #a {msgid}")[0]
    owned(server, "second", "Alice", 0)
    assert " REDACT #a " in second.ask(f"REDACT #a {msgid}")[0]


def test_one_answer_looks_at_so_many_events_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """A room in which people only come and go: whoever asks for what was said there must not keep the worker busy."""

    class Busy:
        asked = 0

        def before(self, room: str, seq: int, limit: int, *, seen_from: int = 0) -> list[Event]:
            self.asked += 1
            return [Event(at, at, at, room, Kind.JOIN, b":a JOIN #a\r\n") for at in range(seq - limit, seq)]

    monkeypatch.setattr(history_read, "_MOST_LOOKED", 1000)
    store = Busy()
    of = history_read.Candidate("#a", "#a", 0)
    read = history_read.Read("s", of, "LATEST", (), 10_000_000, 10, 1 << 20, 0, "b")
    assert read.run(store) == b""  # type: ignore[arg-type]
    assert (store.asked, read.looked) == (4, 1024)


def test_an_answer_from_the_store_is_paid_for_by_its_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with running_server(tmp_path, limits_enabled=True, limits_flood_start=60) as server, Client(server, "alice") as alice:
        alice.ask("CAP REQ :draft/chathistory batch", "JOIN #a", "PRIVMSG #a :" + "x" * 400)
        (conn,) = server.server._workers[0]._conns.values()
        assert conn.flood is not None
        paid = []
        for size in (16384, 100):
            monkeypatch.setattr(delivery, "_BYTES_PER_UNIT", size)
            before = conn.flood.allowance
            alice.ask("CHATHISTORY LATEST #a * 1")
            paid.append(before - conn.flood.allowance)
        assert 4 < paid[1] - paid[0] < 8, "about five hundred bytes"
