"""Lines with an id of the client's choice, sent again after a reconnect: parley.chat/resend.

Sentences in quotes are from docs/protocol.md, "Sending again".
"""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.commands.resend import Again
from server.events import Event, Kind
from server.ports import Store, StoreError
from server.state.resends import Resends, Sent
from server.store.memory import MemoryStore
from tests.fuzz.invariants import check_resends
from tests.server.conftest import Connect
from tests.server.harness import Client, running_server
from wire.capabilities import Cap
from wire.message import parse

CAPS = "message-tags server-time echo-message batch labeled-response draft/chathistory draft/multiline parley.chat/resend"
ONE = "AAAAAAAAAAAAAAAAAAAAAA"
TWO = "5b6c2c0e-9f2f-4f4e-8c2b-1d2e3f4a5b6c"


def mark(ident: str = ONE, label: str = "") -> str:
    return f"@{f'label={label};' if label else ''}parley.chat/id={ident}"


def texts(client: Client, room: str) -> list[str]:
    """What the log of `room` has, as `client` may read it."""
    return [parse(line).params[1] for line in client.ask(f"CHATHISTORY LATEST {room} * 100") if " BATCH " not in line]


def duo(connect: Connect, room: str = "#a") -> tuple[Client, Client]:
    alice, bob = connect("alice", caps=CAPS), connect("bob")
    alice.ask(f"JOIN {room}")
    bob.ask(f"JOIN {room}")
    alice.sync()
    return alice, bob


def test_the_offer_says_how_long_and_how_many(connect: Connect) -> None:
    """ "`parley.chat/resend`: `seconds=600,lines=256`" """
    client = connect()
    client.send("CAP LS 302")
    assert "parley.chat/resend=seconds=600,lines=256" in client.until(r"LS :").split()


def test_no_offer_where_nothing_is_remembered(tmp_path: Path) -> None:
    with running_server(tmp_path, resend_seconds=0) as server, Client(server) as client:
        client.send("CAP LS 302")
        assert "parley.chat" not in "".join(client.lines_until(r"LS :"))


def test_a_line_sent_again_is_stored_and_delivered_once_and_its_author_gets_the_same_echo(connect: Connect) -> None:
    """ "A line whose id is known is neither stored nor delivered again; its author gets the echo of what is stored: the same
    `msgid`, the same `time`." """
    alice, bob = duo(connect)
    (first,) = alice.ask(f"{mark()} PRIVMSG #a :once")
    assert alice.ask(f"{mark()} PRIVMSG #a :once", f"{mark()} PRIVMSG #A :once") == [first, first]
    assert parse(first).tags["parley.chat/id"] == ONE
    assert bob.sync() == [":alice!~u@127.0.0.1 PRIVMSG #a :once"]
    assert texts(alice, "#a") == ["once"]


def test_the_id_is_shown_to_nobody_else(connect: Connect) -> None:
    """ "It has no `+`: it is for the server, is passed on to nobody, and is in no history." """
    alice, _ = duo(connect)
    carol = connect("carol", caps=CAPS)
    carol.ask("JOIN #a")
    alice.ask(f"{mark()} PRIVMSG #a :secret id", f"{mark(TWO)} PRIVMSG carol :and this")
    lines = carol.sync() + carol.ask("CHATHISTORY LATEST #a * 10", "CHATHISTORY LATEST alice * 10")
    assert len([line for line in lines if "PRIVMSG" in line]) == 4
    assert not [line for line in lines if ONE in line or TWO in line or "parley.chat" in line]


def test_labels(connect: Connect) -> None:
    """ "With a label the answer carries it." """
    alice, _ = duo(connect)
    (first,) = alice.ask(f"{mark(label='x')} PRIVMSG #a :hi")
    (again,) = alice.ask(f"{mark(label='y')} PRIVMSG #a :hi")
    assert {**parse(first).tags, "label": "y"} == parse(again).tags
    assert parse(first)[:3] == parse(again)[:3]


def test_the_echo_stands_in_the_order_of_the_room(connect: Connect) -> None:
    alice, bob = duo(connect)
    bob.ask("PRIVMSG #a :before")
    alice.send(f"{mark()} PRIVMSG #a :mine")
    alice.until(":mine")
    bob.ask("PRIVMSG #a :after")
    alice.sync()
    said = [parse(line).params[1] for line in alice.seen if " PRIVMSG " in line]
    assert said == ["before", "mine", "after"]


def test_a_session_that_takes_over_from_a_broken_one(connect: Connect) -> None:
    """ "Without an account the id itself is the proof": another session, under another nick, sends it again."""
    alice, bob = duo(connect)
    (first,) = alice.ask(f"{mark()} PRIVMSG #a :once")
    later = connect("alice_", caps=CAPS)
    later.ask("JOIN #a")
    bob.sync()
    assert later.ask(f"{mark()} PRIVMSG #a :once") == [first]
    assert bob.sync() == []


def test_a_repeat_needs_no_right_to_speak(connect: Connect) -> None:
    """ "What is stored is stored": who is not in the room any more is told so all the same, and nothing is said anew."""
    alice, bob = duo(connect)
    (first,) = alice.ask(f"{mark()} PRIVMSG #a :once")
    alice.ask("PART #a")
    bob.sync()
    assert alice.ask(f"{mark()} PRIVMSG #a :once") == [first]
    assert alice.numerics(f"{mark(TWO)} PRIVMSG #a :more") == ["404"]
    assert bob.sync() == []


def test_a_line_that_was_refused_is_judged_anew(connect: Connect) -> None:
    """ "A line that was refused was not stored: sent again, it is judged anew." """
    alice, bob = connect("alice", caps=CAPS), connect("bob")
    bob.ask("JOIN #a")
    assert alice.numerics(f"{mark()} PRIVMSG #a :let me in") == ["404"]
    bob.ask("MODE #a -n")
    assert alice.numerics(f"{mark()} PRIVMSG #a :let me in") == ["PRIVMSG"]
    assert bob.sync() == [":alice!~u@127.0.0.1 PRIVMSG #a :let me in"]


def test_an_id_is_for_one_target(connect: Connect) -> None:
    """ "`ID_REUSED`: the id stands for a line to another target; nothing was sent." "`ID_INVALID`: ... or several targets" """
    alice, bob = duo(connect)
    alice.ask(f"{mark()} PRIVMSG #a :x")
    assert alice.ask(f"{mark()} PRIVMSG bob :x") == [
        f":parley.local FAIL PRIVMSG ID_REUSED {ONE} :Something else was sent under this id, to another target"
    ]
    assert alice.ask(f"{mark(TWO)} NOTICE bob,#a :x")[0].startswith(f":parley.local FAIL NOTICE ID_INVALID {TWO} :")
    assert bob.sync() == [":alice!~u@127.0.0.1 PRIVMSG #a :x"]


@pytest.mark.parametrize("ident", ["", "short", "A" * 21, "A" * 65, "A" * 21 + ".", "ä" * 22, r"x\r\n:a!b@c\sQUIT", "\x1b[2J"])
def test_ids_that_are_none(connect: Connect, ident: str) -> None:
    """ "22 to 64 of `A-Z a-z 0-9 - _`" """
    alice, bob = duo(connect)
    (answer,) = alice.ask(f"{mark(ident)} PRIVMSG #a :x")
    assert answer.startswith(":parley.local FAIL PRIVMSG ID_INVALID ")
    assert answer.isprintable(), "what is shown of it ends no line"
    assert bob.sync() == []


def test_who_did_not_ask_for_it_sends_twice(connect: Connect) -> None:
    """ "Without the capability the tag means nothing." """
    alice, bob = connect("alice", caps="echo-message message-tags"), connect("bob")
    for person in (alice, bob):
        person.ask("JOIN #a")
    alice.sync()
    assert alice.numerics(f"{mark()} PRIVMSG #a :x", f"{mark('bad')} PRIVMSG #a :x") == ["PRIVMSG", "PRIVMSG"]
    assert len(bob.sync()) == 2


def test_private_messages_notices_and_reactions(connect: Connect) -> None:
    """ "on PRIVMSG, NOTICE, TAGMSG and the opening of a `draft/multiline` batch" """
    alice, bob = duo(connect)
    (said,) = alice.ask(f"{mark()} PRIVMSG bob :once")
    bob.ask("NICK robert")
    assert alice.ask(f"{mark()} PRIVMSG bob :once")[-1] == said
    (noted,) = alice.ask(f"{mark(TWO)} NOTICE #a :once")[-1:]
    assert alice.ask(f"{mark(TWO)} NOTICE #a :once") == [noted]
    third = "c" * 22
    (reaction,) = alice.ask(f"{mark(third)};+draft/react=x TAGMSG #a")
    assert alice.ask(f"{mark(third)};+draft/react=x TAGMSG #a") == [reaction]
    bob.sync()
    assert len([line for line in bob.seen if " NOTICE " in line or " PRIVMSG " in line]) == 2


def test_what_is_never_stored_needs_no_id(connect: Connect) -> None:
    """ "What is never stored (typing, words to services) is sent each time." """
    alice, _ = duo(connect)
    carol = connect("carol", caps=CAPS)
    carol.ask("JOIN #a")
    alice.sync()
    alice.ask(f"{mark()};+typing=active TAGMSG #a", f"{mark()};+typing=active TAGMSG #a")
    assert len(carol.sync()) == 2
    assert len(alice.ask(f"{mark()} PRIVMSG NickServ :help", f"{mark()} PRIVMSG NickServ :help")) > 3


def test_several_lines(connect: Connect) -> None:
    alice, bob = duo(connect)
    long = (f"{mark()} BATCH +1 draft/multiline #a", "@batch=1 PRIVMSG #a :one", "@batch=1 PRIVMSG #a :two", "BATCH -1")
    first = alice.ask(*long)
    assert len(first) == 4
    assert parse(first[0]).tags["parley.chat/id"] == ONE
    assert alice.ask(*long) == first
    assert len(bob.sync()) == 2


def test_without_echo_a_note_says_that_it_is_stored(connect: Connect) -> None:
    """ "Without `echo-message`, or where the text is gone (redacted, past its retention): `NOTE <command> ALREADY_STORED <id>
    <msgid>`." """
    alice, bob = connect("alice", caps="batch labeled-response parley.chat/resend"), connect("bob")
    for person in (alice, bob):
        person.ask("JOIN #a")
    alice.sync()
    assert alice.ask(f"{mark()} PRIVMSG #a :x") == []
    (note,) = alice.ask(f"{mark(label='l')} PRIVMSG #a :x")
    assert note.startswith(f"@label=l :parley.local NOTE PRIVMSG ALREADY_STORED {ONE} 0")
    assert len(bob.sync()) == 1


def test_what_was_redacted_meanwhile_does_not_come_back(connect: Connect) -> None:
    alice, bob = connect("alice", caps=CAPS + " draft/message-redaction"), connect("bob")
    for person in (alice, bob):
        person.ask("JOIN #a")
    alice.sync()
    (said,) = alice.ask(f"{mark()} PRIVMSG #a :regretted")
    msgid = parse(said).tags["msgid"]
    alice.ask(f"REDACT #a {msgid}")
    assert alice.ask(f"{mark()} PRIVMSG #a :regretted") == [
        f":parley.local NOTE PRIVMSG ALREADY_STORED {ONE} {msgid} :This is stored already"
    ]
    assert len(bob.sync()) == 1


def test_a_room_that_got_another_name_meanwhile(connect: Connect) -> None:
    alice, bob = duo(connect)
    (first,) = alice.ask(f"{mark()} PRIVMSG #a :x")
    alice.ask("RENAME #a #b")
    assert alice.ask(f"{mark()} PRIVMSG #b :x") == [first]
    assert [line for line in bob.sync() if "PRIVMSG" in line] == [":alice!~u@127.0.0.1 PRIVMSG #a :x"]


def test_ids_of_accounts_are_their_own(tmp_path: Path) -> None:
    """ "Within an account an id is the account's own: nobody else can use it up, or ask for what was said under it." """
    with running_server(tmp_path) as server, ExitStack() as stack:
        alice, mallory, bob = (stack.enter_context(Client(server, nick, caps=CAPS)) for nick in ("alice", "mallory", "bob"))
        assert "900" in alice.numerics("NS REGISTER correct-horse-battery", "NS REGISTER correct-horse-battery a@example.org")
        for person in (alice, mallory, bob):
            person.ask("JOIN #a")
        for person in (alice, mallory):
            person.sync()
        (foreign,) = mallory.ask(f"{mark()} PRIVMSG #a :mine first")
        (own,) = alice.ask(f"{mark()} PRIVMSG #a :mine all the same")[-1:]
        assert ":alice" in own
        assert mallory.ask(f"{mark()} PRIVMSG #a :what did alice say?")[-1] == foreign
        assert [parse(line).params[1] for line in bob.sync() if "PRIVMSG" in line] == ["mine first", "mine all the same"]


@pytest.mark.parametrize("kind", ["room", "nick"])
def test_ids_outlive_the_server(tmp_path: Path, kind: str) -> None:
    """ "The id is stored with the line, in one commit: it is known after a kill of the server exactly if the line is." """
    target = "@#a" if kind == "room" else "bob"
    said = []
    for _ in range(2):
        with running_server(tmp_path, store_kind="sqlite") as server, ExitStack() as stack:
            bob, alice = (stack.enter_context(Client(server, nick, caps=CAPS)) for nick in ("bob", "alice"))
            for person in (bob, alice):
                person.ask("JOIN #a")
            said += alice.ask(f"{mark()} PRIVMSG {target} :once")
            said += alice.ask(f"{mark()} PRIVMSG #elsewhere :once")
            last = [line for line in bob.sync() if "PRIVMSG" in line]
    assert said[0] == said[2]
    assert "ID_REUSED" in said[1]
    assert said[1] == said[3]
    assert last == []


# The book of ids


def event(
    seq: int, ident: str, *, at: int = 0, account: str = "", origin: int = 1, line: bytes = b":a!u@h PRIVMSG #a :x\r\n"
) -> Event:
    return Event(seq, seq, at, "#a", Kind.MESSAGE, line, origin, account=account, ident=ident)


def test_ids_are_forgotten_with_their_time() -> None:
    """ "for `resend.seconds` (600)" """
    book = Resends(1000, 10, 10)
    book.put(event(1, "one", at=5000))
    assert book.find("", "one", 6000) == Sent(1, 5000, "#a", "1", "one", "#a")
    assert book.find("", "one", 6001) is None
    assert len(book) == 0


def test_each_author_has_so_many() -> None:
    """ "the newest `resend.lines` (256) of an account, or of a session without one" """
    book = Resends(1000, 2, 100)
    for number in range(4):
        book.put(event(number, f"m{number}"))
        book.put(event(number, f"a{number}", account="Alice", origin=number))
    known = [(account, f"{name}{i}") for i in range(4) for account, name in (("", "m"), ("ALICE", "a"))]
    assert [ident for account, ident in known if book.find(account, ident, 0)] == ["m2", "a2", "m3", "a3"]


def test_all_together_have_so_many_and_nothing_is_left_of_those_that_went() -> None:
    """ "`resend.total` (100,000) over all" """
    book = Resends(1000, 10, 3)
    for number in range(9):
        book.put(event(number, f"i{number}", origin=number))
        book.put(event(number, f"i{number}", origin=number))  # the same again changes nothing
    assert [i for i in range(9) if book.find("", f"i{i}", 0)] == [6, 7, 8]
    assert len(book._of) == 3
    book.find("", "", 10_000)
    assert not book._of


def test_who_has_the_most_makes_room() -> None:
    """ "over that, who has the most makes room": many sessions cannot push out what somebody else has under way."""
    book = Resends(1000, 10, 24)
    for number in range(3):
        book.put(event(number, f"mine{number}", account="Alice"))
    for number in range(60):
        book.put(event(number, f"flood{number}", origin=number % 6))
    assert [i for i in range(3) if book.find("alice", f"mine{i}", 0)] == [0, 1, 2]
    assert [i for i in range(60) if book.find("", f"flood{i}", 0)] == list(range(39, 60))
    for number in range(30):
        book.put(event(number, f"bob{number}", account="Bob"))
    assert {author: len(keys) for author, keys in book._of.items()} == {"@alice": 3, "@bob": 3, **{str(i): 3 for i in range(6)}}
    check_resends(book)


@given(
    st.lists(st.tuples(st.integers(0, 5), st.integers(0, 40), st.integers(0, 400)), max_size=200),
    st.integers(1, 5),
    st.integers(1, 12),
)
def test_the_book_in_any_order(acts: list[tuple[int, int, int]], lines: int, total: int) -> None:
    book, at = Resends(1000, lines, total), 0
    for number, (author, ident, later) in enumerate(acts):
        at += later
        known = book.find("", f"i{ident}", at)
        book.put(event(number, f"i{ident}", at=at, origin=author))
        found = book.find("", f"i{ident}", at)
        assert found is not None
        assert found.seq == (known.seq if known else number)
        assert at - found.at <= 1000
        check_resends(book)


def test_after_a_burst_and_a_pause_nobody_waits_for_all_to_be_forgotten() -> None:
    """Too old ones go a few at a time, and are not found meanwhile; what is stored under such an id again is found."""
    book = Resends(1000, 100, 100)
    for number in range(100):
        book.put(event(number, f"i{number}"))
    assert book.find("", "i99", 1001) is None
    assert len(book) == 84
    book.put(event(200, "i99", at=1001, origin=2))
    found = book.find("", "i99", 1001)
    assert found is not None
    assert found.seq == 200
    check_resends(book)
    for _ in range(4):
        book.find("", "", 1001)
    assert list(book._of) == ["2"]


def test_a_window_of_nothing_keeps_nothing() -> None:
    book = Resends(0, 10, 10)
    book.put(event(1, "one"))
    assert book.find("", "one", 0) is None


def test_what_was_redacted_before_a_restart_has_no_target_to_compare() -> None:
    book = Resends(1000, 10, 10)
    book.load([event(1, "one", line=b"")])
    found = book.find("", "one", 0)
    assert found is not None
    assert found.target == ""


def test_a_store_that_fails_or_has_forgotten_is_no_reason_to_send_again() -> None:
    class Broken(MemoryStore):
        def after(self, room: str, seq: int, limit: int, *, upto: int | None = None, seen_from: int = 0) -> list[Event]:
            raise StoreError("The disk is gone.")

    sent = Sent(1, 0, "#a", "1", ONE, "#a")
    stores: tuple[Store, ...] = (Broken(1), MemoryStore(1))
    for store in stores:
        again = Again("irc.example", "PRIVMSG", sent, int(Cap.ECHO_MESSAGE))
        assert again.cost > 0
        assert (
            again.run(store)
            == f":irc.example NOTE PRIVMSG ALREADY_STORED {ONE} 00000000000001 :This is stored already\r\n".encode()
        )
