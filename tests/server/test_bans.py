"""Bans of the whole server as data: masks, durations, expiry, and the index that answers for all of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.state.bans import ABAN, DLINE, KLINE, Ban, Bans, Subject, duration, normal, too_wide
from wire.masks import matches

DAY = 86_400
AT = 1_700_000_000_000


def ban(kind: str, mask: str, until: int = 0) -> Ban:
    plain = normal(kind, mask)
    assert plain is not None
    return Ban(kind, plain, "reason", "root", AT, until)


def bans(*all_of_them: Ban) -> Bans:
    made = Bans()
    for each in all_of_them:
        made.put(each)
    return made


def somebody(username: str = "~bob", host: str = "cloak.ip", address: str = "192.0.2.1", account: str = "") -> Subject:
    return Subject(username, (host,), address, account)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1", 60),
        ("90", 5400),
        ("0", 0),
        ("30s", 30),
        ("1d2h", DAY + 7200),
        ("1w", 7 * DAY),
        ("1d1d", 2 * DAY),
        ("999999999w", 0),
        ("", None),
        ("d", None),
        ("1x", None),
        ("1d2", None),
        ("-1d", None),
        ("1.5h", None),
        ("٣d", None),
        ("1" * 10, None),
        ("*@host", None),
    ],
)
def test_durations(text: str, seconds: int | None) -> None:
    assert duration(text) == seconds


@pytest.mark.parametrize(
    ("kind", "text", "plain"),
    [
        (KLINE, "Bob@Host.Example", "bob@host.example"),
        (KLINE, "*@192.0.2.77/24", "*@192.0.2.0/24"),
        (KLINE, "*@::FFFF:192.0.2.1", "*@192.0.2.1"),
        (KLINE, "*@2001:DB8:0::1", "*@2001:db8::1"),
        (KLINE, "host", None),
        (KLINE, "@host", None),
        (KLINE, "user@", None),
        (KLINE, "nick!user@host", None),
        (KLINE, "a@b@c", None),
        (KLINE, ":x@host", None),
        (KLINE, "a b@host", None),
        (KLINE, "x@" + "h" * 149, None),
        (KLINE, "", None),
        (DLINE, "192.0.2.77", "192.0.2.77"),
        (DLINE, "192.0.2.77/24", "192.0.2.0/24"),
        (DLINE, "::1", "::1"),
        (DLINE, "::ffff:192.0.2.0/120", "192.0.2.0/24"),
        (DLINE, "host.example", None),
        (DLINE, "192.0.2.0/33", None),
        (DLINE, "*", None),
        (ABAN, "Bob", "bob"),
        (ABAN, "b*", None),
        (ABAN, "b@x", None),
    ],
)
def test_a_mask_in_its_plainest_form(kind: str, text: str, plain: str | None) -> None:
    assert normal(kind, text) == plain
    if plain is not None:
        assert normal(kind, plain) == plain


@pytest.mark.parametrize(
    ("kind", "mask", "wide"),
    [
        (KLINE, "*@*", True),
        (KLINE, "?*@*.*", True),
        (KLINE, "~*@*:*", True),
        (KLINE, "*@0.0.0.0/0", True),
        (KLINE, "bob@*", False),
        (KLINE, "*@*.example", False),
        (KLINE, "*@192.0.2.0/24", False),
        (DLINE, "0.0.0.0/0", True),
        (DLINE, "10.0.0.0/7", True),
        (DLINE, "10.0.0.0/8", False),
        (DLINE, "::/0", True),
        (DLINE, "2001:db8::/32", False),
        (ABAN, "bob", False),
    ],
)
def test_what_fits_nearly_everybody(kind: str, mask: str, wide: bool) -> None:
    assert too_wide(kind, mask) is wide


FITS = [
    (ban(KLINE, "bob@cloak.ip"), True),
    (ban(KLINE, "~bob@*.ip"), True),
    (ban(KLINE, "BOB@CLOAK.IP"), True),
    (ban(KLINE, "*@192.0.2.1"), True),
    (ban(KLINE, "*@192.0.2.*"), True),
    (ban(KLINE, "b?b@192.0.2.0/24"), True),
    (ban(KLINE, "*@cloak.i?"), True),
    (ban(KLINE, "bo@cloak.ip"), False),
    (ban(KLINE, "alice@192.0.2.0/24"), False),
    (ban(KLINE, "*@198.51.100.0/24"), False),
    (ban(KLINE, "*@2001:db8::/32"), False),
    (ban(KLINE, "alice@cloak.ip"), False),
    (ban(DLINE, "192.0.2.1"), True),
    (ban(DLINE, "192.0.2.0/24"), True),
    (ban(DLINE, "0.0.0.0/0"), True),
    (ban(DLINE, "192.0.2.2"), False),
    (ban(DLINE, "::/0"), False),
    (ban(ABAN, "account"), True),
    (ban(ABAN, "ACCOUNT"), True),
    (ban(ABAN, "bob"), False),
]


@pytest.mark.parametrize(("one", "fits"), FITS, ids=lambda value: getattr(value, "key", ""))
def test_whom_a_ban_fits(one: Ban, fits: bool) -> None:
    who = somebody(account="Account")
    assert bans(one).of(who, AT) == (one if fits else None)
    others = [each for each, does in FITS if not does and each != one]
    assert bans(*others, one, *others).of(who, AT) == (one if fits else None), "whatever else there is"


@pytest.mark.parametrize("address", ["", "localhost", "no:address", "2001:db8::1%eth0"])
def test_what_is_no_ipv4_address_is_in_no_ipv4_network(address: str) -> None:
    assert bans(ban(DLINE, "0.0.0.0/0")).of_address(address, AT) is None


def test_addresses_of_both_families() -> None:
    six, four = ban(DLINE, "2001:db8::/32"), ban(DLINE, "192.0.2.0/24")
    both = bans(six, four)
    assert both.of_address("2001:db8::1%eth0", AT) == six
    assert both.of_address("::ffff:192.0.2.9", AT) == four
    assert both.of_address("2001:db9::1", AT) is None


def test_no_account_is_no_account_of_an_empty_name() -> None:
    assert bans(ban(ABAN, "x")).of(somebody(account=""), AT) is None


def test_it_expires_by_the_time_that_is_passed_in() -> None:
    short, long, ever = ban(DLINE, "192.0.2.1", AT + 1000), ban(DLINE, "192.0.2.0/24", AT + 2000), ban(ABAN, "x")
    some = bans(short, long, ever)
    assert some.of_address("192.0.2.1", AT + 999) in (short, long)
    assert some.of_address("192.0.2.1", AT + 1000) == long, "an expired one does not hide another"
    assert some.expire(AT + 999) == []
    assert some.expire(AT + 1000) == [short]
    assert some.expire(AT + 1000) == []
    assert some.of_address("192.0.2.1", AT + 2000) is None
    assert some.expire(AT + 10_000_000) == [long]
    assert (list(some), len(some)) == ([ever], 1)
    assert some.expire(AT * 2) == []


def test_the_newer_one_of_a_mask_counts() -> None:
    some = bans(ban(DLINE, "192.0.2.1", AT + 1000))
    some.put(newer := ban(DLINE, "192.0.2.1", AT + 5000))
    assert (list(some), some.get(DLINE, "192.0.2.1")) == ([newer], newer)
    some.take(newer)
    some.take(newer)
    assert (len(some), some.of_address("192.0.2.1", AT)) == (0, None)
    assert some.get(DLINE, "192.0.2.1") is None


words = st.text("ab.*?", min_size=1, max_size=6)


@given(st.lists(st.tuples(words, words), max_size=5), st.text("ab", min_size=1, max_size=4), st.text("ab.", min_size=1, max_size=4))
def test_the_index_finds_what_trying_each_mask_would(masks: list[tuple[str, str]], username: str, host: str) -> None:
    some = bans(*(ban(KLINE, f"{user}@{name}") for user, name in masks))
    expected = any(matches(user, username) and (matches(name, host) or matches(name, "192.0.2.1")) for user, name in masks)
    assert (some.of(somebody(f"~{username}", host), AT) is not None) is expected or any(
        matches(user, f"~{username}") for user, _ in masks
    )
