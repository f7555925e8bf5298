"""A network with people in it, driven line by line as a worker does it, without sockets, threads and clocks.

What is slow is done at once; what is said is committed at once (or when the test says so) and read by everyone from their cursor.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from server import passwords
from server.commands import execute
from server.commands.jobs import Busy, resume
from server.commands.plain import say
from server.commands.registration import make_member
from server.commands.table import REFUSED
from server.dialects import irc
from server.dialects import plain as plain_dialect
from server.events import Event
from server.sequencer import Batch, Pages, Plan, Sequencer
from server.settings.limits import Limits
from server.settings.people import Accounts
from server.settings.tree import Settings
from server.state.accounts import Account
from server.state.model import Network, Room, User
from server.store.memory import MemoryStore
from server.transport.shelf import Shelf
from wire import numerics as n
from wire.capabilities import NAMES, RENDERED
from wire.message import MalformedMessage

AT = 1_790_000_000_000  # milliseconds
PASSWORD = "pencil"
CHEAP = Accounts(argon2_memory_kib=8, argon2_time=1, scram_iterations=4096)
SECRET = passwords.make(PASSWORD, CHEAP)


class Desk:
    """A worker, as the sequencer sees it."""

    def __init__(self) -> None:
        self.dirty: set[Room] = set()
        self.rung: set[User] = set()
        self.waiting = False

    def ring(self) -> None:
        """It is asked whenever the test wants."""


@dataclass(eq=False)
class Person:
    """A connection: where it is (a link), its session, and how much it has been given."""

    worker: int
    user: User = field(init=False)
    plain: bool = False
    cursor: int = 0
    last_id: int = 0


class World:
    """One network, one store, and everyone who came."""

    def __init__(self, settings: Settings | None = None, *, window: int | None = None, secret: str = "") -> None:
        self.settings = settings or Settings(limits=Limits(enabled=False), accounts=CHEAP)
        self.net = Network(self.settings, seq=0, at=AT)
        self.net.book.secret = b"secret"
        if window is not None:
            self.net.window._limit = window
        self.store = MemoryStore(100_000)
        self.net.archive = self.store
        self.sequencer = Sequencer(self.net)
        self.desks = [Desk(), Desk()]
        self.shelves = [Shelf(self.sequencer, self.store) for _ in self.desks]
        self.sequencer.desks += self.desks
        self.people: list[Person] = []
        self.at = AT
        self.batch: Batch | None = None
        self.shown: set[int] = set()  # positions of the events that were committed
        if secret:
            self.net.book.put(Account(secret, AT, SECRET.hash, SECRET.keys))

    # People

    def connect(self, *, worker: int = 0, plain: bool = False, caps: str = "") -> Person:
        """Somebody who has not said anything yet; `caps` they have all the same."""
        person = Person(worker, plain=plain)
        person.user = self.net.connect(person, "192.0.2.1", "host.example", self.at)
        person.cursor = self.sequencer.committed
        person.user.caps = sum(NAMES[name] for name in dict.fromkeys(caps.split()))
        self.net.reclass(person.user, person.user.caps & RENDERED)
        self.people.append(person)
        return person

    def member(self, nick: str, *, worker: int = 0, caps: str = "") -> Person:
        """Somebody who has been welcomed."""
        person = self.connect(worker=worker, caps=caps)
        person.user.username = "~u"
        person.user.realname = "Real Name"
        self.net.rename(person.user, nick)
        make_member(self.net, person.user, self.at)
        return person

    def lose(self, person: Person, why: str = "Connection closed") -> None:
        """The connection is gone."""
        self.net.disconnect(person.user, why, self.at)

    # What they say: `Worker._one_irc` and `_one_plain`

    def line(self, person: Person, raw: bytes) -> None:
        """Carry out one line, and whatever slow work it leaves; nobody has been shown anything yet."""
        user = person.user
        if user.ended:
            return
        if person.plain:
            say(self.net, user, plain_dialect.text_of(raw), self.at)
        else:
            self._one_irc(user, raw)
        for _ in range(4):
            if user.job is None:
                break
            resume(self.net, user, user.job.work(), self.at)
        assert user.job is None, "slow work leads to slow work, for ever"
        self.net.audit.clear()

    def _one_irc(self, user: User, raw: bytes) -> None:
        net, limits = self.net, self.settings.limits
        try:
            message = irc.read(raw, limits.line, limits.tags)
        except irc.Oversized:
            net.send(user, f":{net.name} {n.ERR_INPUTTOOLONG} {user.shown} :Input line was too long\r\n".encode())
        except irc.Undecodable:
            net.send(user, f":{net.name} FAIL {irc.verb_of(raw)} INVALID_UTF8 :Your message is not valid UTF-8\r\n".encode())
        except MalformedMessage as error:
            net.send(user, f":{net.name} {n.ERR_UNKNOWNERROR} {user.shown} * :{error}\r\n".encode())
        else:
            execute(net, user, message, self.at)
        assert REFUSED.before

    def busy(self, person: Person) -> None:
        """The pool takes no more of this person's work."""
        if person.user.job is not None:
            resume(self.net, person.user, Busy(), self.at)

    # The journal

    def settle(self) -> None:
        """The end of a batch of commands."""
        with self.sequencer.lock:
            self.sequencer.settle()

    def take(self) -> bool:
        """The journal writes what there is; nobody may see it yet. False where it has nothing to write."""
        if self.batch is None:
            with self.sequencer.lock:
                self.batch = self.sequencer.take()
            if self.batch is not None:
                self.store.append(self.batch.events, self.batch.changes)
        return self.batch is not None

    def commit(self) -> None:
        """What the journal has written is shown."""
        if self.batch is not None:
            with self.sequencer.lock:
                self.sequencer.commit(self.batch)
            self.shown.update(event.seq for event in self.batch.events)
            self.batch = None

    def flush(self) -> None:
        """All of that, until there is nothing left."""
        self.settle()
        self.commit()
        while self.take():
            self.commit()

    # What they are given: `Delivery._page_in` and `_rendered`

    def plan(self, person: Person) -> Plan:
        """The next page for somebody, out of memory or the store."""
        user, pages = person.user, Pages()
        while True:
            with self.sequencer.lock:
                plan = self.sequencer.plan(user, person.cursor, self.sequencer.committed, pages)
            if not plan.behind:
                return plan
            for part in plan.behind:
                assert part not in pages, "the same page is asked for twice"
                pages[part] = self.shelves[person.worker].page(part, among=len(plan.behind))

    def page(self, person: Person) -> tuple[list[bytes], bool]:
        """What the next page is as bytes, one each event or reply, and whether there is more."""
        plan = self.plan(person)
        person.cursor = plan.horizon
        out = []
        for item in plan.items:
            if isinstance(item, Event):
                if item.id != person.last_id or person.plain:
                    out.append(plain_dialect.render(item, b"") if person.plain else irc.render(item, person.user.render))
                person.last_id = item.id
            else:
                data = item if isinstance(item, bytes) else item.run(self.store)
                out.append(plain_dialect.reply(data, b"") if person.plain else data)
        return [data for data in out if data], plan.more

    def read(self, person: Person) -> list[bytes]:
        """Everything that is due to somebody now."""
        out: list[bytes] = []
        more = True
        while more:
            some, more = self.page(person)
            out += some
        return out

    def read_all(self) -> dict[Person, list[bytes]]:
        """The same for everyone, after all is committed; the gone are forgotten."""
        self.flush()
        found = {person: self.read(person) for person in self.people}
        self.people = [person for person in self.people if not person.user.ended]
        return found
