"""A tiny IRC-over-TLS server that can be told to misbehave, by name.

    python -m tests.loadtest.tiny_server CERT KEY [--fault drop] [--every 50] [--delay 0.5] [--coalesce 20]

Just enough IRC for the harness: NICK, USER, CAP, JOIN, PRIVMSG, PING, QUIT. It writes each message as one TLS record to each
member (the worst case for a client), or `--coalesce` of them at once. It says the port on stderr as the real one does.
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
        except (ConnectionError, ssl.SSLError):
            pass
        finally:
            for members in self.rooms.values():
                if me in members:
                    members.remove(me)
            writer.close()

    def line(self, me: Member, line: bytes) -> bool:
        """Do what one line says. False: goodbye."""
        command, _, rest = line.partition(b" ")
        nick = me.nick.encode()
        if command == b"NICK":
            me.nick = rest.decode()
        elif command == b"USER":
            me.write(b":tiny 001 %s :Welcome\r\n:tiny 422 %s :No MOTD\r\n" % (nick, nick))
        elif command == b"CAP" and rest.startswith(b"REQ"):
            me.write(b":tiny CAP %s ACK :%s\r\n" % (nick, rest.partition(b":")[2]))
        elif command == b"JOIN":
            room = rest.decode()
            members = self.rooms.setdefault(room, [])
            members.append(me)
            me.write(b":%s JOIN %s\r\n:tiny 366 %s %s :End of names\r\n" % (nick, rest, nick, rest))
        elif command == b"PING":
            me.write(b":tiny PONG tiny %s\r\n" % rest)
        elif command == b"PRIVMSG":
            out = b":%s!u@h PRIVMSG %s\r\n" % (nick, rest)
            for member in self.rooms.get(rest.partition(b" ")[0].decode(), []):
                if member is not me:
                    self.deliver(member, out)
        return command != b"QUIT"


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
        for members in server.rooms.values():
            for member in members:
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
