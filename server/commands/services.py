"""Services: what people ask of the server in a private message (`PRIVMSG ChanServ :HELP`), or by a command (`CS HELP`).

A service is a name with subcommands; a subcommand is a row, like a command:

    chanserv = service("ChanServ", "CS", "CHANSERV", about="Registers rooms, and keeps them.")

    @service_command("ChanServ", "INFO", "#room", least=1, help="Who registered a room, and when.")
    def info(request: Request) -> None:
        request.say("...")

A service is no user: it has no session, is in no room, and its name cannot be taken (`server.commands.names.RESERVED`). It
answers by NOTICE, as replies of the command: in order, and under its label.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from server.commands.help_texts import describe
from server.commands.table import Context, command, shown
from server.state.model import Network
from wire.names import fold

Answer = Callable[["Request"], None]


@dataclass(frozen=True, slots=True)
class SubCommand:
    """One subcommand: what it is called, who does it, what it takes."""

    name: str
    answer: Answer
    usage: str  # its parameters, as HELP shows them
    least: int  # parameters
    help: str


@dataclass(frozen=True, slots=True)
class Service:
    """A name that answers. `about` is one sentence for HELP; what is said to one that is `confidential` may be a password."""

    name: str
    about: str
    confidential: bool = False
    table: dict[str, SubCommand] = field(default_factory=dict)

    def source(self, net: Network) -> str:
        """Where its lines come from: `ChanServ!ChanServ@server`."""
        return f"{self.name}!{self.name}@{net.name}"

    def shown(self, text: str) -> str:
        """`text` as it may be echoed."""
        words = text.split(None, 1)  # as `ask` reads it
        return f"{words[0]} ***" if self.confidential and len(words) > 1 else text


SERVICES: dict[str, Service] = {}


class Request:
    """One subcommand under way: who asks is `context.user`; `args` are the words behind it."""

    __slots__ = ("args", "context", "service")

    def __init__(self, context: Context, service: Service, args: list[str]) -> None:
        self.context = context
        self.service = service
        self.args = args

    def arg(self, index: int, default: str = "") -> str:
        """The word at `index`, or `default`."""
        return self.args[index] if index < len(self.args) else default

    def say(self, text: str) -> None:
        """Answer with one line."""
        context = self.context
        context.line(f":{self.service.source(context.net)} NOTICE {context.user.shown} :{text}")


def service(name: str, *aliases: str, about: str, confidential: bool = False) -> Service:
    """A new service of that name; each alias is a command that leads to it."""
    made = SERVICES[fold(name)] = Service(name, about, confidential)

    def by_command(context: Context) -> None:
        ask(context, made, " ".join(context.params))

    for alias in aliases:
        command(alias)(by_command)
        describe(alias, f"{alias} subcommand [parameters]", about, f"{alias} HELP lists the subcommands.")
    service_command(name, "HELP", "[subcommand]", help="Lists what can be asked, or says more about one of it.")(_help)
    return made


def service_command(name: str, verb: str, usage: str = "", *, least: int = 0, help: str) -> Callable[[Answer], Answer]:  # noqa: A002
    """Put a subcommand into the table of the service `name`, with at least `least` parameters."""

    def put(answer: Answer) -> Answer:
        SERVICES[fold(name)].table[verb] = SubCommand(verb, answer, usage, least, help)
        return answer

    return put


def addressed(target: str) -> Service | None:
    """The service that a message to `target` is for."""
    return SERVICES.get(fold(target))


def ask(context: Context, to: Service, text: str) -> None:
    """Carry out what `text` asks of a service."""
    words = text.split()
    verb = words[0].upper() if words else "HELP"
    row = to.table.get(verb)
    request = Request(context, to, words[1:])
    if row is None:
        request.say(f"There is no {shown(verb)} here; HELP lists what there is.")
    elif len(request.args) < row.least:
        request.say(f"Usage: {row.name} {row.usage}")
    else:
        row.answer(request)


def _help(request: Request) -> None:
    table = request.service.table
    wanted = request.arg(0).upper()
    if not wanted:
        request.say(request.service.about)
        for row in table.values():
            request.say(f"{row.name} {row.usage}".rstrip())
        request.say("HELP and the name of one of these says more about it.")
    elif wanted in table:
        row = table[wanted]
        request.say(f"{row.name} {row.usage}".rstrip())
        request.say(row.help)
    else:
        request.say(f"There is no {shown(wanted)} here; HELP lists what there is.")
