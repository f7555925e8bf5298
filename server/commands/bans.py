"""Masks of bans and exceptions, extended bans among them, and whom they fit.

A mask is `nick!user@host`, of what is shown: an address behind a cloak is not to be found out by banning it. Who has been given
another host (CHGHOST) is fitted by the one that they came with too. Or it is extended: `a:account` fits who is logged in to an
account of that name, a ban also who was, in this session; `m:` and a mask (`m:bob!*@*`, `m:a:bob`) holds for speaking only.
Wildcards are `*` and `?` everywhere.

Sources: https://modern.ircdocs.horse/#ban-channel-mode, https://ircv3.net/specs/extensions/account-extban
"""

from __future__ import annotations

from collections.abc import Collection

from server.state.model import Room, User, Verdict
from wire.masks import complete, matches
from wire.names import fold

ACCOUNT, MUTE = "a:", "m:"
EXTBANS = "am"  # in ISUPPORT
_MASK = 150  # bytes
MASKS_PER_UNIT = 100  # masks looked through for somebody cost them about as much as one ordinary command


def normal(given: str, *, mutes: bool = True) -> str:
    """A mask as people give it, made whole; "" where it is none, or too long.

    `mutes`: whether `m:` means anything where it is to stand.
    """
    kind, rest = "", given
    for prefix in (MUTE, ACCOUNT):
        if rest[:2].lower() == prefix:
            kind, rest = kind + prefix, rest[2:]
    if rest and not kind.endswith(ACCOUNT):
        rest = complete(rest)
    if not rest or rest[0] == ":" or " " in rest or "," in rest or (kind[:2] == MUTE and not mutes):
        return ""
    whole = kind + rest
    return whole if len(whole.encode()) <= _MASK else ""  # cut short it would fit others, or nobody


def _fits(masks: Collection[str], user: User, accounts: Collection[str], *, speaking: bool) -> bool:
    user.spent += len(masks) / MASKS_PER_UNIT
    whom = [fold(user.prefix)]
    if user.cloak != user.host:
        whom.append(fold(f"{user.nick}!{user.username}@{user.cloak}"))
    for each in masks:
        mask = each
        if mask[:2] == MUTE:
            if not speaking:
                continue
            mask = mask[2:]
        if mask[:2] == ACCOUNT:
            if any(matches(mask[2:], account) for account in accounts):
                return True
        elif any(matches(mask, shown) for shown in whom):
            return True
    return False


def barred(room: Room, user: User) -> bool:
    """Whether a ban of `room` keeps `user` from speaking: one that fits, and no exception does."""
    if not room.bans:
        return False
    if user not in room.members:
        return _judged(room, user, room.bans, speaking=True)
    known = room.verdicts.get(user)
    if known is None or known[:3] != (user.prefix, user.account, user.past_accounts):
        known = room.verdicts[user] = Verdict(
            user.prefix, user.account, user.past_accounts, _judged(room, user, room.bans, speaking=True)
        )
    return known.barred


def _judged(room: Room, user: User, bans: Collection[str], *, speaking: bool) -> bool:
    # Whoever logs out, or in as somebody else, is still who they were: else a ban of their account would be gone with that.
    if not _fits(bans, user, [*_accounts(user), *user.past_accounts], speaking=speaking):
        return False
    return not (room.exceptions and _fits(room.exceptions, user, _accounts(user), speaking=speaking))


def _accounts(user: User) -> list[str]:
    return [fold(user.account)] if user.account else []


def banned(room: Room, user: User, *, since: int = -1) -> bool:
    """Whether `user` may not join for a ban that was set behind the position `since`."""
    bans = [key for key, ban in room.bans.items() if ban.seq > since]
    return bool(bans) and _judged(room, user, bans, speaking=False)


def awaited(room: Room, user: User) -> bool:
    """Whether `user` may come in without an invitation where one is needed (+I)."""
    return bool(room.invitations) and _fits(room.invitations, user, _accounts(user), speaking=False)


def held_by(user: User) -> Room | None:
    """A room in which `user` is banned and has no rank: there they may neither speak nor change their nick."""
    for room in user.rooms:
        if room.bans and not room.members[user] and barred(room, user):
            return room
    return None
