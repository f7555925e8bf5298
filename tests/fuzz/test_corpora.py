"""Everything that was kept of fuzzing is tried again, and a little more made of it: on any Python, without Atheris."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz import corpus, dictionary
from tests.fuzz.targets import TARGETS, Target, load

_EXAMPLES = 40  # of each target


@pytest.mark.parametrize("name", TARGETS)
def test_what_was_kept(name: str) -> None:
    target = load(name)
    inputs = corpus.read(name)
    assert inputs, "there is no corpus"
    for data in inputs:
        attempt(target, data)


def attempt(target: Target, data: bytes) -> None:
    """Show what broke it, as the corpus would hold it."""
    try:
        target(data)
    except Exception as error:
        error.add_note(f"the input was {data!r}")
        raise


@pytest.mark.parametrize("name", TARGETS)
def test_what_is_made_of_it(name: str) -> None:
    """libFuzzer's simplest mutations, by Hypothesis: bytes changed, taken out, put in, words put in, two inputs crossed."""
    target = load(name)
    inputs, words = corpus.read(name), dictionary.words()

    @settings(max_examples=_EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.randoms(use_true_random=False))
    def tried(chance: random.Random) -> None:
        data = chance.choice(inputs)
        for _ in range(chance.randint(1, 4)):
            data = chance.choice(MUTATIONS)(chance, data, inputs, words)
        attempt(target, data[:2048])

    tried()


Mutation = Callable[[random.Random, bytes, list[bytes], list[bytes]], bytes]


def _change(chance: random.Random, data: bytes, inputs: list[bytes], words: list[bytes]) -> bytes:
    del inputs, words
    at = chance.randint(0, len(data))
    return data[:at] + bytes([chance.randint(0, 255)]) + data[at + 1 :]


def _take(chance: random.Random, data: bytes, inputs: list[bytes], words: list[bytes]) -> bytes:
    del inputs, words
    at = chance.randint(0, len(data))
    return data[:at] + data[at + chance.randint(1, 8) :]


def _put(chance: random.Random, data: bytes, inputs: list[bytes], words: list[bytes]) -> bytes:
    del inputs
    at = chance.randint(0, len(data))
    return data[:at] + chance.choice(words) + data[at:]


def _cross(chance: random.Random, data: bytes, inputs: list[bytes], words: list[bytes]) -> bytes:
    del words
    other = chance.choice(inputs)
    at, since = chance.randint(0, len(data)), chance.randint(0, len(other))
    return data[:at] + other[since:]


MUTATIONS: tuple[Mutation, ...] = (_change, _take, _put, _cross)
