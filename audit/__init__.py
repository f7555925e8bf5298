"""What others' tools say of TLS, certificates, images and dependencies: `make audit`, or `python -m audit`."""
