"""Retention: what the settings keep no longer goes, and nothing else does."""

from __future__ import annotations

import dataclasses
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from server.ports import ROOM_SLICE, Store, StoreError
from server.settings.declare import SettingsError
from server.settings.read import load
from server.settings.storage import Retention as Kept
from server.settings.storage import RoomRetention
from server.settings.tree import Settings
from server.store import retention as module
from server.store.memory import MemoryStore
from server.store.retention import Retention, Rule, Rules
from server.store.sqlite import SqliteStore
from tests.server.store.building import AT, event, seqs

DAY = 86_400_000


def _settings(days: float = 0, events: int = 0, **tables: RoomRetention) -> Settings:
    return dataclasses.replace(Settings(), retention=Kept(days, events), retention_rooms=tables)


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    made: Store = MemoryStore(100_000) if request.param == "memory" else SqliteStore(tmp_path)
    with closing(made):
        made.append(
            [event(seq, ("#a", "#log-1", "=@ada=@bob")[seq % 3], at=AT + seq * DAY, closed=seq % 2 == 0) for seq in range(300)]
        )
        yield made


def _swept(store: Store, settings: Settings, at: int = AT + 300 * DAY) -> tuple[int, list[list[int]]]:
    """How many went, and the first and last position that is left of each room."""
    gone = Retention(store, lambda: settings, lambda work: work()).sweep(at)
    left = [seqs(store.after(room, -1, 1000)) for room in ("#a", "#log-1", "=@ada=@bob")]
    return gone, [found[:1] + found[-1:] for found in left]


def test_by_default_everything_stays(store: Store) -> None:
    assert _swept(store, Settings()) == (0, [[0, 297], [1, 298], [2, 299]])


def test_by_age(store: Store) -> None:
    assert _swept(store, _settings(days=30.5)) == (270, [[270, 297], [271, 298], [272, 299]])


def test_by_number(store: Store) -> None:
    assert _swept(store, _settings(events=2)) == (294, [[294, 297], [295, 298], [296, 299]])


def test_by_both_whichever_keeps_less(store: Store) -> None:
    assert _swept(store, _settings(days=30, events=95))[1] == [[270, 297], [271, 298], [272, 299]]
    assert _swept(store, _settings(days=30, events=1))[1] == [[297, 297], [298, 298], [299, 299]]


def test_rooms_of_their_own_keep_more_or_less_than_the_others(store: Store) -> None:
    settings = _settings(30, 0, logs=RoomRetention(("#LOG-*",), 0, 5), private=RoomRetention(("=*",), 60))
    assert _swept(store, settings)[1] == [[270, 297], [286, 298], [242, 299]]


def test_a_table_without_bounds_keeps_for_ever_and_the_first_one_counts(store: Store) -> None:
    settings = _settings(0, 1, first=RoomRetention(("#a", "=*")), second=RoomRetention(("*",), 1))
    assert _swept(store, settings)[1] == [[0, 297], [], [2, 299]]


def test_many_events_go_in_slices_between_which_others_write(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_PAUSES", 0)
    store.append([event(seq, "#a", at=AT + 300 * DAY) for seq in range(1000, 6000)])
    slices: list[int] = []

    def do(work: Callable[[], int]) -> int:
        slices.append(work())
        return slices[-1]

    sweeper = Retention(store, lambda: _settings(events=100), do)
    assert sweeper.sweep(AT + 300 * DAY) == 5100 - 100
    assert max(slices) == ROOM_SLICE
    assert sum(slices) >= 5000
    assert sweeper.deleted == 5000
    assert seqs(store.after("#a", 0, 1)) == [5900]


def test_more_rooms_than_are_listed_at_once(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_ROOMS", 10)
    store.append([event(1000 + n, f"#many{n // 2}", at=AT + 300 * DAY) for n in range(80)])
    gone, _ = _swept(store, _settings(events=1))
    assert gone == 40 + 297
    assert len(store.rooms("", 10_000)) == 43


def test_the_longest_age_of_all_needs_no_look_at_single_rooms() -> None:
    assert not Rules(_settings(days=3)).by_room
    assert Rules(_settings(days=3)).longest == 3 * DAY
    assert not Rules(Settings()).by_room
    assert Rules(_settings(3, 0, a=RoomRetention(("#a",), 5))).longest == 5 * DAY
    assert Rules(_settings(3, 0, a=RoomRetention(("#a",)))).longest == 0
    assert Rules(_settings(3, 0, a=RoomRetention(("#X",), 1, 2))).of("#x") == Rule(DAY, 2)
    assert Rules(_settings(3, 0, a=RoomRetention(("#x",), 1, 2))).of("#{x}") == Rule(3 * DAY, 0)


def test_it_runs_until_stopped_and_says_once_what_is_wrong(
    store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "_FIRST_S", 0)
    monkeypatch.setattr(module, "_LOOK_S", 0.001)
    tries = threading.Semaphore(0)
    refuse = True

    def do(work: Callable[[], int]) -> int:
        tries.release()
        if refuse:
            raise StoreError("The disk is full.")
        return work()

    settings = dataclasses.replace(Settings(), retention=Kept(0, 1, 0.001))
    sweeper = Retention(store, lambda: settings, do)
    with caplog.at_level(logging.INFO, "parley.retention"):
        sweeper.start()
        for _ in range(5):
            assert tries.acquire(timeout=60)
        refuse = False
        while sweeper.deleted < 297:
            assert tries.acquire(timeout=60)
        sweeper.stop()
        sweeper.stop()
    assert not sweeper.is_alive()
    said = [record.getMessage() for record in caplog.records]
    assert said == [
        "old messages are not deleted: The disk is full.",
        "deleted 297 events that the settings of retention keep no longer",
    ]


def test_settings_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "parley.toml"
    file.write_text('[retention]\ndays = 90\n[retention_rooms.logs]\nrooms = ["#log-*", "=*"]\nevents = 1000\n')
    settings = load(["--config", str(file), "--set", "retention.events=5"], environ={"PARLEY_RETENTION_EVERY_S": "60"})
    assert settings.retention == Kept(90.0, 5, 60.0)
    assert settings.retention_rooms == {"logs": RoomRetention(("#log-*", "=*"), 0.0, 1000)}


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("[retention_rooms.x]\ndays = 3\n", "it names no room"),
        ('[retention_rooms.x]\nrooms = ["lobby"]\n', r'allowed is a list such as \["#help"'),
        ("[retention_rooms.x]\nweeks = 3\n", "there is no such setting"),
        ("[retention]\ndays = -1\n", "allowed is a number from 0"),
    ],
)
def test_settings_that_are_not_possible_are_one_sentence(tmp_path: Path, text: str, wrong: str) -> None:
    file = tmp_path / "parley.toml"
    file.write_text(text)
    with pytest.raises(SettingsError, match=wrong):
        load(["--config", str(file)], environ={})
