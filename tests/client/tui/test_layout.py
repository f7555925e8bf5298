"""Entries as rows: whatever the text, no row is wider or narrower than the window, and nothing is lost."""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual.color import Color
from textual.theme import BUILTIN_THEMES

from client.tui.cells import cell_len, fit, tame, wrap
from client.tui.colours import HUES, READABLE, UNSTYLED, contrast, palette
from client.tui.layout import NO_SIGHT, Around, Look, Row, follows, lay_out, waiting, words_of
from client.tui.shown import chosen, thumb
from client.view import Entry, Mark
from wire.display import plain

NOTHING = Around()
AT = datetime(2026, 11, 27, 12, 30, tzinfo=UTC)
TEXTS = st.text(
    st.one_of(st.sampled_from("abc def/?漢字👍🏽👨‍👩‍👧❤️e\u0301\u200b\n"), st.characters(codec="utf-8")), max_size=300
).map(lambda text: "\n".join(plain(line) for line in text.split("\n")))


def look(width: int, needle: str = "") -> Look:
    return Look(width, UNSTYLED, needle=needle)


def said(text: str, nick: str = "bob", mark: Mark = Mark.MESSAGE, **more: object) -> Entry:
    return Entry(AT, "#lobby", mark, text, nick, **more)  # type: ignore[arg-type]


def shown(rows: list[Row]) -> list[str]:
    return ["".join(segment.text for segment in row.strip).rstrip() for row in rows]


def without_spaces(text: str) -> str:
    return "".join(tame(text).split())


@given(
    text=TEXTS,
    nick=st.text(st.sampled_from("ab漢👍é_[]"), min_size=1, max_size=40),
    width=st.integers(20, 200),
    mark=st.sampled_from(Mark),
    follow=st.booleans(),
    flags=st.tuples(st.booleans(), st.booleans(), st.booleans(), st.booleans()),
)
def test_any_text_fits_any_width_and_is_complete(
    text: str, nick: str, width: int, mark: Mark, follow: bool, flags: tuple[bool, ...]
) -> None:
    mention, bot, own, day = flags
    entry = said(text, nick, mark, mention=mention, bot=bot, own=own, reactions={"👍🏽" + text[:9].replace("\n", ""): ("x", "y")})
    rows = lay_out(entry, Around(day=day, new=day, follows=follow, quote=text.replace("\n", " ")), look(width, text[3:5].strip()))
    for row in rows:
        drawn = "".join(segment.text for segment in row.strip)
        assert cell_len(drawn) == sum(cell_len(segment.text) for segment in row.strip) == row.strip.cell_length == width
        assert not [character for character in drawn if unicodedata.category(character) in ("Cc", "Zl", "Zp", "Cs")]
    complete = without_spaces("".join(row.text[row.indent :] for row in rows))
    assert without_spaces(text) in complete or without_spaces(NO_SIGHT) in complete


@given(text=TEXTS, width=st.integers(2, 60), first=st.integers(2, 60))
def test_a_wrapped_line_is_joined_by_what_was_left_out(text: str, width: int, first: int) -> None:
    line = tame(text.replace("\n", ""))
    pieces = wrap(line, width, min(first, width))
    assert "".join(piece.glue + piece.text for piece in pieces).rstrip(" ") == line.rstrip(" ")
    assert all(cell_len(piece.text) <= width for piece in pieces)
    assert cell_len(pieces[0].text) <= min(first, width)
    assert all(line[piece.start :].startswith(piece.text) for piece in pieces)


def test_words_stay_whole_and_long_ones_are_cut() -> None:
    assert [piece.text for piece in wrap("one two three", 8)] == ["one two", "three"]
    assert [piece.text for piece in wrap("abcdefghij", 4)] == ["abcd", "efgh", "ij"]
    assert [piece.text for piece in wrap("漢字漢字", 5)] == ["漢字", "漢字"]
    assert [piece.text for piece in wrap("see https://a.example/one/two", 16)] == ["see https://a.", "example/one/two"]
    assert [piece.text for piece in wrap("look at https://a.example/one/two", 10)] == [
        "look at",
        "https://a.",
        "example/",
        "one/two",
    ]
    assert wrap("", 10)[0].text == ""


def test_what_terminals_do_not_agree_on_is_left_out() -> None:
    assert tame("👨‍👩‍👧 ❤️ 👍🏽") == "👨👩👧 ❤ 👍"
    assert cell_len(tame("a\u200db" * 50)) == 100  # measured as one character, drawn as a hundred
    assert tame("e" + "\u0301" * 90) == "e" + "\u0301" * 4  # a tower of accents would reach into other lines
    assert fit("漢字漢字", 5) == "漢字…"
    assert fit("abc", 0) == ""


def test_three_forms() -> None:
    entry = said("hello world " * 3)
    assert shown(lay_out(entry, Around(), look(110)))[0].startswith("12:30              bob  hello world")
    assert shown(lay_out(entry, Around(), look(70)))[0].startswith("12:30 bob hello world")
    assert shown(lay_out(entry, Around(), look(30))) == ["bob 12:30", "  hello world hello world", "  hello world"]


def test_in_every_form_the_next_message_differs_from_a_wrapped_line() -> None:
    entry = said("hello world hello world\nsecond line")
    assert shown(lay_out(entry, Around(follows=True), look(30)))[0] == "· hello world hello world"
    assert shown(lay_out(entry, Around(follows=True), look(20))) == ["· hello world hello", "  world", "  second line"]
    assert shown(lay_out(entry, Around(follows=True), look(70))) == ["12:30   hello world hello world", "        second line"]
    assert shown(lay_out(entry, Around(follows=True), look(110)))[0].split("  ")[0] == "12:30"


def test_kinds_of_lines() -> None:
    def first(entry: Entry, around: Around = NOTHING) -> str:
        return shown(lay_out(entry, around, look(80)))[0]

    assert first(said("waves", mark=Mark.ACTION)) == "12:30 * bob waves"
    assert first(said("mind", mark=Mark.NOTICE)) == "12:30 -bob- mind"
    assert first(said("bob joined", "", Mark.INFO)) == "12:30 -- bob joined"
    assert first(said("no", "", Mark.ERROR)) == "12:30 !! no"
    assert first(said("hi", bot=True)) == "12:30 bob·bot hi"
    assert first(said("[b]hi[/b]"), Around(follows=True)) == "12:30   [b]hi[/b]"
    assert first(said("", redacted="carol")) == "12:30 bob message taken back by carol"
    assert first(said("", redacted="")) == "12:30 bob message taken back"
    assert first(said("x" * 9, "a" * 40)) == f"12:30 {'a' * 15}… {'x' * 9}"
    assert shown(lay_out(said("no", "", Mark.ERROR), Around(), look(30))) == ["12:30 no"]


def test_lines_before_and_below() -> None:
    entry = said("yes", reply_to="x", reactions={"👍": ("a", "b"), "❤": ("c",)})
    rows = shown(lay_out(entry, Around(True, True, False, "alice: shall we?"), look(79)))
    assert rows[0].strip("─") == " Friday, 27 November 2026 "
    assert rows[1].strip("─") == " new "
    assert rows[2:] == ["        ╭ alice: shall we?", "12:30 bob yes", "        👍 2  ❤ 1"]


def test_what_waits() -> None:
    assert shown(waiting("one\ntwo", look(79))) == ["      … one", "        two"]


def test_a_mention_is_tinted_over_the_whole_line() -> None:
    colours = palette({"warning": "#FEA62B"}, Color.parse("#121212"))
    rows = lay_out(said("alice: hi", mention=True), Around(), Look(79, colours))
    assert {segment.style and segment.style.bgcolor for segment in rows[0].strip} == {colours.mention.bgcolor}
    assert colours.mention.bgcolor != colours.text.bgcolor


def test_what_was_searched_for_and_links_are_marked() -> None:
    (row,) = lay_out(said("See https://a.example/b now, SEE"), Around(), look(79, "see"))
    marked = [(segment.text, segment.style) for segment in row.strip]
    assert [text for text, style in marked if style and style.reverse] == ["See", "SEE"]
    assert [text for text, style in marked if style and style.underline] == ["https://a.example/b"]


def test_who_speaks_on_is_not_named_again() -> None:
    first = said("one")

    def then(minutes: float, nick: str = "bob", **more: object) -> Entry:
        return Entry(AT + timedelta(minutes=minutes), "#lobby", Mark.MESSAGE, "two", nick, **more)  # type: ignore[arg-type]

    assert follows(first, then(4.9))
    assert not follows(first, then(5))
    assert not follows(first, then(-1))
    assert not follows(first, then(1, "carol"))
    assert not follows(first, then(1, reply_to="x"))
    assert not follows(said("", redacted="x"), then(1))
    assert not follows(said("waves", mark=Mark.ACTION), then(1))


def test_an_entry_in_one_line() -> None:
    assert words_of(said("one\ntwo")) == "bob: one two"
    assert words_of(said("waves", mark=Mark.ACTION)) == "* bob waves"
    assert words_of(said("", redacted="x")) == "bob: message taken back"


def test_names_can_be_read_in_every_theme_and_keep_their_colour() -> None:
    for theme in BUILTIN_THEMES.values():
        variables = theme.to_color_system().generate()
        colours = palette(variables, Color.parse(variables["background"]))
        assert colours.of_name("Bob") == colours.of_name("bob")
        if theme.ansi:
            continue
        behind = Color.parse(variables["background"])
        for style in (*colours.names, colours.text, colours.own, colours.error, colours.notice, colours.accent):
            assert style.color is not None
            assert contrast(Color.from_rich_color(style.color), behind) >= READABLE - 0.1, theme.name


def test_names_are_many_colours_and_readable_where_they_are_tinted() -> None:
    colours = palette(BUILTIN_THEMES["textual-dark"].to_color_system().generate(), Color.parse("#121212"))
    assert len({style.color for style in colours.names}) == len(HUES)
    for under in (colours.mention, colours.picked):
        assert under.bgcolor is not None
        behind = Color.from_rich_color(under.bgcolor)
        assert all(contrast(Color.from_rich_color(style.color), behind) > READABLE - 0.1 for style in colours.names)


def test_what_was_found_can_be_seen_in_a_message_that_is_chosen() -> None:
    colours = palette({"warning": "#FEA62B", "accent": "#FEA62B"}, Color.parse("#121212"))
    (row,) = lay_out(said("hello there"), NOTHING, Look(79, colours, needle="there"))
    backgrounds = {segment.text.strip(): segment.style and segment.style.bgcolor for segment in chosen(row.strip, colours)}
    assert backgrounds["there"] == colours.found.bgcolor
    assert backgrounds["hello"] == colours.picked.bgcolor


def test_the_bar_shows_how_far_back_one_is() -> None:
    assert thumb(20, 10, 0, 10, at_end=True) == range(0)
    assert thumb(20, 1000, 980, 20, at_end=True) == range(19, 20)
    assert thumb(20, 1000, 0, 20, at_end=False) == range(1)
    assert thumb(20, 40, 10, 20, at_end=False) == range(5, 15)


def test_a_theme_with_odd_colours_can_be_read() -> None:
    colours = palette({"foreground": "nonsense", "primary": "ansi_red"}, Color(255, 255, 255))
    assert colours.text.color is not None
    assert contrast(Color.from_rich_color(colours.text.color), Color(255, 255, 255)) > READABLE


@pytest.mark.parametrize("text", ["\u200b" * 50, " \n ", "\u3164\u2800", "\ufe0f\u200d", "\u00ad"])
def test_a_message_with_nothing_to_see_says_so(text: str) -> None:
    def rows_of(entry: Entry) -> list[str]:
        return shown(lay_out(entry, NOTHING, look(80)))

    assert rows_of(said(text)) == [f"12:30 bob {NO_SIGHT}"]
    assert words_of(said(text)) == f"bob: {NO_SIGHT}"
    assert NO_SIGHT not in "".join(rows_of(said(f"{text}x")))
    assert NO_SIGHT not in "".join(rows_of(said("", mark=Mark.INFO)))
