"""What is offered for the word before the cursor, and what the up key brings back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from client.emoji import EMOJI, reaction_of
from client.tui.completion import Words, complete
from client.tui.recall import Recall
from client.tui.typed import clean, hint_about, size_of

WORDS = Words(names=["bobby", "Bob", "carol", "[x]"], rooms=["#lobby", "#lounge", "#dev"], commands=["join", "me", "msg"])


def offered(text: str, cursor: int | None = None) -> list[str]:
    found = complete(text, len(text) if cursor is None else cursor, WORDS)
    return [choice.text for choice in found.choices] if found else []


def test_names_at_the_start_are_addressed() -> None:
    assert offered("car") == ["carol: "]
    assert offered("hello car") == ["carol "]
    assert offered("/msg car") == ["carol "]
    assert offered("one\ncar") == ["carol "]


def test_who_spoke_last_comes_first_whatever_the_case() -> None:
    assert offered("hi BO") == ["bobby ", "Bob "]
    assert offered("hi [") == ["[x] "]


def test_an_at_sign_is_kept() -> None:
    assert offered("thanks @car") == ["@carol "]


def test_rooms_commands_and_nothing() -> None:
    assert offered("see #lo") == ["#lobby ", "#lounge "]
    assert offered("/m") == ["/me ", "/msg "]
    assert offered("/") == ["/join ", "/me ", "/msg "]
    assert offered("say /m") == []
    assert offered("//m") == []
    assert offered("") == []
    assert offered("hello ") == []
    assert offered("zzz") == []


def test_the_word_at_the_cursor_is_meant() -> None:
    found = complete("hi bo there", 5, WORDS)
    assert found is not None
    assert (found.start, found.end) == (3, 5)
    assert complete("hi bo there", 2, WORDS) is None


def test_what_all_have_in_common_is_typed_first() -> None:
    found = complete("see #l", 6, WORDS)
    assert found is not None
    assert found.common == "#lo"
    found = complete("b", 1, WORDS)
    assert found is not None
    assert found.common == "bob"
    found = complete("bob", 3, WORDS)
    assert found is not None
    assert found.common == "bob"


def test_emoji_by_how_they_begin_then_by_what_is_inside() -> None:
    found = complete("so :smil", 8, WORDS)
    assert found is not None
    assert found.choices[0].label == "😄 :smile:"
    assert found.common == ":smil"
    labels = [choice.label for choice in found.choices]
    assert labels.index("😃 :smiley:") < labels.index("😸 :smile_cat:") < labels.index("😅 :sweat_smile:")
    assert offered(":tada:") == ["🎉"]
    assert offered(":") == []
    assert "🔥" in offered("hot :fire")


def test_every_emoji_is_one_character_of_a_width_that_is_certain() -> None:
    assert 300 < len(EMOJI) < 600
    assert list(EMOJI) == sorted(EMOJI)
    assert all(len(picture) == 1 and cell_len(picture) in (1, 2) for picture in EMOJI.values())


@given(text=st.text(max_size=60), cursor=st.integers(0, 60))
def test_any_text_can_be_completed(text: str, cursor: int) -> None:
    cursor = min(cursor, len(text))
    found = complete(text, cursor, WORDS)
    if found is not None:
        assert 0 <= found.start <= found.end == cursor
        assert found.choices


def test_recall_goes_back_and_forth() -> None:
    recall = Recall(3)
    for text in ("one", "two", "two", "three", "four", ""):
        recall.add(text)
    assert recall.newer() is None
    assert [recall.older("typing"), recall.older("four"), recall.older("three")] == ["four", "three", "two"]
    assert recall.older("two") is None
    assert [recall.newer(), recall.newer(), recall.newer(), recall.newer()] == ["three", "four", "typing", None]


def test_recall_starts_at_the_end_again_after_a_text() -> None:
    recall = Recall()
    recall.add("one")
    recall.add("two")
    assert recall.older("") == "two"
    recall.reset()
    assert recall.older("") == "two"


def test_what_is_pasted_has_only_what_could_be_typed() -> None:
    assert clean("one\r\ntwo\x1b[31m\tx\n\n") == "one\ntwo[31m    x"
    assert clean("\x1b\x07") == ""


def test_long_texts_are_talked_about() -> None:
    assert hint_about("x\n" * 9 + "x") == ""
    assert hint_about("x\n" * 10 + "x") == "Enter sends 11 lines as one message"
    assert hint_about("x" * 2001) == "Enter sends 2001 characters as one message"
    assert size_of("é\ud800") == 3


SCOTLAND = "🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f"


@pytest.mark.parametrize(
    "text", ["👍", "❤\ufe0f", "👨\u200d👩\u200d👧", "🇩🇪", "1\ufe0f\u20e3", "☕", "👍🏽", SCOTLAND, "‼", "✔", "↑"]
)
def test_an_emoji_is_a_reaction(text: str) -> None:
    assert reaction_of(f" {text} ") == text


@pytest.mark.parametrize("text", ["", " ", "lol", "ok 👍", ":nonsense:", "::", ":", "1", "<3", "\u200d", "\x1b[2J", "👍" * 33])
def test_other_things_are_none(text: str) -> None:
    assert reaction_of(text) == ""


def test_each_picture_is_a_reaction_by_its_name_too() -> None:
    for name, picture in EMOJI.items():
        assert reaction_of(picture) == reaction_of(f":{name.upper()}:") == picture
