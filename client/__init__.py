"""The terminal client and the bots.

errors, address, trust    what went wrong, where to go, whom to believe
events, dialect           what can happen; what a dialect is
irc/, plain               the two dialects, without I/O (with negotiation, login, history, outbox, text)
connection                the one thread that owns the TLS socket; reconnects and resumes
view, chat, commands      what there is to see; what is typed
terminal, pipe            the two front ends
bot/                      bots on the same connection: `from client import Bot`
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from client.bot.api import Bot
    from client.bot.messages import Call, Join, Message
    from client.bot.timers import Timer
else:  # `python -m client` needs no bots: they are read when somebody asks for them (PEP 562)
    _WHERE = {"Bot": "api", "Call": "messages", "Join": "messages", "Message": "messages", "Timer": "timers"}

    def __getattr__(name):
        if name not in _WHERE:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module  # noqa: PLC0415

        return getattr(import_module(f"client.bot.{_WHERE[name]}"), name)


__all__ = ["Bot", "Call", "Join", "Message", "Timer"]
