"""Users, rooms and the network: what a change brings about, and that nothing is left of those who go."""

from __future__ import annotations

import pytest

from server.commands.registration import make_member
from server.events import Kind, Record
from server.settings.limits import Limits
from server.settings.tree import Settings
from server.state.model import Network, Rank, Room, Span, User
from tests.server.store.building import AT, seqs


class Place:
    """A link: all that the model knows of it is the worker."""

    def __init__(self, worker: int = 0) -> None:
        self.worker = worker


@pytest.fixture
def net() -> Network:
    return Network(Settings(limits=Limits(conversations=2)), seq=100, at=AT)


def someone(net: Network, nick: str, worker: int = 0) -> User:
    user = net.connect(Place(worker), "192.0.2.1", "host", AT)
    user.username = "~u"
    net.rename(user, nick)
    make_member(net, user, AT)
    return user


def joined(net: Network, user: User, name: str) -> Room:
    room = net.open(name, AT)
    room.enter(user, Rank.NONE, net.append(room, Kind.JOIN, user, b"JOIN", AT).seq)
    return room


def clean(net: Network) -> None:
    net.appended.clear()
    net.touched.clear()
    net.rung.clear()


# Sessions


def test_a_session_id_is_a_position_of_its_own(net: Network) -> None:
    one, other = someone(net, "Ann"), someone(net, "Bob")
    assert (one.id, other.id, net.seq) == (101, 102, 102)
    room = joined(net, one, "#a")
    assert seqs(net.appended) == [103]
    assert someone(net, "Cat").id == 104
    assert room.log.last == 103


def test_nicks(net: Network) -> None:
    ann = net.connect(Place(), "", "host", AT)
    assert ann.shown == "*"
    ann.username = "~u"
    net.rename(ann, "Ann")
    assert ann.shown == "Ann"
    assert net.nicks["ann"] is ann
    assert net.find("ann") is None, "not registered yet"
    make_member(net, ann, AT)
    assert net.find("ANN") is ann
    net.rename(ann, "Anne")
    assert net.find("ann") is None
    assert net.find("anne") is ann
    assert ann.prefix == "Anne!~u@host"
    net.rename(ann, "ANNE")
    assert list(net.nicks) == ["anne"]


def test_who_goes_is_gone_and_their_rooms_see_it(net: Network) -> None:
    ann, bob = someone(net, "ann"), someone(net, "bob", worker=1)
    shared, also, alone = joined(net, ann, "#shared"), joined(net, ann, "#also"), joined(net, ann, "#alone")
    for room in (shared, also):
        room.enter(bob, Rank.NONE, net.append(room, Kind.JOIN, bob, b"JOIN", AT).seq)
    net.append_private(net.conversation(ann, bob), Kind.MESSAGE, bob, ann, b"hi", AT, tags="", stored=True)
    clean(net)
    net.disconnect(ann, "Gone", AT)
    events = {event.room: event for event in net.appended}
    assert set(events) == {"#shared", "#also", "#alone"}
    assert {event.line for event in net.appended} == {b":ann!~u@host QUIT :Gone\r\n"}
    assert events["#shared"].id == events["#also"].id == min(events["#shared"].seq, events["#also"].seq)
    assert abs(events["#shared"].seq - events["#also"].seq) == 1
    assert seqs(net.appended) == sorted(seqs(net.appended))
    assert list(net.rooms) == ["#shared", "#also"]
    assert alone.members == {}
    assert shared.present == also.present == {1: 1}
    assert (ann.rooms, ann.ended) == ({}, "Gone")
    assert ann.spans, "what came before is still owed"
    assert all(span.until < min(seqs(net.appended)) for span in ann.spans)
    assert (list(net.users.values()), list(net.nicks), net.registered, net.most) == ([bob], ["bob"], 1, 2)
    assert not net.talks.logs
    clean(net)
    net.disconnect(ann, "Again", AT)
    assert (net.appended, ann.ended) == ([], "Gone")


def test_who_was_never_registered_goes_without_a_word(net: Network) -> None:
    net.disconnect(net.connect(Place(), "", "", AT), "x", AT)
    assert (net.users, net.appended, net.registered) == ({}, [], 0)


def test_a_nick_that_another_has_by_now_stays_theirs(net: Network) -> None:
    ann, other = someone(net, "ann"), someone(net, "other")
    net.rename(other, "ann")  # the command checks; the model takes it
    net.rename(ann, "ann2")
    assert net.find("ann") is other
    net.rename(other, "ann2")
    net.disconnect(ann, "x", AT)
    assert net.find("ann2") is other


# Rooms


def test_a_room_is_made_and_found_whatever_the_case(net: Network) -> None:
    room = net.open("#Room", AT)
    assert net.open("#ROOM", AT) is net.room("#room") is room
    assert (room.name, room.key, room.log.floor, room.created) == ("#Room", "#room", 100, AT)
    assert net.room("#other") is None


def test_the_audience_is_by_worker_and_class(net: Network) -> None:
    ann, bob, cat = someone(net, "ann"), someone(net, "bob"), someone(net, "cat", worker=1)
    for user in (ann, bob, cat):
        room = joined(net, user, "#a")
    assert room.audience(0) == {0: [ann.link, bob.link]}
    assert room.audience(0) is room.audience(0)
    net.reclass(bob, 2)
    assert room.audience(0) == {0: [ann.link], 2: [bob.link]}
    before = room.audience(0)
    net.reclass(bob, 2)
    assert room.audience(0) is before
    assert room.audience(1) == {0: [cat.link]}
    assert room.audience(2) == {}
    net.part(room, ann, net.seq)
    assert room.audience(0) == {2: [bob.link]}
    assert before == {0: [ann.link], 2: [bob.link]}, "others may still be reading that one"


def test_who_leaves_is_owed_what_was_said_until_then(net: Network) -> None:
    ann, bob = someone(net, "ann"), someone(net, "bob")
    room = joined(net, ann, "#a")
    since = net.seq
    joined(net, bob, "#a")
    clean(net)
    net.part(room, ann, net.append(room, Kind.PART, ann, b"PART", AT).seq)
    assert ann.spans == [Span(room.log, since, net.seq)]
    assert ann.changed == net.seq
    assert net.rung == {ann}
    assert list(room.members) == [bob]
    net.part(room, bob, net.append(room, Kind.PART, bob, b"PART", AT).seq)
    assert net.room("#a") is None
    assert net.open("#a", AT) is not room


def test_a_room_may_be_closed_or_hidden(net: Network) -> None:
    ann, bob = someone(net, "ann"), someone(net, "bob")
    room = joined(net, ann, "#a")
    assert not room.closed
    room.password = "x"
    assert room.closed
    assert net.append(room, Kind.MESSAGE, ann, b"x", AT).closed
    room.password, room.invite_only = "", True
    assert room.closed
    room.invite_only = False
    assert not room.closed
    assert room.visible_to(bob)
    room.secret = True
    assert room.visible_to(ann)
    assert not room.visible_to(bob)


# The log


def test_an_event_has_what_it_was_given(net: Network) -> None:
    ann = someone(net, "ann")
    ann.account = "annie"
    room = joined(net, ann, "#a")
    clean(net)
    event = net.append(room, Kind.TAGMSG, ann, b"line", AT + 1, skip=True, tags="+x", stored=False, alt=b"alt")
    assert (event.seq, event.id, event.at, event.room, event.kind) == (net.seq, net.seq, AT + 1, "#a", Kind.TAGMSG)
    assert (event.line, event.origin, event.skip, event.tags, event.alt) == (b"line", ann.id, True, "+x", b"alt")
    assert (event.account, event.stored, event.closed) == ("annie", False, False)
    assert net.appended == room.log.events[-1:] == [event]
    assert net.touched == {room}


def test_one_event_in_several_rooms_has_one_id(net: Network) -> None:
    ann = someone(net, "ann")
    rooms = [joined(net, ann, name) for name in ("#a", "#b", "#c")]
    clean(net)
    events = net.append_all(rooms, Kind.NICK, ann, b"NICK", AT, skip=True)
    assert [event.seq - events[0].seq for event in events] == [0, 1, 2]
    assert {event.id for event in events} == {events[0].seq}
    assert net.append_all([], Kind.NICK, ann, b"NICK", AT) == []
    assert events == net.appended


# Private conversations


def test_a_conversation_is_one_log_for_both_directions(net: Network) -> None:
    ann, bob = someone(net, "ann"), someone(net, "bob")
    log = net.conversation(ann, bob)
    assert net.conversation(bob, ann) is log
    assert log.key == f"={ann.id}={bob.id}"
    first = net.append_private(log, Kind.MESSAGE, ann, bob, b"1", AT, tags="", stored=True)
    back = net.append_private(log, Kind.MESSAGE, bob, ann, b"2", AT, tags="", stored=True)
    third = net.append_private(log, Kind.MESSAGE, ann, bob, b"3", AT, tags="", stored=True)
    assert bob.spans == [Span(log, first.seq, third.seq)]
    assert ann.spans == [Span(log, back.seq, back.seq)]
    assert first.skip
    assert first.closed
    assert net.rung == {ann, bob}
    assert not net.touched, "nobody but the two is told"


def test_what_one_tells_oneself_arrives(net: Network) -> None:
    ann = someone(net, "ann")
    log = net.conversation(ann, ann)
    event = net.append_private(log, Kind.MESSAGE, ann, ann, b"1", AT, tags="", stored=True)
    assert not event.skip
    assert ann.spans == [Span(log, event.seq, event.seq)]


def test_only_so_many_conversations_are_held(net: Network) -> None:
    ann, bob, cat, dan = (someone(net, nick) for nick in ("ann", "bob", "cat", "dan"))
    oldest, second = net.conversation(ann, bob), net.conversation(ann, cat)
    assert net.conversation(ann, bob) is oldest, "which makes it the newest"
    net.conversation(ann, dan)
    assert second.key not in net.talks.logs
    assert net.conversation(ann, cat) is not second
    assert oldest.key not in net.talks.logs


def test_a_conversation_ends_with_a_session_that_has_no_account(net: Network) -> None:
    ann, bob, cat = (someone(net, nick) for nick in ("ann", "bob", "cat"))
    log = net.conversation(ann, bob)
    net.append_private(log, Kind.MESSAGE, ann, bob, b"1", AT, tags="", stored=True)
    net.append_private(net.conversation(bob, cat), Kind.MESSAGE, bob, cat, b"2", AT, tags="", stored=True)
    net.disconnect(ann, "x", AT)
    assert list(net.talks.logs) == [f"={bob.id}={cat.id}"]
    assert net.talks.peers(str(ann.id)) == []
    assert [nick for _, nick in net.talks.peers(str(bob.id))] == ["cat", "ann"]
    assert not net.changes, "what is only known for a session is not kept"


def test_a_conversation_between_accounts_is_the_same_for_all_their_sessions(net: Network) -> None:
    ann, ann2, bob = (someone(net, nick) for nick in ("ann", "ann2", "bob"))
    for user, account in ((ann, "Ann"), (ann2, "Ann"), (bob, "Bob")):
        net.log_in(user, account)
    assert {account: list(users) for account, users in net.sessions.items()} == {"ann": [ann, ann2], "bob": [bob]}
    log = net.conversation(ann, bob)
    assert log.key == "=@ann=@bob"
    assert net.conversation(bob, ann2) is log
    net.append_private(log, Kind.MESSAGE, ann, bob, b"1", AT, tags="", stored=True)
    assert [(change.kind, change.key, change.value) for change in net.changes if isinstance(change, Record)] == [
        ("talk", "@ann @bob", '{"nick":"bob"}'),
        ("talk", "@bob @ann", '{"nick":"ann"}'),
    ]
    net.changes.clear()
    net.append_private(log, Kind.MESSAGE, bob, ann, b"2", AT, tags="", stored=True)
    assert not net.changes, "once is enough"
    for user in (ann, ann2):
        net.disconnect(user, "x", AT)
    net.log_in(bob, "")
    assert net.sessions == {}
    assert net.talks.peers("@ann") == [("@bob", "bob")]


def test_only_so_many_contacts_are_remembered(net: Network) -> None:
    net = Network(Settings(limits=Limits(contacts=1)), seq=100, at=AT)
    ann, bob, cat = (someone(net, nick) for nick in ("ann", "bob", "cat"))
    net.log_in(ann, "Ann")
    for other in (bob, cat):
        net.append_private(net.conversation(ann, other), Kind.MESSAGE, ann, other, b"1", AT, tags="", stored=True)
    kept = [(change.key, change.value) for change in net.changes if isinstance(change, Record)]
    assert kept == [(f"@ann {cat.id}", '{"nick":"cat"}'), (f"@ann {bob.id}", "")]
    net.changes.clear()
    again = Network(Settings(limits=Limits(contacts=1)), seq=200, at=AT)
    again.load([Record(1, "talk", "@ann @bob", '{"nick":"Bobby"}'), Record(2, "talk", "@ann @cat", '{"nick":"cat"}')])
    assert again.talks.peers("@ann") == [("@cat", "cat")]
    assert [(change.key, change.value) for change in again.changes if isinstance(change, Record)] == [("@ann @bob", "")]


def test_what_a_peer_who_is_gone_was_called(net: Network) -> None:
    talks = net.talks
    for peer, nick in (("7", "dan"), ("@bob", "Bobby"), ("9", "Dan")):
        talks.meet("@ann", peer, nick)
    assert talks.called("@ann", "BOB") == "@bob"
    assert talks.called("@ann", "bobby") == "@bob"
    assert talks.called("@ann", "dan") == "9", "the last of that nick"
    assert talks.called("@ann", "eve") == talks.called("@bob", "ann") == ""


# Replies


def test_a_reply_has_a_place_and_is_counted(net: Network) -> None:
    ann = someone(net, "ann")

    class Later:
        label = ""
        cost = 64
        looked = 0

        def run(self, store: object) -> bytes:
            raise AssertionError

    later = Later()
    net.send(ann, b"12345")
    net.send(ann, later)
    assert ann.replies == [(net.seq, b"12345"), (net.seq, later)]
    assert ann.reply_bytes == 69
    assert net.rung == {ann}
