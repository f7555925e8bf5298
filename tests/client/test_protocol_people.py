"""Rooms, people and names: who comes, goes and is called how; what we do."""

from __future__ import annotations

from client import events as e
from client.events import Kind
from tests.client.talk import Talk


def test_rooms_and_people() -> None:
    t = Talk("#r")
    t.greet()
    t.enter()
    assert t.gets(":bob!u@h JOIN #r", ":s 353 alice = #r :@alice", ":s 353 alice = #r :+bob", ":s 366 alice #r :End") == [
        e.Joined("#r", "bob"),
        e.Members("#r", ("alice", "bob"), ("@", "+")),
    ]
    assert t.gets(":bob!u@h NICK rob", ":rob!u@h PART #r :bye") == [e.Renamed("bob", "rob", ("#r",)), e.Parted("#r", "rob", "bye")]
    assert t.gets(":carol!u@h JOIN #r", ":carol!u@h QUIT :gone")[1:] == [e.Gone("carol", ("#r",), "gone")]
    assert t.gets(":dan!u@h QUIT :x", ":dan!u@h PART #r", ":dan!u@h PART #x", ":dan!u@h NICK d", ":s NICK", ":s JOIN") == []
    assert t.gets(":bob!u@h TOPIC #r :new", ":s 332 alice #r :old", ":s 331 alice #r :none") == [
        e.Topic("#r", "new", "bob"),
        e.Topic("#r", "old"),
        e.Topic("#r", ""),
    ]
    assert t.gets(":bob!u@h KICK #r alice :out") == [e.Parted("#r", "alice", "out", own=True, by="bob")]
    assert t.gets(":s 366 alice #x :End", ":s 353 alice = #x :a", ":s 366 alice #r :End") == []
    assert t.gets(":s MODE #r +o bob", ":s MODE alice +i", ":bob!u@h INVITE alice #r") == [
        e.ModeSet("#r", "s", "+o bob"),
        e.Invited("#r", "bob"),
    ]


def test_what_we_do() -> None:
    t = Talk()
    t.p.names("#r")
    assert t.events() == [e.Failed("there is no connection at the moment")]
    t.p.part("#r", "before it was entered")
    t.greet()
    t.p.join("#r")
    t.enter()
    t.sent()
    t.p.names("#r")
    t.p.topic("#r")
    t.p.topic("#r", "a\r\nQUIT")
    t.p.topic("#r", "\n")
    t.p.say("#r", "waves", Kind.ACTION)
    t.p.say("#r", "psst", Kind.NOTICE)
    t.p.part("#r", "so long")
    t.p.quit("good\r\nbye")
    t.p.quit("again")
    assert t.sent() == [
        "NAMES #r",
        "TOPIC #r",
        "TOPIC #r a",
        "TOPIC #r :",
        "PRIVMSG #r :\x01ACTION waves\x01",
        "NOTICE #r psst",
        "PART #r :so long",
        "QUIT :good bye",
    ]


def test_kinds_of_messages() -> None:
    t = Talk()
    t.greet()
    said = t.gets(
        ":bob!u@h PRIVMSG alice :\x01ACTION waves\x01",
        ":bob!u@h PRIVMSG alice :\x01VERSION\x01",
        ":bob!u@h NOTICE alice :\x01VERSION 1\x01",
        ":bob!u@h NOTICE alice :psst",
        ":s NOTICE * :*** Looking up your hostname",
        ":bob!u@h PRIVMSG @#r :to operators",
        "PRIVMSG alice :from nobody",
        ":bob!u@h PRIVMSG",
        ":bob!u@h TAGMSG alice",
    )
    assert said == [
        e.Said("bob", "bob", "waves", Kind.ACTION),
        e.Said("bob", "bob", "psst", Kind.NOTICE),
        e.Info("*** Looking up your hostname"),
        e.Said("#r", "bob", "to operators"),
    ]


def test_names_taken_and_refused() -> None:
    t = Talk()
    t.p.connected()
    assert t.gets(":s 433 * alice :in use") == [e.NameRefused("alice", taken=True, text="in use")]
    assert t.p.needs_name
    t.p.disconnected()
    t.p.rename("anna")
    assert not t.p.needs_name
    t.p.connected()
    assert "NICK anna" in t.sent()
    assert t.gets(":s 432 * anna :bad") == [e.NameRefused("anna", taken=False, text="bad")]
    t.p.rename("berta")
    t.greet(nick="berta")
    t.p.rename("carla")
    assert t.sent() == ["NICK carla"]
    assert t.gets(":s 433 berta carla :in use") == [e.Failed("carla: in use")]
    assert t.gets(":berta!u@h NICK dora") == [e.Renamed("berta", "dora", own=True)]
    assert t.p.nick == "dora"


def test_another_name_until_ours_is_free() -> None:
    t = Talk(fallback=True)
    t.p.connected()
    t.gets(":s 433 * alice :in use", ":s 433 * alice_ :in use")
    assert t.sent()[-2:] == ["NICK alice_", "NICK alice__"]
    assert t.gets(":s 001 alice__ :hi") == [e.Registered("alice__")]
    t.p.keepalive()
    assert t.sent() == ["NICK alice"]
    assert t.gets(":s 433 alice__ alice :still in use") == []
    t.gets(":alice!u@h QUIT :x")
    assert t.sent() == ["NICK alice"]
    assert t.gets(":alice__!u@h NICK alice") == [e.Renamed("alice__", "alice", own=True)]
    t.gets(":alice!u@h NICK ally")
    assert t.p.nick == "ally"
    t.p.disconnected()
    t.p.connected()
    assert t.gets(*[f":s 433 * {'ally' + '_' * i} :in use" for i in range(4)]) == [e.Closing("the name ally is taken")]
    assert t.sent()[-1] == "QUIT :"


def test_the_rest_of_what_servers_say() -> None:
    t = Talk()
    t.greet()
    events = t.gets(
        ":s 372 alice :- message of the day",
        ":s 301 alice bob :asleep",
        ":s 251 alice :There are 3 users",
        ":s 421 alice WHAT :Unknown command",
        ":s FAIL JOIN NOT_NOW #r :later",
        ":s NOTE * X :by the way",
        ":s WARN * X :careful",
        ":s ERROR :bye",
        "PING :a b",
        "PONG :not ours",
        ": ",
        "::",
        "",
        "@a=b",
        "\0",
        ":s NICK",
        ":s 005 alice CHATHISTORY=99999999999 CHATHISTORY=٣ CHATHISTORY= =",
    )
    assert events == [
        e.Info("- message of the day"),
        e.Info("bob asleep"),
        e.Failed("WHAT: Unknown command"),
        e.Failed("later"),
        e.Info("by the way"),
        e.Info("careful"),
        e.Closing("bye"),
    ]
    assert t.sent() == ["PONG :a b"]
