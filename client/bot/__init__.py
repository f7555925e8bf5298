"""Scripted bots: script (TOML to plain data), brain (what a bot says when, pure), run (connections and signals)."""
