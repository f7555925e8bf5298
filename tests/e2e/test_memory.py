"""Invariant 3: memory is bounded by configuration, never by what a peer does or fails to do. And slow readers lose nothing."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.e2e.irc import FULL, Client, Closed
from tests.e2e.process import ServerProcess, eventually, serving

pytestmark = pytest.mark.timeout(900)  # they move megabytes, and the machine may have other things to do

MIB = 1 << 20
SMALL = 4096  # of the kernel's receive buffer of a reader that is to be slow
TEXT = "x" * 400


@pytest.fixture
def server(certs: Path, data: Path) -> Iterator[ServerProcess]:
    small = ["--set", "store.window_mib=1", "--set", "limits.outbox_kib=64"]
    with serving(certs, data, "--limits", "off", *small, covered=False) as running:
        yield running


class Chatter:
    """Says numbered things in a room, and knows that all of it is stored."""

    def __init__(self, server: ServerProcess, room: str = "#room") -> None:
        self._client = Client(server.port, server.ca, "chatter", room)
        self._room = room
        self.said = 0

    def say(self, count: int) -> None:
        while count > 0:
            self._client.say(self._room, *[f"{self.said + i} {TEXT}" for i in range(min(count, 500))])
            self._client.ping()
            self.said += min(count, 500)
            count -= 500


class Wait:
    """The longest time that somebody waited for an answer, in seconds: by the server's CPU time, and by the clock.

    What the server did before it answered is a matter of its CPU time, which other programs on a busy machine do not take part in.
    """

    def __init__(self, server: ServerProcess) -> None:
        self._server = server
        self.cpu = self.clock = 0.0

    def ping(self, client: Client) -> None:
        used, began = self._server.cpu(), time.monotonic()
        client.ping()
        self.cpu = max(self.cpu, self._server.cpu() - used)
        self.clock = max(self.clock, time.monotonic() - began)

    def within(self, seconds: float) -> bool:
        """So much CPU time at most, and not many times that by the clock."""
        return self.cpu < seconds and self.clock < 20 * seconds

    def __str__(self) -> str:
        return f"{self.clock:.2f} s ({self.cpu:.2f} s of the server's CPU time)"


def numbers(client: Client, room: str = "#room") -> list[int]:
    return [int(line.text.partition(" ")[0]) for line in client.messages(room)]


def test_readers_that_stop_reading_cost_nothing_and_lose_nothing(server: ServerProcess) -> None:
    """The room says twelve times what the window holds; each reader is served from the store, from where it stopped."""
    chatter = Chatter(server)
    slow = [Client(server.port, server.ca, f"slow{n}", "#room", caps=FULL[:2], receive=SMALL) for n in range(3)]
    quick = Client(server.port, server.ca, "quick", "#room")
    chatter.say(3000)  # fills the window, and what sockets and the allocator hold once
    quick.ping()
    before = server.memory()
    wait = Wait(server)
    for _ in range(15):
        chatter.say(1000)
        wait.ping(quick)
    grown = server.memory() - before
    assert wait.within(2), f"the one who reads waited {wait}"
    assert chatter.said * (len(TEXT) + 300) > 10 * MIB
    assert grown < 8 * MIB, f"the server grew by {grown / MIB:.1f} MiB for readers that do not read"
    assert numbers(quick) == list(range(chatter.said)), "the one who reads is not kept waiting"
    for client in slow:  # they resume, one after the other, while the chat goes on
        chatter.say(200)
        client.until("PRIVMSG", where=lambda line: line.text.startswith(f"{chatter.said - 1} "))
        assert numbers(client) == list(range(chatter.said)), "a slow reader gets every message once, in order"
        ids = [line.msgid for line in client.messages("#room")]
        assert ids == sorted(ids)
    assert server.memory() - before < 12 * MIB


def test_a_reader_that_is_slow_but_goes_on_is_kept(certs: Path, data: Path) -> None:
    """Nobody is cut off for being slow; only for making no progress at all."""
    stall = ["--set", "deadlines.stall=1.5", "--set", "store.window_mib=1"]
    with serving(certs, data, "--limits", "off", *stall, covered=False) as server:
        chatter = Chatter(server)
        slow = Client(server.port, server.ca, "slow", "#room", receive=SMALL)
        stalled = Client(server.port, server.ca, "stalled", "#room", receive=SMALL)
        for _ in range(16):
            chatter.say(500)
            for _ in range(20):  # it goes on while they talk too: on a slow machine that takes longer than the deadline
                slow.line()
        began = time.monotonic()
        while time.monotonic() - began < 3.2:  # more than twice the deadline
            for _ in range(120):
                slow.line()
            time.sleep(0.05)
        server.says("127.0.0.1 was dropped: No data taken for 1.5 seconds")
        server.says("Connection closed from 127.0.0.1: stalled")
        assert "closed from 127.0.0.1: slow" not in server.log()
        slow.until("PRIVMSG", where=lambda line: line.text.startswith("7999 "))
        assert numbers(slow) == list(range(8_000))
        with suppress(Closed, ConnectionError):
            while True:
                stalled.line()


def flood(server: ServerProcess, nick: str, line: str, seconds: float, *, caps: tuple[str, ...] = (), room: str = "#room") -> int:
    """Send `line` over and over for a while without ever reading; gives how many bytes the server took."""
    client = Client(server.port, server.ca, nick, room, caps=caps, receive=SMALL)
    client.sock.settimeout(0.3)
    data = f"{line}\r\n".encode() * max(1, 16000 // (len(line) + 2))
    deadline = time.monotonic() + seconds
    taken = 0
    with suppress(OSError):  # the server stops reading: that is the point
        while time.monotonic() < deadline:
            taken += client.sock.send(data)
    return taken


@pytest.mark.parametrize("line", ["LIST", "WHO #room", "NAMES #room", "PING x"])
def test_answers_that_nobody_reads_are_bounded(server: ServerProcess, line: str) -> None:
    chatter = Chatter(server)
    chatter._client.send("TOPIC #room :" + "t" * 380, *[f"JOIN #{n}{'r' * 50}" for n in range(45)])
    for n in range(30):
        Client(server.port, server.ca, f"member-with-a-long-name-{n}", "#room")
    chatter._client.ping()
    flood(server, "first", line, 0.2)
    before = server.memory()
    for n in range(4):
        flood(server, f"flood{n}", line, 0.3)
    wait = Wait(server)
    wait.ping(chatter._client)
    grown = server.memory() - before
    assert wait.within(5), f"others waited {wait}"
    assert grown < 4 * 3 * MIB, f"four connections that read no answer to {line} cost {grown / MIB:.1f} MiB"


def test_history_that_nobody_reads_is_bounded(server: ServerProcess) -> None:
    """Each of these lines asks for half a megabyte: they are read one at a time, as the reader takes them."""
    chatter = Chatter(server)
    chatter.say(1000)
    ask = "CHATHISTORY LATEST #room * 1000"
    hungry = Client(server.port, server.ca, "hungry", "#room", caps=FULL, receive=SMALL)
    hungry.send(ask)
    chatter._client.ping()
    before = server.memory()
    hungry.send(*[ask] * 60)
    wait = Wait(server)
    for _ in range(20):
        wait.ping(chatter._client)
    grown = server.memory() - before
    assert grown < 6 * MIB, f"one connection that reads no history cost {grown / MIB:.1f} MiB"
    assert wait.within(0.5), f"others waited {wait}"
    for _ in range(61):
        hungry.until("BATCH", where=lambda line: line.params[0][0] == "-")
    assert len(hungry.messages("#room")) == 61 * 1000


@pytest.mark.parametrize("limits", ["on", "off"])
def test_lines_that_wait_their_turn_are_bounded(certs: Path, data: Path, limits: str) -> None:
    """Flood control makes them wait; what waits is no more than was read, and no more is read."""
    with serving(certs, data, "--limits", limits, covered=False) as server:
        one = Client(server.port, server.ca, "one", "#room")
        flood(server, "first", "a", 0.3)
        before = server.memory()
        for n in range(4):
            flood(server, f"flood{n}", "ab", 0.3)
        grown = server.memory() - before
        assert grown < 4 * 3 * MIB, f"four connections with lines that wait cost {grown / MIB:.1f} MiB"
        one.ping()


def test_private_messages_to_one_who_does_not_read_are_bounded_and_kept(server: ServerProcess) -> None:
    victim = Client(server.port, server.ca, "victim", receive=SMALL)
    senders = [Client(server.port, server.ca, f"sender{n}") for n in range(2)]
    bystander = Client(server.port, server.ca, "bystander")
    total = 0
    before = 0
    for turn in range(60):
        for _ in range(100):
            for sender in senders:
                sender.say("victim", f"{total} {TEXT}")
                total += 1
        for sender in senders:
            sender.ping()
        if turn == 10:
            before = server.memory()
    grown = server.memory() - before
    assert grown < 6 * MIB, f"private messages to one who does not read cost {grown / MIB:.1f} MiB"
    wait = Wait(server)

    def resume() -> None:
        victim.until("PRIVMSG", where=lambda line: line.text.startswith(f"{total - 1} "))

    reader = threading.Thread(target=resume, daemon=True)
    reader.start()
    while reader.is_alive():
        wait.ping(bystander)
        time.sleep(0.01)
    victim.ping()
    assert sorted(numbers(victim, "victim")) == list(range(total))
    assert wait.within(1), f"while one person caught up, another waited {wait}"


def test_connections_that_come_and_go_leave_nothing(server: ServerProcess) -> None:
    def visit(turn: int) -> None:
        with Client(server.port, server.ca, f"visitor{turn % 7}", caps=FULL) as client:
            client.join(f"#room{turn}")
            client.say(f"#room{turn}", "hello")
            client.send("PRIVMSG nobody :x", f"PART #room{turn}", "AWAY :gone", f"NICK other{turn}")
            client.ping()

    for turn in range(100):
        visit(turn)
    before, descriptors = server.memory(), server.descriptors()
    for turn in range(100, 500):
        visit(turn)
    eventually(lambda: server.descriptors() <= descriptors + 1, "all descriptors are given back")
    grown = server.memory() - before
    # 3 KiB a visit are what was said, in the window, and whose nicks those were; what is free goes back to the system now and then.
    assert grown < 2 * MIB, f"400 visits left {grown >> 10} KiB behind"


def test_a_peer_that_never_finishes_its_handshake_costs_little(server: ServerProcess) -> None:
    before = server.memory()
    socks = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(200)]
    try:
        for sock in socks:
            sock.sendall(b"\x16\x03\x01\x40\x00\x01")
        time.sleep(0.3)
        with Client(server.port, server.ca, "good") as client:
            client.ping()
        assert server.memory() - before < 200 * 64 * 1024
    finally:
        for sock in socks:
            sock.close()
