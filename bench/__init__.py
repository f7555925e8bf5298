"""Measurements that compare, each in one run: see `python -m bench --help`."""
