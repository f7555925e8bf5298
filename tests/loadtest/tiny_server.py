"""A tiny IRC-over-TLS server that can be told to misbehave, by name.

    python -m tests.loadtest.tiny_server CERT KEY [--fault drop] [--every 50] [--delay 0.5] [--coalesce 20]

Just enough IRC for the harness: see COMMANDS. It writes each message as one TLS record to each member (the worst case for a
client), or `--coalesce` of them at once. It says the port on stderr as the real one does.
"""

from __future__ import annotations

import argparse
import asyncio
import ssl
import sys
import time
from collections.abc import Callable


class Member:
    """One connection."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self.writer = writer
        self.nick = "*"
        self.pending: list[bytes] = []
        self.held: bytes | None = None
        self.deliveries = 0

    def write(self, line: bytes) -> None:
        if not self.writer.is_closing():
            self.writer.write(line)


class Server:
    """`fault` decides what becomes of the delivery of a line to a member."""

    def __init__(self, fault: str, every: int, delay: float, coalesce: int) -> None:
        self.rooms: dict[str, list[Member]] = {}
        self.nicks: dict[str, Member] = {}
        self.every = every
        self.delay = delay
        self.coalesce = coalesce
        self.fault = FAULTS[fault]

    def deliver(self, member: Member, line: bytes) -> None:
        member.deliveries += 1
        self.fault(self, member, line, member.deliveries % self.every == 0)

    def write(self, member: Member, line: bytes) -> None:
        if self.coalesce == 1:
            member.write(line)
            return
        member.pending.append(line)
        if len(member.pending) >= self.coalesce:
            self.flush(member)

    @staticmethod
    def flush(member: Member) -> None:
        if member.pending:
            member.write(b"".join(member.pending))
            member.pending.clear()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        me = Member(writer)
        try:
            while line := await reader.readline():
                if not self.line(me, line.strip()):
                    break
        except (ConnectionError, ssl.SSLError, ValueError):  # ValueError: a line without an end
            pass
        finally:
            for room in list(self.rooms):
                self.leave(me, room)
            if self.nicks.get(me.nick) is me:
                del self.nicks[me.nick]
            writer.close()

    def leave(self, me: Member, room: str) -> None:
        members = self.rooms.get(room, [])
        if me in members:
            members.remove(me)
        if not members:
            self.rooms.pop(room, None)

    def line(self, me: Member, line: bytes) -> bool:
        """Do what one line says. False: goodbye."""
        command, _, rest = line.partition(b" ")
        act = COMMANDS.get(command)
        if act is not None:
            act(self, me, rest)
        return command != b"QUIT"

    def nick(self, me: Member, rest: bytes) -> None:
        name = rest.decode()
        if self.nicks.setdefault(name, me) is not me:
            me.write(b":tiny 433 * %s :In use\r\n" % rest)
            return
        if name != me.nick:
            self.nicks.pop(me.nick, None)
        me.nick = name

    def user(self, me: Member, rest: bytes) -> None:
        texts = (
            b"001 %s :Welcome",
            b"004 %s tiny tiny-1.0 i nt",
            b"005 %s CHANTYPES=# NICKLEN=16 :are supported",
            b"422 %s :No MOTD",
        )
        me.write(b"".join(b":tiny " + text % me.nick.encode() + b"\r\n" for text in texts))

    def cap(self, me: Member, rest: bytes) -> None:
        if rest.startswith(b"REQ"):
            me.write(b":tiny CAP %s ACK :%s\r\n" % (me.nick.encode(), rest.partition(b":")[2]))

    def join(self, me: Member, rest: bytes) -> None:
        nick = me.nick.encode()
        for room in rest.split(b","):
            members = self.rooms.setdefault(room.decode(), [])
            if me not in members:
                members.append(me)
            me.write(b":%s JOIN %s\r\n:tiny 366 %s %s :End of names\r\n" % (nick, room, nick, room))

    def part(self, me: Member, rest: bytes) -> None:
        for room in rest.partition(b" ")[0].split(b","):
            self.leave(me, room.decode())
            me.write(b":%s PART %s\r\n" % (me.nick.encode(), room))

    def ping(self, me: Member, rest: bytes) -> None:
        me.write(b":tiny PONG tiny %s\r\n" % rest)

    def version(self, me: Member, rest: bytes) -> None:
        me.write(b":tiny 351 %s tiny-1.0 tiny :For tests\r\n" % me.nick.encode())

    def privmsg(self, me: Member, rest: bytes) -> None:
        to = rest.partition(b" ")[0].decode()
        found = [self.nicks[to]] if to in self.nicks else self.rooms.get(to, [])
        for member in list(found):
            if member is not me:
                self.deliver(member, b":%s!u@h PRIVMSG %s\r\n" % (me.nick.encode(), rest))

    def quit(self, me: Member, rest: bytes) -> None:
        me.write(b"ERROR :Closing link\r\n")


COMMANDS: dict[bytes, Callable[[Server, Member, bytes], None]] = {
    b"NICK": Server.nick,
    b"USER": Server.user,
    b"CAP": Server.cap,
    b"JOIN": Server.join,
    b"PART": Server.part,
    b"PING": Server.ping,
    b"VERSION": Server.version,
    b"PRIVMSG": Server.privmsg,
    b"QUIT": Server.quit,
}

Fault = Callable[[Server, Member, bytes, bool], None]


def none(server: Server, member: Member, line: bytes, hit: bool) -> None:
    server.write(member, line)


def drop(server: Server, member: Member, line: bytes, hit: bool) -> None:
    """Leave a delivery out."""
    if not hit:
        server.write(member, line)


def repeat(server: Server, member: Member, line: bytes, hit: bool) -> None:
    """Deliver it twice."""
    server.write(member, line)
    if hit:
        server.write(member, line)


def reorder(server: Server, member: Member, line: bytes, hit: bool) -> None:
    """Hold a delivery back until the same sender's next one has gone out."""
    held, member.held = member.held, None
    if held is None and hit:
        member.held = line
        return
    server.write(member, line)
    if held is not None:
        if held.split(b" ")[0] == line.split(b" ")[0]:
            server.write(member, held)
        else:
            member.held = held


def delay(server: Server, member: Member, line: bytes, hit: bool) -> None:
    """Deliver everything late, in order."""
    asyncio.get_running_loop().call_later(server.delay, server.write, member, line)


def stall(server: Server, member: Member, line: bytes, hit: bool) -> None:
    """Do nothing at all for `delay` seconds, once."""
    server.write(member, line)
    if hit:
        server.every = 1 << 60
        time.sleep(server.delay)


def misroute(server: Server, member: Member, line: bytes, hit: bool) -> None:
    """Deliver it under the name of a room that the member is not in."""
    server.write(member, line.replace(b" PRIVMSG #", b" PRIVMSG #not-", 1) if hit else line)


def garble(server: Server, member: Member, line: bytes, hit: bool) -> None:
    """Cut the end of the text."""
    server.write(member, line.rstrip()[:-3] + b"\r\n" if hit else line)


def echo(server: Server, member: Member, line: bytes, hit: bool) -> None:
    """Give the author its own message too, who did not ask for it."""
    server.write(member, line)
    author = server.nicks.get(line[1:].partition(b"!")[0].decode())
    if hit and author is not None:
        server.write(author, line)


def hang_up(server: Server, member: Member, line: bytes, hit: bool) -> None:
    """Close the connection instead."""
    if hit:
        server.every = 1 << 60
        member.writer.close()
    else:
        server.write(member, line)


FAULTS: dict[str, Fault] = {
    "none": none,
    "drop": drop,
    "repeat": repeat,
    "reorder": reorder,
    "delay": delay,
    "stall": stall,
    "misroute": misroute,
    "garble": garble,
    "echo": echo,
    "hang-up": hang_up,
}


async def run(options: argparse.Namespace) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(options.cert, options.key)
    server = Server(options.fault, options.every, options.delay, options.coalesce)
    listener = await asyncio.start_server(server.serve, "127.0.0.1", 0, ssl=context, backlog=4096, limit=1 << 16)
    port = listener.sockets[0].getsockname()[1]
    print(f"listening for irc on 127.0.0.1:{port}", file=sys.stderr, flush=True)
    while True:
        await asyncio.sleep(0.1)
        for member in server.nicks.values():
            server.flush(member)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("cert")
    parser.add_argument("key")
    parser.add_argument("--fault", choices=FAULTS, default="none")
    parser.add_argument("--every", type=int, default=25)
    parser.add_argument("--delay", type=float, default=0.5)
    parser.add_argument("--coalesce", type=int, default=1)
    asyncio.run(run(parser.parse_args()))


if __name__ == "__main__":
    main()
