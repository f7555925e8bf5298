"""A thousand connections: all register, all are in the room, one message reaches all; then they leave, and leave nothing."""

from __future__ import annotations

import resource
from pathlib import Path

import pytest

from tests.e2e.irc import Client
from tests.e2e.process import ServerProcess, eventually, serving


def wave(server: ServerProcess, speaker: Client, size: int) -> None:
    crowd = [Client(server.port, server.ca, f"user{n}") for n in range(size)]
    for client in crowd:
        client.send(f"JOIN #side{int(client.nick[4:]) % 40}", "JOIN #room")
    for client in crowd:
        client.until("366", where=lambda line: line.params[1] == "#room")
    assert len(speaker.names("#room")) == size + 1
    used = server.cpu()
    speaker.say("#room", *[f"hello {n}" for n in range(5)])
    for client in crowd:
        said = client.skim("hello 4")
        assert [line.partition(b" PRIVMSG ")[2] for line in said] == [b"#room :hello %d" % n for n in range(5)]
    assert server.cpu() - used < 5
    crowd[0].say("#side0", "to one room of forty")
    for client in crowd[40::40]:
        client.until_text("to one room of forty")
    for client in crowd[: size // 2]:
        client.send("QUIT :enough")
    for client in crowd:
        client.close()
    eventually(lambda: speaker.names("#room") == {"speaker"}, "nobody is left in the room")


@pytest.mark.timeout(900)
@pytest.mark.parametrize(("workers", "size"), [(1, 1000), (3, 100)])
def test_a_thousand_connections(certs: Path, data: Path, workers: int, size: int) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 4096)), hard))
    with serving(certs, data, "--limits", "off", "--workers", str(workers), "--set", "store.window_mib=1", covered=False) as server:
        speaker = Client(server.port, server.ca, "speaker", "#room")
        memory, descriptors = server.memory(), server.descriptors()
        wave(server, speaker, size)
        eventually(lambda: server.descriptors() <= descriptors, "all descriptors are given back")
        first = server.memory()
        assert first - memory < size * 30 * 1024 + (4 << 20)
        # The allocator keeps what it had for the next wave: that one costs nothing new
        wave(server, speaker, size // 4)
        eventually(lambda: server.descriptors() <= descriptors, "all descriptors are given back")
        assert server.memory() - first < 2 << 20, f"{(server.memory() - first) >> 10} KiB more after another wave"
