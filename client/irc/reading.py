"""Reading the history: pages forward to catch up, backward for the first screen and for what is older.

https://ircv3.net/specs/extensions/chathistory

    own JOIN        LATEST, or AFTER the last (or its time) that was shown, before a break or before we left; live messages are held
                    meanwhile (client/history.py)
    batch's end     a page that leads on: the next one; else what was held, CaughtUp, and messages for the room may leave
    few messages    among many joins: what is before that page too, before anything is shown
    `older`         BEFORE the oldest that was shown; nothing live is held. On the way into a room it waits for the first screen:
                    told before that, it would take its place

The server answers in order, and a PING follows each question: the batches of a room are its pages in the order in which they were
asked for, and a page that has not begun by the PONG will not come.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum

from client.discretion import is_service
from client.events import CaughtUp, Failed, Older, Said
from client.history import MOST_HELD, Item, Room
from client.irc.sending import BROKE, Sender
from client.irc.session import NOT_CONNECTED, Session
from client.negotiation import PLAYBACK, READ_MARKER
from wire.message import Message
from wire.names import fold, is_room

FIRST_PAGE = 50
OLDER_PAGE = 100
ENOUGH = 30  # messages, of a screen
MOST_BACK = 3  # pages at once
MOST_LATER = 128 * 1024  # bytes of a page that is kept while one more before it is read
MOST_ITEMS = 2000  # in a page, where it is kept until it is complete
MOST_ASKED = 16  # pages of one room
MOST_ROOMS_ASKED = 400


class Sort(Enum):
    """Why a page is read."""

    FORWARD = "forward"
    FIRST = "first"
    OLDER = "older"


@dataclass(eq=False, slots=True)
class Page:
    """A page that was asked for. `later` is what pages behind it have brought already, `number` counts those. `below` is the oldest
    that was shown when the first of them was asked for.
    """

    room: Room
    sort: Sort
    later: list[Item] = field(default_factory=list)
    number: int = 1
    reach: str = ""  # where it was to end
    below: str = ""
    items: deque[Item] = field(default_factory=deque)
    size: int = 0
    over: bool = False

    def keep(self, item: Item) -> None:
        """Takes an entry; of too many the oldest are dropped, so that what is left has no gap."""
        self.items.append(item)
        self.size += item.cost
        while len(self.items) > MOST_ITEMS or self.size > MOST_HELD:
            self.size -= self.items.popleft().cost


class Reader:
    """Asks for pages, and tells what they brought."""

    def __init__(self, session: Session, sender: Sender) -> None:
        self._s = session
        self._sender = sender
        self.asked: dict[str, deque[Page]] = {}  # by room: pages that have not begun
        self.older_asked: dict[str, str] = {}  # rooms (folded -> as named) for which an Older is owed

    def lost(self) -> None:
        """The connection is gone."""
        owed, self.older_asked = self.older_asked, {}
        self._s.tell(*[Older(room, (), failed=BROKE) for room in owed.values()])
        self.asked.clear()

    # --- catching up ---

    def start(self, room: Room, after: str) -> None:
        """Reads what the room has `after` a message or a time; without history there is nothing to wait for."""
        if not is_room(room.name) and READ_MARKER in self._s.caps:  # of rooms the server tells it unasked
            self._s.send("MARKREAD", room.name)
        if self._s.has_history:
            self._ask(room, after)
        else:
            self._finish(room, read=False)

    def _ask(self, room: Room, after: str) -> None:
        room.start(after)
        if after:
            page = Page(room, Sort.FORWARD)
            self._request(page, "AFTER", after, self._s.support.page_limit)
        else:
            page = Page(room, Sort.FIRST if PLAYBACK in self._s.caps else Sort.FORWARD)
            self._request(page, "LATEST", "*", FIRST_PAGE)

    def _request(self, page: Page, how: str, where: str, limit: int) -> None:
        if page.sort is not Sort.OLDER:
            page.room.reading = page
        self.asked.setdefault(fold(page.room.name), deque(maxlen=MOST_ASKED)).append(page)
        if len(self.asked) > MOST_ROOMS_ASKED:
            del self.asked[next(iter(self.asked))]
        self._s.send("CHATHISTORY", how, page.room.name, where, str(min(limit, self._s.support.page_limit)))
        self._s.barrier(lambda: self._unanswered(page))

    def opens(self, name: str) -> Page | None:
        """A batch begins: the page that it is, if it was asked for. What belongs to the answer to our JOIN was not: some servers
        send history with it (UnrealIRCd under `+H`), though we ask for it ourselves.
        """
        asked = self.asked.get(fold(name))
        page = asked[0] if asked else None
        if page is None or (page.room.entering and page.sort is not Sort.OLDER):  # older ones may be asked for before the JOIN
            return None
        self._forget(page)
        return page

    def _forget(self, page: Page) -> None:
        """It is no longer awaited."""
        key = fold(page.room.name)
        asked = self.asked.get(key, ())
        if asked and page in asked:
            asked.remove(page)
            if not asked:
                del self.asked[key]

    def take(self, page: Page | None, item: Item, room: Room) -> None:
        """An entry of a batch of the history."""
        if page is not None and page.sort is not Sort.FORWARD:
            page.keep(item)
        elif page is None:
            if room.unasked(item):
                self._sender.show(item)
        elif self._counts(page):
            self._show(room, item)

    def _show(self, room: Room, item: Item) -> None:
        """An entry of a page."""
        tell = self._teller(room)
        for each in room.earlier(item):
            tell(each)
        if room.page(item):
            tell(item)

    def _teller(self, room: Room) -> Callable[[Item], None]:
        """Who is told: what was sent before a break may be among what is read, even where nobody looks any more."""
        return self._sender.found if room.closing else self._sender.show

    def closes(self, page: Page) -> None:
        """A batch has ended."""
        if page.over:
            return
        page.over = True
        if self._counts(page):
            if page.sort is Sort.FORWARD:
                self._page_end(page.room)
            else:
                self._back(page)

    def _counts(self, page: Page) -> bool:
        """Whether somebody waits for it: not if the room was left, and entered again, meanwhile, or closed."""
        owed = fold(page.room.name) in self.older_asked and not page.room.closing
        return owed if page.sort is Sort.OLDER else page.room.reading is page

    def closed(self, room: Room) -> None:
        """Nobody looks at it any more. A room is read on until we have left: that shows what of ours has arrived. No dialogue is;
        what somebody said meanwhile, and is held, is told then: else nobody ever saw it.
        """
        self.older_asked.pop(fold(room.name), None)
        held: list[Item] = []
        if not room.joined and (room.syncing or not self._s.registered):
            held = room.finish() if self._s.registered else []
            room.reading = None
            self._sender.give_up(room.name, "you closed it before it could be sent")
        room.close()
        for item in held:
            if room.live(item):
                self._sender.show(item)
        if room.closing:
            self._s.barrier(lambda: self._must_be_left(room))

    def _must_be_left(self, room: Room) -> None:
        """The server has dealt with our PART: where it was no use, it is no room that we are in."""
        if room.closing:
            room.cut()
            self._sender.give_up(room.name, "you are no longer in the room")
            self.shut_out(room.name)

    def _page_end(self, room: Room) -> None:
        if room.leads_on:
            self._ask(room, f"msgid={room.last}")
        else:
            self._finish(room, read=True)

    def _finish(self, room: Room, *, read: bool) -> None:
        room.reading = None
        resumed = room.after != ""
        complete = (read or not resumed) and not room.dropped
        tell = self._teller(room)
        for item in room.finish():
            tell(item)
        room.after = ""
        if room.closing:
            return  # what is in doubt is reported once we have left: nothing is said there again
        self._s.tell(CaughtUp(room.name, complete))
        # Else a server may keep a dialogue for each session apart: no proof that nothing arrived
        proof = read and is_room(room.name)
        if proof or self._s.outbox.all_known(room.name, self._sender.knows):
            self._s.outbox.retry(room.name, read=proof)
        elif fold(room.name) in {fold(r) for r in self._s.outbox.doubtful_rooms()}:
            self._sender.give_up(room.name, BROKE)
        if fold(room.name) in self.older_asked and not self._is_asked_older(room):
            self._ask_older(room)

    # --- backward ---

    def _back(self, page: Page) -> None:
        """A page before others has ended: one more before it, or all of them are shown."""
        room, reach = page.room, page.items[0].place if page.items else ""
        moved = reach not in ("", page.reach)
        later = {item.key for item in page.later} - {None}
        fresh = [item for item in page.items if room.is_new(item) and item.key not in later]
        found = fresh + page.later
        few = sum(isinstance(item.event, Said) for item in found) < ENOUGH
        short = len(page.items) * 2 < self._s.support.page_limit and len(page.items) * 2 < FIRST_PAGE
        few = few and sum(item.cost for item in found) < MOST_LATER
        if moved and few and page.number < MOST_BACK and not (short and page.sort is Sort.FIRST):  # likely all that there is
            further = Page(room, page.sort, found, page.number + 1, reach, page.below)
            self._request(further, "BEFORE", reach, OLDER_PAGE)
        else:
            page.reach = reach or page.reach
            self._deliver(page, found, start=not fresh and not moved)

    def _deliver(self, page: Page, found: list[Item], *, start: bool = False, failed: str = "") -> None:
        room = page.room
        if page.sort is Sort.OLDER:
            if room.syncing and not room.oldest:
                return  # the first screen is on its way: there might be a gap before it. This is asked for again then
            if page.below != room.oldest:  # shown anew meanwhile: there might be a gap, too
                if not room.syncing:
                    self._ask_older(room)
                return
            found = [item for item in found if room.is_new(item)]  # others may have been shown while a further page was awaited
            newest = not room.oldest  # nothing is shown behind it
            room.oldest = page.reach or room.oldest
            for item in found:
                room.shown_before(item, newest=newest)
            name = self.older_asked.pop(fold(room.name), room.name)
            self._s.tell(Older(name, tuple(item.event for item in found), start=start, failed="" if found else failed))
            return
        for item in found:
            self._show(room, item)
        if failed:
            self._finish(room, read=bool(found))
        else:
            self._page_end(room)

    def older(self, name: str) -> None:
        """Asks for what is before the oldest that was shown."""
        if not self._s.registered:
            self._s.tell(Older(name, (), failed=NOT_CONNECTED))
        elif not self._s.has_history or is_service(name):
            self._s.tell(Older(name, (), start=True))
        elif fold(name) not in self.older_asked:
            self.older_asked[fold(name)] = name
            room = self._s.room(name)
            if not (room.syncing or room.closing or self._s.enters(room)):
                self._ask_older(room)

    def shut_out(self, name: str) -> None:
        """We do not get into this room, are out of it, or want to no more: an Older that waited for it is told now."""
        room = self._s.known(name)
        if room is not None and not self._is_asked_older(room) and self.older_asked.pop(fold(name), ""):
            self._s.tell(Older(room.name, ()))

    def _ask_older(self, room: Room) -> None:
        page = Page(room, Sort.OLDER, reach=room.oldest, below=room.oldest)
        if room.oldest:
            self._request(page, "BEFORE", room.oldest, OLDER_PAGE)
        else:
            self._request(page, "LATEST", "*", OLDER_PAGE)

    def _is_asked_older(self, room: Room) -> bool:
        return any(page.sort is Sort.OLDER for page in self.asked.get(fold(room.name), ()))

    # --- no answer ---

    def _unanswered(self, page: Page) -> None:
        """The server has dealt with everything up to the question."""
        if not page.over:
            self._drop(page, "the server did not answer")

    def _drop(self, page: Page, why: str) -> None:
        page.over = True
        self._forget(page)
        if not self._counts(page):
            return
        if page.sort is Sort.FORWARD:
            self._finish(page.room, read=False)
        else:
            self._deliver(page, page.later, failed=why)

    def failed(self, message: Message) -> None:
        """FAIL CHATHISTORY."""
        if message.param(2) == "TARGETS":
            return  # its barrier follows
        page = self._meant(message)
        if page is None:
            self._s.tell(Failed(message.param(-1)))
            return
        room = page.room
        again = page.sort is Sort.FORWARD and room.after != "" and not room.closing
        if again and is_room(room.name) and self._counts(page):
            page.over = True  # the server no longer knows our place: go on from its time, else show the latest, and say so
            self._forget(page)
            self._s.tell(CaughtUp(room.name, complete=False))
            self._ask(room, room.misplaced())
        else:
            self._drop(page, message.param(-1))

    def _meant(self, message: Message) -> Page | None:
        """The page that an error is about: of the room that it names, else of any."""
        named = [self.asked[key] for name in message.params[2:-1] if (key := fold(name)) in self.asked]
        return next((pages[0] for pages in [*named, *self.asked.values()] if pages), None)
