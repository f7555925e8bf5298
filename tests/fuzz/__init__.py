"""Fuzz targets: plain functions of bytes that assert what must hold whatever a peer sends.

`python -m tests.fuzz TARGET` has Atheris (libFuzzer) look for input that breaks one of them; `test_corpora.py` runs what was kept
of that, on every Python and without Atheris. docs/fuzzing.md tells more.
"""
