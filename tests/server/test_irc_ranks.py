"""Ranks: who may give and take which, and what is said to a rank (STATUSMSG). Quoted sentences are from https://modern.ircdocs.horse."""

from __future__ import annotations

from pathlib import Path

import pytest

from server.state.ranks import LETTERS, PREFIX, Rank, from_letters, letters, may_act_on, may_give, signs
from tests.server.conftest import Connect
from tests.server.harness import Client, Running, running_server
from wire.message import parse


def put(server: Running, room: str, nick: str, rank: Rank) -> None:
    """Give a member a rank behind everybody's back."""
    sequencer = server.server.sequencer
    with sequencer.lock:
        user, where = sequencer.net.find(nick), sequencer.net.room(room)
        assert user is not None
        assert where is not None
        where.members[user] = rank


def test_ranks_as_letters_and_signs() -> None:
    """PREFIX: "in descending order of privilege"; multi-prefix: "in order of 'rank', from highest to lowest"."""
    assert PREFIX == "(qaohv)~&@%+"
    every = from_letters("vhoaq?")
    assert letters(every) == "qaohv"
    assert signs(every, every=True) == "~&@%+"
    assert signs(every, every=False) == "~"
    assert (signs(Rank.NONE, every=True), letters(Rank.NONE), Rank.NONE.top) == ("", "", Rank.NONE)
    assert (Rank.OP | Rank.VOICE).top == Rank.OP


@pytest.mark.parametrize(("mine", "given"), [("q", "qaohv"), ("a", "ohv"), ("o", "ohv"), ("h", "v"), ("v", ""), ("", "")])
def test_who_may_give_what(mine: str, given: str) -> None:
    assert "".join(letter for letter, rank in LETTERS.items() if may_give(from_letters(mine), rank)) == given


@pytest.mark.parametrize(("mine", "below"), [("q", "qaohv"), ("ao", "aohv"), ("o", "ohv"), ("hv", "v"), ("v", ""), ("", "")])
def test_who_may_act_on_whom(mine: str, below: str) -> None:
    """Nobody against a higher rank; operators among equals, half-operators not."""
    assert "".join(letter for letter, rank in LETTERS.items() if may_act_on(from_letters(mine), rank)) == below
    assert may_act_on(from_letters(mine), Rank.NONE) == (from_letters(mine) >= Rank.HALFOP)


@pytest.fixture
def three(connect: Connect) -> tuple[Client, Client, Client]:
    """An operator, a half-operator and a member of #a; all have seen all so far."""
    people = connect("op"), connect("half"), connect("member")
    for person in people:
        person.ask("JOIN #a")
    people[0].ask("MODE #a +h half")
    for person in people:
        person.sync()
    return people


def test_a_half_operator_keeps_order(three: tuple[Client, Client, Client]) -> None:
    """ "Users with this mode may perform channel moderation tasks, but usually cannot kick or ban other channel operators"."""
    op, half, member = three
    assert half.numerics("MODE #a +v member", "MODE #a +b x", "TOPIC #a :t") == ["MODE", "MODE", "TOPIC"]
    assert half.numerics("MODE #a -v member", "MODE #a -b x") == ["MODE", "MODE"]
    refused = ("+o member", "+h member", "-o op", "+i", "+e x", "+I x", "+k x", "+l 3", "+q half", "+a half")
    for change in refused:
        assert half.numerics(f"MODE #a {change}") == ["482"], change
    assert half.numerics("KICK #a op", "KICK #a member") == ["482", "KICK"]
    assert half.ask("MODE #a -h half") == [":half!~u@127.0.0.1 MODE #a -h half"], "anyone may lay down what they have"
    op.sync()
    assert op.numerics("MODE #a +q op", "MODE #a +a op") == ["482", "482"], "only a founder makes founders"
    del member


def test_nobody_acts_on_a_higher_rank(server: Running, three: tuple[Client, Client, Client]) -> None:
    """A founder and a protected member are above operators."""
    op, half, member = three
    put(server, "#a", "half", Rank.FOUNDER)
    put(server, "#a", "member", Rank.PROTECTED | Rank.OP)
    assert op.numerics("KICK #a half", "KICK #a member", "MODE #a -o member", "MODE #a -q half") == ["482"] * 4
    assert member.numerics("KICK #a half", "MODE #a -o op") == ["482", "MODE"]
    member.ask("MODE #a +o op")
    assert half.ask("MODE #a +q op", "MODE #a -a member")[-1] == ":half!~u@127.0.0.1 MODE #a -a member"
    assert half.numerics("KICK #a member")[-1] == "KICK"
    op.sync()
    assert parse(op.ask("NAMES #a")[0]).params[-1] == "~op ~half"


def test_a_half_operator_does_not_act_on_another(server: Running, three: tuple[Client, Client, Client]) -> None:
    _, half, member = three
    put(server, "#a", "member", Rank.HALFOP | Rank.VOICE)
    assert half.numerics("KICK #a member", "MODE #a -v member") == ["482", "482"]
    assert half.numerics("KICK #a half") == ["KICK"], "oneself anyone may"
    del member


def test_modes_of_registration_are_the_servers(three: tuple[Client, Client, Client]) -> None:
    assert three[0].numerics("MODE #a +r", "MODE #a -r") == ["482", "482"]


# STATUSMSG


def said(lines: list[str]) -> list[str]:
    """Target and text of the messages in `lines`."""
    return [" ".join(parse(line).params) for line in lines if parse(line).command in ("PRIVMSG", "NOTICE", "TAGMSG")]


def test_statusmsg(three: tuple[Client, Client, Client]) -> None:
    """ "the server supports a method for clients to send a message via the PRIVMSG / NOTICE commands to those people on a channel
    with (one of) the specified channel membership prefixes"."""
    op, half, member = three
    op.ask("PRIVMSG @#a :to operators", "NOTICE %#a :to half-operators", "PRIVMSG +#a :to voiced", "PRIVMSG #a :to all")
    assert said(half.sync()) == ["%#a to half-operators", "+#a to voiced", "#a to all"]
    assert said(member.sync()) == ["#a to all"]
    half.ask("PRIVMSG @#a :up")
    assert said(op.sync()) == ["@#a up"]
    member.ask("PRIVMSG @+#a :of several signs the lowest counts")
    assert said(half.sync()) == ["+#a of several signs the lowest counts"]


def test_statusmsg_keeps_the_order_of_the_room(three: tuple[Client, Client, Client]) -> None:
    """One log: what is for some stands between what is for all."""
    op, half, member = three
    op.ask("PRIVMSG #a :1", "PRIVMSG %#a :2", "PRIVMSG #a :3", "PRIVMSG @#a :4", "PRIVMSG #a :5")
    assert said(half.sync()) == ["#a 1", "%#a 2", "#a 3", "#a 5"]
    assert said(member.sync()) == ["#a 1", "#a 3", "#a 5"]


def test_statusmsg_in_one_batch_with_other_rooms(three: tuple[Client, Client, Client]) -> None:
    """Several rooms in one turn, and an event that stands in both (NICK)."""
    op, half, member = three
    for person in three:
        person.ask("JOIN #b")
    op.sync()
    half.sync()
    op.ask("PRIVMSG @#a :1", "PRIVMSG #b :2", "PRIVMSG %#a :3", "NICK boss", "PRIVMSG +#b :4", "PRIVMSG #a :5")
    lines = half.sync()
    assert sorted(said(lines)) == ["#a 5", "#b 2", "%#a 3"]
    assert sum(" NICK " in line for line in lines) == 1
    assert sorted(said(member.sync())) == ["#a 5", "#b 2"]


def test_statusmsg_echo(connect: Connect, three: tuple[Client, Client, Client]) -> None:
    """echo-message: the author gets it back, whatever their rank."""
    carol = connect("carol", caps="echo-message labeled-response batch message-tags")
    carol.ask("JOIN #a")
    assert said(carol.ask("PRIVMSG @#a :help")) == ["@#a help"]
    assert said(carol.ask("@label=x PRIVMSG @#a :help", "PRIVMSG #a :all")) == ["@#a help", "#a all"]
    assert said(three[0].sync()) == ["@#a help", "@#a help", "#a all"]
    assert said(three[2].sync()) == ["#a all"]


def test_statusmsg_is_refused_like_any_message(connect: Connect, three: tuple[Client, Client, Client]) -> None:
    op, _, member = three
    assert connect("carol").numerics("PRIVMSG @#a :x", "PRIVMSG @#no :x", "PRIVMSG @ :x") == ["404", "403", "401"]
    op.ask("MODE #a +m")
    assert member.numerics("PRIVMSG @#a :x")[-1] == "404"


def test_statusmsg_from_outside(connect: Connect, three: tuple[Client, Client, Client]) -> None:
    op, _, member = three
    op.ask("MODE #a -n")
    connect("carol").ask("PRIVMSG @#a :from outside")
    assert said(op.sync()) == ["@#a from outside"]
    assert said(member.sync()) == []


def test_statusmsg_in_history(connect: Connect, three: tuple[Client, Client, Client]) -> None:
    """History of it is for those who have the rank when they ask."""
    op = three[0]
    op.ask("PRIVMSG @#a :secret", "PRIVMSG #a :open")
    late = connect("late", caps="batch draft/chathistory")
    late.ask("JOIN #a")
    assert said(late.ask("CHATHISTORY LATEST #a * 10")) == ["#a open"]
    assert said(late.ask("CHATHISTORY AFTER #a msgid=00000000000001 10")) == ["#a open"]
    op.ask("MODE #a +o late")
    assert said(late.ask("CHATHISTORY LATEST #a * 10")) == ["@#a secret", "#a open"]


def test_statusmsg_from_the_disk(tmp_path: Path) -> None:
    """The rank is stored with the event."""
    with running_server(tmp_path, store_kind="sqlite") as server, Client(server, "alice") as alice:
        alice.ask("JOIN #a", "PRIVMSG +#a :ranked", "PRIVMSG #a :open")
        with Client(server, "bob", caps="batch draft/chathistory") as bob:
            bob.ask("JOIN #a")
            assert said(bob.ask("CHATHISTORY LATEST #a * 10")) == ["#a open"]
            alice.ask("MODE #a +v bob")
            assert said(bob.ask("CHATHISTORY LATEST #a * 10")) == ["+#a ranked", "#a open"]


def test_statusmsg_and_a_member_who_left(three: tuple[Client, Client, Client]) -> None:
    """Whoever has left has no rank there any more."""
    op, half, member = three
    op.ask("PRIVMSG %#a :before", "PRIVMSG #a :to all")
    half.send("PART #a")
    assert "#a to all" in said(half.sync())
    assert said(member.sync()) == ["#a to all"]


def test_invite_notify(connect: Connect, three: tuple[Client, Client, Client]) -> None:
    """ "a server may choose to only send the message to clients having channel op" (invite-notify): half-operators and higher."""
    op = three[0]
    watcher, low = connect("watcher", caps="invite-notify"), connect("low", caps="invite-notify")
    guest = connect("guest")
    for person in (watcher, low):
        person.ask("JOIN #a")
    op.ask("MODE #a +h watcher")
    watcher.sync()
    low.sync()
    op.sync()
    assert op.numerics("INVITE guest #a") == ["341"]
    assert watcher.sync() == [":op!~u@127.0.0.1 INVITE guest #a"]
    assert low.sync() == []
    assert three[1].sync() != [":op!~u@127.0.0.1 INVITE guest #a"]
    assert guest.sync() == [":op!~u@127.0.0.1 INVITE guest #a"]
    assert watcher.numerics("INVITE nobody #a") == ["401"]
