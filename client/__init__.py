"""The terminal client and the bots.

errors, address, trust    what went wrong, where to go, whom to believe
events, dialect           what can happen; what a dialect is
protocol, plain           the two dialects, without I/O (with negotiation, history, outbox, text)
connection                the one thread that owns the TLS socket; reconnects and resumes
view, chat, commands      what there is to see; what is typed
terminal, pipe            the two front ends
bot/                      scripted bots on the same connection
"""
