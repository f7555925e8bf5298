"""The Parley server: IRC and the plain dialect over TLS, on room logs. `docs/architecture.md` has the picture."""
