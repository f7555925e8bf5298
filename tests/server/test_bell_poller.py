"""Waking a poll, and polling: on what there is here, and on what there is elsewhere."""

from __future__ import annotations

import os
import select
import selectors
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress

import pytest

from server.transport import poller as module
from server.transport.bell import Bell
from server.transport.poller import READ, WRITE, Poller


@pytest.fixture(params=["here", "elsewhere"])
def bell(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bell]:
    if request.param == "elsewhere":
        monkeypatch.delattr(os, "eventfd", raising=False)
    made = Bell()
    yield made
    made.close()


@pytest.fixture(params=["here", "elsewhere", "select"])
def poller(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Poller]:
    with monkeypatch.context() as patch:
        if request.param != "here":
            patch.delattr(select, "epoll", raising=False)
        if request.param == "select":  # `modify` is that of kqueue (macOS, BSD): unregister, and register anew
            patch.setattr(selectors, "DefaultSelector", selectors.SelectSelector)
        made = module.new()
    yield made
    made.close()


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    one, other = socket.socketpair()
    with one, other:
        yield one, other


def test_the_masks_are_those_of_epoll() -> None:
    if hasattr(select, "EPOLLIN"):
        assert (READ, WRITE) == (select.EPOLLIN, select.EPOLLOUT)


def test_a_bell_rings_until_hushed(bell: Bell, poller: Poller) -> None:
    poller.register(bell.fd, READ)
    assert poller.poll(0) == []
    bell.ring()
    bell.ring()
    assert poller.poll(0) == poller.poll(0) == [(bell.fd, READ)]
    bell.hush()
    assert poller.poll(0) == []
    bell.hush()
    bell.ring()
    assert poller.poll(0) == [(bell.fd, READ)]


def test_ringing_never_blocks(bell: Bell) -> None:
    if bell._pair is None:
        os.eventfd_write(bell.fd, (1 << 64) - 2)  # as far as it counts
    else:
        with suppress(BlockingIOError):
            while True:
                bell._pair[1].send(b"x" * 65536)
    bell.ring()


def test_a_bell_wakes_from_another_thread(bell: Bell, poller: Poller) -> None:
    poller.register(bell.fd, READ)
    ringer = threading.Timer(0.01, bell.ring)
    ringer.start()
    assert poller.poll(-1) == [(bell.fd, READ)]
    ringer.join()


def test_what_is_watched_for_is_what_is_told(poller: Poller, pair: tuple[socket.socket, socket.socket]) -> None:
    one, other = pair
    fd = one.fileno()
    poller.register(fd, READ)
    assert poller.poll(0) == []
    poller.modify(fd, WRITE)
    assert poller.poll(0) == [(fd, WRITE)]
    other.send(b"x")
    assert poller.poll(0) == [(fd, WRITE)]
    poller.modify(fd, READ | WRITE)
    assert poller.poll(0) == [(fd, READ | WRITE)]
    poller.modify(fd, READ)
    assert poller.poll(1) == [(fd, READ)]
    poller.unregister(fd)
    assert poller.poll(0) == []


def test_a_hang_up_shows(poller: Poller, pair: tuple[socket.socket, socket.socket]) -> None:
    one, other = pair
    poller.register(one.fileno(), READ)
    other.close()
    ((fd, mask),) = poller.poll(1)
    assert fd == one.fileno()
    assert mask & READ


def test_watching_for_nothing(poller: Poller, pair: tuple[socket.socket, socket.socket]) -> None:
    """Input that is held: neither is watched for, as long as nothing waits to be written."""
    one, other = pair
    poller.register(one.fileno(), READ)
    poller.modify(one.fileno(), 0)
    other.send(b"x")
    assert poller.poll(0) == []
    poller.modify(one.fileno(), READ)
    assert poller.poll(0) == [(one.fileno(), READ)]
