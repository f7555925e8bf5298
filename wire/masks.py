"""Wildcard masks (`*!*@*.example`)."""

from __future__ import annotations


def matches(mask: str, text: str) -> bool:
    """Whether `text` fits `mask`, where `*` stands for any run of characters and `?` for any one.

    Both sides are expected to be folded already. No mask takes more than len(mask) * len(text) steps: a regular expression of
    seven `.*` took five minutes for the same question.
    """
    return _matches_any(mask, text) if "?" in mask else _matches_stars(mask.split("*"), text)


def _matches_stars(parts: list[str], text: str) -> bool:
    """With stars only: the first part at the beginning, the last at the end, the others in order between them."""
    first, last = parts[0], parts[-1]
    if len(parts) == 1:
        return text == first
    if len(text) < len(first) + len(last) or not text.startswith(first) or not text.endswith(last):
        return False
    at, end = len(first), len(text) - len(last)
    for part in parts[1:-1]:
        at = text.find(part, at, end)
        if at < 0:
            return False
        at += len(part)
    return True


def _matches_any(mask: str, text: str) -> bool:
    """Two pointers that go back to the last star only."""
    m = t = 0
    star = -1
    mark = 0
    while t < len(text):
        if m < len(mask) and mask[m] == "*":
            star = m
            mark = t
            m += 1
        elif m < len(mask) and mask[m] in ("?", text[t]):
            m += 1
            t += 1
        elif star >= 0:
            mark += 1
            t = mark
            m = star + 1
        else:
            return False
    return all(c == "*" for c in mask[m:])


def complete(mask: str) -> str:
    """A mask as people give it, made whole: `bob` gives `bob!*@*`, `*.example` and `user@host` give their full forms."""
    if "!" in mask:
        nick, _, rest = mask.partition("!")
        user, at, host = rest.partition("@")
    elif "@" in mask:
        nick = ""
        user, at, host = mask.partition("@")
    elif "." in mask or ":" in mask:
        nick, user, at, host = "", "", "@", mask
    else:
        nick, user, at, host = mask, "", "", ""
    del at
    return f"{nick or '*'}!{user or '*'}@{host or '*'}"
