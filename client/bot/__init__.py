"""Bots: in Python on a small API, and scripted on top of that.

api, messages, rules      `Bot`; what its handlers are given; what it has been told to do when
engine                    a bot at work, without a network (with limits, timers, missed, state)
script, brain, scripted   TOML to data; what a script's bot says when, pure; that as a Bot
driver, load, run         connections; files; the command line and signals
pipe                      lines from a shell to a room, and back
testing                   a bot without a network, for tests
"""
