"""What HELP says: for each command its syntax, and what it does. `describe` adds one; it counts once the command is there."""

from __future__ import annotations

# Command to its lines: first the syntax, then what there is to know.
TEXTS: dict[str, tuple[str, ...]] = {}


def describe(name: str, *lines: str) -> None:
    """Have HELP answer with `lines` to `name`."""
    TEXTS[name.upper()] = lines


describe(
    "ACCEPT", "ACCEPT nick | -nick | *", "Takes private messages from somebody in spite of your mode +R, or no more; * lists whom."
)
describe("ADMIN", "ADMIN", "Who runs this server, and how to reach them.")
describe("AUTHENTICATE", "AUTHENTICATE mechanism | data | *", "Logs in to your account (SASL). Your client does this by itself.")
describe(
    "AWAY",
    "AWAY [:message]",
    "With a message: you are away, and whoever writes to you is told so. Without one: you are back.",
)
describe("BATCH", "BATCH +name draft/multiline target | -name", "Messages of several lines. Your client does this by itself.")
describe(
    "CAP",
    "CAP LS [302] | LIST | REQ :capabilities | END",
    "Negotiates IRCv3 capabilities. Your client does this by itself.",
)
for _alias in ("CHANSERV", "CS"):
    describe(_alias, f"{_alias} subcommand", f"Registers rooms, and keeps them; {_alias} HELP lists what can be asked.")
describe(
    "CHATHISTORY",
    "CHATHISTORY LATEST target * | reference limit",
    "CHATHISTORY BEFORE|AFTER|AROUND target reference limit",
    "CHATHISTORY BETWEEN target reference reference limit",
    "CHATHISTORY TARGETS timestamp=time timestamp=time limit",
    "What was said earlier in a room that you are in, or between you and somebody; and with whom you talked. A reference is",
    "msgid=id or timestamp=YYYY-MM-DDThh:mm:ss.sssZ.",
)
describe("HELP", "HELP [command]", "What a command does; without one, which commands there are.")
describe("HELPOP", "HELPOP [command]", "The same as HELP.")
describe("INFO", "INFO", "What this server is.")
describe(
    "INVITE",
    "INVITE nick #room",
    "INVITE",
    "Invites somebody into a room that you are in; without parameters, lists where you are invited to.",
)
describe("ISON", "ISON nick [nick ...]", "Which of these people are here.")
describe("ISUPPORT", "ISUPPORT", "What this server supports, and its limits (RPL_ISUPPORT).")
describe(
    "JOIN",
    "JOIN #room[,#room ...] [key[,key ...]]",
    "JOIN 0",
    "Enters rooms; a room that is not there is opened, and you are its operator. JOIN 0 leaves all.",
)
describe("KICK", "KICK #room nick[,nick ...] [:reason]", "Puts somebody out of a room of which you are operator.")
describe("LINKS", "LINKS", "The links between servers; this is the only one, so there are none.")
describe(
    "LIST",
    "LIST [#room | mask | !mask | >n | <n | C>min | C<min | T>min | T<min, with commas between]",
    "The rooms: all, or by name or mask (! for those that do not fit), by number of people, by how many",
    "minutes ago they were opened (C) or their topic was set (T).",
)
describe("LUSERS", "LUSERS", "How many people and rooms there are.")
describe("MARKREAD", "MARKREAD target [timestamp=time]", "How far you have read, for all of your devices.")
describe(
    "METADATA",
    "METADATA target|* GET key ... | LIST | SET key [:value] | CLEAR | SYNC",
    "METADATA * SUB key ... | UNSUB key ... | SUBS",
    "What is to be known of you, or of a room: a picture, a colour, an address.",
)
describe(
    "MODE",
    "MODE #room [changes [parameters]]",
    "MODE yournick [changes]",
    "Shows or changes the modes of a room, such as MODE #room +o nick, or your own:",
    "+i only people in your rooms find you, +w you get announcements of the operators, +B you are a bot.",
)
describe(
    "MONITOR",
    "MONITOR + nick[,nick ...] | - nick[,nick ...] | C | L | S",
    "Tells you when people come and go: + adds, - removes, C clears, L lists, S says who of them is here.",
)
describe("MOTD", "MOTD", "The message of the day.")
describe("NAMES", "NAMES #room[,#room ...]", "Who is in a room.")
describe(
    "NICK",
    "NICK newnick",
    "Changes your name. If another session of your account has the one that you came with, you get it when that one is gone.",
)
for _alias in ("NICKSERV", "NS"):
    describe(_alias, f"{_alias} subcommand", f"Accounts, for clients without SASL; {_alias} HELP lists what can be asked.")
describe("NOTICE", "NOTICE target[,target ...] :text", "Like PRIVMSG, but no client answers it by itself.")
describe("PART", "PART #room[,#room ...] [:reason]", "Leaves rooms.")
describe("PASS", "PASS password", "Gives the server's password, before anything else.")
describe("PING", "PING token", "The server answers with PONG and the token.")
describe("PONG", "PONG token", "The answer to the server's PING. Your client does this by itself.")
describe("PRIVMSG", "PRIVMSG target[,target ...] :text", "Says something in a room, or to a person.")
describe("QUIT", "QUIT [:reason]", "Ends the connection.")
describe(
    "REDACT",
    "REDACT target msgid [:reason]",
    "Deletes a message: your own, within the time that this server allows, or any as an operator of the room.",
)
describe(
    "REGISTER",
    "REGISTER account|* email|* :password",
    "Makes an account; * as the account is your nick, * as the address is none.",
    "Where registering takes an invitation, invite:CODE stands in the place of the address.",
)
describe("RENAME", "RENAME #room #newname [:reason]", "Gives a room another name.")
describe("SETNAME", "SETNAME :real name", "Changes your real name.")
describe("STATS", "STATS u", "STATS o|k|d|a", "How long the server has been running; for operators, who they are, and the bans.")
describe("SUMMON", "SUMMON", "Is not available here.")
describe("TAGMSG", "TAGMSG target[,target ...]", "Sends tags without a text, such as that you are typing.")
describe("TIME", "TIME", "The server's time, in UTC.")
describe("TOPIC", "TOPIC #room [:topic]", "Shows the topic of a room, or sets it; an empty one takes it away.")
describe("USER", "USER name 0 * :real name", "Says who you are, when you connect. Your client does this by itself.")
describe("USERHOST", "USERHOST nick [nick ...]", "The hosts of up to five people, and whether they are away.")
describe("USERIP", "USERIP nick [nick ...]", "Like USERHOST, with the address where you may see that.")
describe("USERS", "USERS", "Is not available here.")
describe("VERIFY", "VERIFY account code", "Confirms an account with the code that the operator gave you.")
describe("VERSION", "VERSION", "The server's version, and what it supports.")
describe(
    "WHO",
    "WHO #room | nick | mask [o] [%fields[,token]]",
    "Who is in a room, or fits a mask; o: operators only. Fields (WHOX): t c u i h s n f d l a o r.",
)
describe("WHOIS", "WHOIS nick", "Who somebody is, and which rooms they are in.")
describe("WHOWAS", "WHOWAS nick [count]", "Who had a nick before.")
