"""A40: ids, tokens, codes and keys come from the system's randomness alone."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tests.attack.rows import row
from tests.e2e.process import ROOT

PACKAGES = ("server", "client", "certs", "wire")
# Where `random` is right, and why.
CHANCE = {
    "client/connection.py": "spreads reconnects in time: a guess gives nobody anything",
    "client/bot/brain.py": "what a bot says next, and it is to be the same again where a seed is given",
}
WEAK = {"random", "numpy.random"}
WEAK_CALLS = {"uuid1", "uuid3", "uuid5", "getnode"}


def _sources() -> Iterator[tuple[str, ast.Module]]:
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            yield str(path.relative_to(ROOT)), ast.parse(path.read_text(encoding="utf-8"))


def _imports(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            yield node.module


@row("A40")
def test_random_is_imported_only_where_chance_is_no_secret() -> None:
    found = {name for name, tree in _sources() if WEAK & set(_imports(tree))}
    assert found == set(CHANCE), "a token from `random` can be foretold: use `secrets`"


@row("A40")
def test_nobody_gets_at_chance_another_way() -> None:
    """Not by `__import__`, not by a UUID that tells time and place, not by a hash of the clock."""
    for name, tree in _sources():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                assert called not in WEAK_CALLS, f"{name}:{node.lineno}: {called} can be foretold"
                texts = [a.value for a in node.args if isinstance(a, ast.Constant)]
                assert not (called in {"__import__", "import_module"} and WEAK & set(map(str, texts))), f"{name}:{node.lineno}"


@row("A40")
def test_who_makes_secrets_uses_the_module_for_it() -> None:
    """The places that make keys, codes, nonces and salts today: a new one is to be added here, and looked at."""
    makes = {name for name, tree in _sources() if {"secrets"} & set(_imports(tree)) or _urandom(tree)}
    assert {"server/store/keys.py", "server/passwords.py", "server/commands/accounts.py", "server/commands/sasl.py"} <= makes


def _urandom(tree: ast.Module) -> bool:
    return any(isinstance(node, ast.Attribute) and node.attr == "urandom" for node in ast.walk(tree))
