"""What users say of themselves, and who is told: AWAY, SETNAME, CHGHOST, ACCOUNT, INVITE, bots, user modes."""

from __future__ import annotations

from pathlib import Path

import pytest

from server.commands.notices import account_changed, change_host
from server.commands.table import Context
from server.commands.user_modes import put
from server.operators import Grant
from tests.server.conftest import Connect
from tests.server.harness import Client, Running, running_server
from wire.message import Message, parse


def test_away_notify(connect: Connect) -> None:
    """ "clients will be sent an AWAY message when a user sharing a channel with them sets, changes or removes their away state"
    (https://ircv3.net/specs/extensions/away-notify): once, however many rooms they share, and only if they asked for it."""
    alice, bob, carol = connect("alice", caps="away-notify message-tags"), connect("bob"), connect("carol")
    for person in (alice, bob, carol):
        person.ask("JOIN #a,#b")
    for person in (alice, bob, carol):
        person.sync()
    assert bob.numerics("AWAY :out", "AWAY :out") == ["306", "306"]
    assert bob.numerics("AWAY") == ["305"]
    lines = [parse(line) for line in alice.sync()]
    assert [(line.command, *line.params) for line in lines] == [("AWAY", "out"), ("AWAY",)]
    assert all("msgid" in line.tags for line in lines)
    assert carol.sync() == []


def test_away_notify_on_join(connect: Connect) -> None:
    """ "as well as when a user joins and has an away message set"; "Clients SHOULD NOT be sent AWAY messages to notify
    them of their own away status"."""
    alice, bob = connect("alice", caps="away-notify"), connect("bob", caps="away-notify")
    alice.ask("JOIN #a")
    bob.ask("AWAY :out")
    assert not [line for line in bob.ask("JOIN #a") if " AWAY " in line]
    assert [parse(line).command for line in alice.sync()] == ["JOIN", "AWAY"]


def test_away_before_registration(connect: Connect) -> None:
    """ "servers MUST accept the AWAY command before connection registration has completed" with draft/pre-away, and `AWAY *` says
    that "the user is not present for an unspecified reason" (https://ircv3.net/specs/extensions/pre-away)."""
    alice = connect("alice")
    half = connect()
    assert half.ask("AWAY :x") == [":parley.local 451 * :You have not registered"]
    half.ask("CAP REQ draft/pre-away")
    assert half.ask("AWAY *") == [":parley.local 306 * :You have been marked as being away"]
    half.send("CAP END")
    half.register("half")
    assert alice.ask("PRIVMSG half :x") == [":parley.local 301 alice half :*"]


def test_setname(connect: Connect) -> None:
    """ "they MUST send the server-to-client version of the SETNAME message to all clients in common channels, as well as to the
    client from which it originated"; "MUST NOT be sent to clients which do not have the setname capability negotiated"; without it
    "the server SHOULD handle it silently (with no response)"."""
    alice, bob, carol = connect("alice", caps="setname"), connect("bob", caps="setname"), connect("carol")
    for person in (alice, bob, carol):
        person.ask("JOIN #a")
    assert alice.ask("SETNAME :Alice A.")[-1] == ":alice!~u@127.0.0.1 SETNAME :Alice A."
    assert bob.sync()[-1] == ":alice!~u@127.0.0.1 SETNAME :Alice A."
    assert "SETNAME" not in "".join(carol.sync())
    assert carol.ask("WHOIS alice")[0].endswith(" * :Alice A.")
    assert carol.ask("SETNAME :Caroline") == []


def test_setname_that_is_refused(tmp_path: Path) -> None:
    """setname: "Servers MUST check the realname for validity (taking length limits into consideration)"; "NAMELEN" says them."""
    with running_server(tmp_path, limits_realname=5) as server, Client(server, "alice", realname="too long") as alice:
        assert "NAMELEN=5" in " ".join(alice.seen)
        assert alice.ask("WHOIS alice")[0].endswith(":too l")
        for name in ("123456", " ", "€€"):
            assert alice.ask(f"SETNAME :{name}") == [":parley.local FAIL SETNAME INVALID_REALNAME :A real name is 1 to 5 bytes"]
        assert alice.numerics("SETNAME", "SETNAME :12345") == ["461"]


def test_setname_only_so_often(tmp_path: Path) -> None:
    """What others see has a rate of its own: `rates.names` a minute."""
    with running_server(tmp_path, limits_enabled=True, rates_names=1) as server, Client(server, "alice") as alice:
        assert alice.ask("SETNAME :one") == []
        (refusal,) = alice.ask("SETNAME :two")
        assert refusal.startswith(":parley.local FAIL SETNAME RATE_LIMITED :Too many changes of the real name: wait ")
        assert alice.ask("WHOIS alice")[0].endswith(" :one")


def test_standard_replies(server: Running, connect: Connect) -> None:
    """ "<type> <command> <code> [<context>...] <description>", the type one of FAIL, WARN, NOTE; the capability is offered
    (https://ircv3.net/specs/extensions/standard-replies)."""
    alice = connect("alice", caps="standard-replies")
    sequencer = server.server.sequencer
    with sequencer.lock:
        context = Context(sequencer.net, sequencer.net.nicks["alice"], Message("X", []), 1)
        context.fail("A", "one", "what")
        context.note("C", "three", "x", "y")
        sequencer.settle()
    assert alice.sync() == [
        ":parley.local FAIL X A what :one",
        ":parley.local NOTE X C x y :three",
    ]


def test_chghost(connect: Connect, server: Running) -> None:
    """chghost: "to other clients who share channels with the target client and who have enabled the chghost capability"; "SHOULD
    also send the CHGHOST message to the client whose own username or host changed"; `:nick!old_user@old_host`."""
    alice, bob, carol = connect("alice", caps="chghost"), connect("bob", caps="chghost"), connect("carol")
    for person in (alice, bob, carol):
        person.ask("JOIN #a")
    for person in (alice, bob, carol):
        person.sync()
    sequencer = server.server.sequencer
    with sequencer.lock:
        change_host(sequencer.net, sequencer.net.nicks["alice"], "home.example", 1, username="al")
        sequencer.settle()
    changed = ":alice!~u@127.0.0.1 CHGHOST al home.example"
    assert alice.sync() == [changed, ":parley.local 396 alice home.example :is now your displayed host"]
    assert bob.sync() == [changed]
    assert carol.sync() == []
    alice.ask("PRIVMSG #a :x")
    assert carol.sync() == [":alice!al@home.example PRIVMSG #a :x"]


def test_a_host_may_change_before_registration(connect: Connect, server: Running) -> None:
    half = connect()
    half.ask("NICK half")
    sequencer = server.server.sequencer
    with sequencer.lock:
        user = sequencer.net.nicks["half"]
        change_host(sequencer.net, user, "home.example", 1)
        account_changed(sequencer.net, user, 1)
        sequencer.settle()
    assert ":Welcome to the Parley network, half!~u@home.example" in half.register("half")[0]


def test_account_notify_and_account_tag(connect: Connect, server: Running) -> None:
    """account-notify: "account name changes for clients on common channels with them, including themselves"; "As the last
    parameter is an asterisk" they have logged out; account-tag on all that the user does."""
    alice, bob = connect("alice", caps="account-notify account-tag"), connect("bob", caps="account-notify")
    for person in (alice, bob, alice, bob):
        person.ask("JOIN #a")
    sequencer = server.server.sequencer
    for account in ("Bobby", ""):
        with sequencer.lock:
            user = sequencer.net.nicks["bob"]
            user.account = account
            account_changed(sequencer.net, user, 1)
            sequencer.settle()
        assert bob.sync() == [f":bob!~u@127.0.0.1 ACCOUNT {account or '*'}"]
        bob.ask("PRIVMSG #a :hello", "INVITE alice #b")
    lines = alice.sync()
    assert lines == [
        "@account=Bobby :bob!~u@127.0.0.1 ACCOUNT Bobby",
        "@account=Bobby :bob!~u@127.0.0.1 PRIVMSG #a :hello",
        ":bob!~u@127.0.0.1 ACCOUNT *",
        ":bob!~u@127.0.0.1 PRIVMSG #a :hello",
    ]


def test_invite_notify_and_the_tags_of_an_invitation(connect: Connect, server: Running) -> None:
    """invite-notify: "allows a client to specify that it would like to be notified when users are invited to channels"; the invited
    one gets theirs in any case, with the tags they asked for."""
    alice, bob, carol = connect("alice", caps="invite-notify"), connect("bob"), connect("carol", caps="account-tag")
    eve = connect("eve")
    for person in (alice, bob, eve):
        person.ask("JOIN #a")
    for person in (alice, bob, eve):
        person.sync()
    server.server.sequencer.net.nicks["bob"].account = "Bobby"
    assert bob.numerics("INVITE carol #a") == ["341"]
    assert carol.sync() == ["@account=Bobby :bob!~u@127.0.0.1 INVITE carol #a"]
    assert alice.sync() == [":bob!~u@127.0.0.1 INVITE carol #a"]
    assert eve.sync() == []


def test_bots(connect: Connect) -> None:
    """bot-mode: "they are given a special numeric as part of their WHOIS response, it is indicated in their WHO flags, and servers
    may include the bot tag on that client's outgoing messages", "only ... to users who have requested message-tags"."""
    alice, plain, bot = connect("alice", caps="message-tags"), connect("plain"), connect("bot")
    assert "BOT=B" in " ".join(alice.seen)
    assert bot.ask("MODE bot +B") == [":bot!~u@127.0.0.1 MODE bot :+B"]
    for person in (alice, plain, bot):
        person.ask("JOIN #a")
    for person in (alice, plain):
        person.sync()
    bot.ask("PRIVMSG #a :beep", "PRIVMSG alice :boop", "INVITE alice #a", "TOPIC #a")
    for line in map(parse, alice.sync()):
        assert line.tags.keys() == {"bot", "msgid"}
        assert line.tags["bot"] == ""
    assert plain.sync() == [":bot!~u@127.0.0.1 PRIVMSG #a :beep"]
    assert "335" in plain.numerics("WHOIS bot")
    assert [parse(line).params[6] for line in plain.ask("WHO bot")[:-1]] == ["HB"]
    bot.ask("MODE bot -B", "PRIVMSG alice :now a person")
    assert "bot" not in parse(alice.sync()[-1]).tags


def test_the_bot_tag_stands_before_client_tags(connect: Connect) -> None:
    alice, bot = connect("alice", caps="message-tags"), connect("bot", caps="message-tags echo-message")
    bot.ask("MODE bot +B")
    (echo,) = bot.ask("@+typing=active TAGMSG alice")
    (line,) = alice.sync()
    assert line == echo
    assert line.startswith("@msgid=")
    assert ";bot;+typing=active :bot!~u@127.0.0.1 TAGMSG alice" in line


def test_user_modes(connect: Connect) -> None:
    """RPL_UMODEIS; what was changed, and only that, is shown; "ERR_UMODEUNKNOWNFLAG"; nobody makes themselves operator."""
    alice = connect("alice")
    assert any(" 004 alice parley.local " in line and " BRiow " in line for line in alice.seen)
    assert alice.ask("MODE alice +iwBo") == [":alice!~u@127.0.0.1 MODE alice :+Biw"]
    assert alice.ask("MODE alice") == [":parley.local 221 alice +Biw"]
    assert alice.ask("MODE alice -i+w-B") == [":alice!~u@127.0.0.1 MODE alice :-Bi"]
    assert alice.ask("MODE alice +i-i") == []
    assert alice.numerics("MODE alice +Xi") == ["501", "MODE"]
    assert alice.numerics("MODE nobody", "MODE nobody +i") == ["401", "401"]
    connect("bob")
    assert alice.numerics("MODE bob") == ["502"]


def test_lusers_counts_who_hides_and_who_operates(connect: Connect, server: Running) -> None:
    """ "There are <u> users and <i> invisible on <s> servers"; "<client> <ops> :operator(s) online"; and those who are gone do not
    count."""
    alice, bob = connect("alice"), connect("bob")
    bob.ask("MODE bob +i")
    sequencer = server.server.sequencer
    with sequencer.lock:
        assert put(sequencer.net, sequencer.net.nicks["bob"], "o", Grant("root", frozenset()))
        assert not put(sequencer.net, sequencer.net.nicks["bob"], "o", Grant("root", frozenset()))

    def counts() -> list[str]:
        return [parse(line).params[1] for line in alice.ask("LUSERS")[:2]]

    assert counts() == ["There are 1 users and 1 invisible on 1 servers", "1"]
    assert bob.ask("MODE bob -o") == [":bob!~u@127.0.0.1 MODE bob :-o"]
    assert counts() == ["There are 1 users and 1 invisible on 1 servers", "0"]
    bob.send("QUIT")
    bob.rest()
    assert counts() == ["There are 1 users and 0 invisible on 1 servers", "0"]


@pytest.mark.parametrize("cap", ["no-implicit-names", "draft/no-implicit-names"])
def test_no_implicit_names(connect: Connect, cap: str) -> None:
    """ "servers MUST NOT send an implicit NAMES reply after sending a JOIN message. Servers MUST reply to explicit NAMES"."""
    alice = connect("alice", caps=cap)
    assert alice.numerics("JOIN #a") == ["JOIN"]
    assert alice.numerics("NAMES #a") == ["353", "366"]
    alice.ask("TOPIC #a :x")
    bob = connect("bob", caps=f"{cap} labeled-response batch")
    assert bob.numerics("@label=1 JOIN #a") == ["BATCH", "JOIN", "332", "333", "BATCH"]
