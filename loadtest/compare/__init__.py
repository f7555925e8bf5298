"""`python -m loadtest compare`: the same load on several servers, or on one and what it did before, in rounds that take turns.

`figures`, `intervals` and `comparison` are calculators; `rounds` decides what runs when; `runner` runs the harness, one process
a round; `files` reads what was kept, and `loads` what is to come; `tables`, `plots` and `benchmarks` show it. Nothing here imports
Locust.
"""
