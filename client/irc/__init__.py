"""The IRC dialect: `protocol` ties its parts together."""

from client.irc.protocol import LONGEST_LINE, IrcProtocol
from client.irc.session import clocks

__all__ = ["LONGEST_LINE", "IrcProtocol", "clocks"]
