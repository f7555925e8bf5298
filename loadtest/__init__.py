"""The load-test harness: Locust users that speak IRC over TLS, a ledger of every message, and results that can be believed.

Start it with `locust -f loadtest/locustfile.py`; docs/loadtest.md says how. `histogram`, `pacing`, `ledger`, `objectives`,
`options` and `results` are calculators (no sockets, no gevent) and may be imported anywhere; the rest imports Locust, which
patches the standard library, so never import it into a process that has used `ssl` already.
"""
