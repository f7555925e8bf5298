"""What crosses the wire, and nothing else: messages and tags, lines, names, masks, numerics, capabilities.

Bytes and strings in, values out. No sockets, clocks, threads or locks in here, so everything can be tested whole and byte by byte.
"""
