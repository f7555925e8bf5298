"""Servers that run: those started here from a recipe, and those that somebody else runs."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from loadtest.options import Refused
from loadtest.targets.base import Address
from loadtest.targets.process import Cores, end, free_port, spawn, wait_until_serving
from loadtest.targets.recipes import ROOT, Place, Recipe, interpreter

START: Final = 60.0  # seconds that a server may take until it listens


def with_path() -> dict[str, str]:
    """The environment, in which a Python finds our packages from any folder, installed or in a checkout."""
    before = os.environ.get("PYTHONPATH", "")
    return {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{before}" if before else str(ROOT)}


def _ask(command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Run it to its end, and give what it said."""
    return subprocess.run(  # noqa: S603  our own command line
        command, capture_output=True, text=True, errors="replace", check=False, stdin=subprocess.DEVNULL, env=with_path()
    )


def certificates(folder: Path) -> Path:
    """A throw-away authority and a certificate for localhost (ECDSA P-256), made by `certs` in `folder`. Raises Refused."""
    command = [sys.executable, "-m", "certs", "init", str(folder), "--host", "localhost", "--host", "127.0.0.1"]
    done = _ask(command)
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise Refused(f"No certificates could be made: {said[-1] if said else 'certs said nothing.'}")
    return folder


@dataclass(frozen=True)
class Started:
    """A ready server: every round has a fresh one, in a folder of its own that is removed afterwards."""

    recipe: Recipe
    certs: Path
    scratch: Path  # where folders for the rounds are made
    cores: Cores
    label: str = ""

    @property
    def name(self) -> str:
        return self.label or self.recipe.name

    @property
    def notes(self) -> tuple[str, ...]:
        return self.recipe.notes

    def program(self) -> str:
        """Its path. Raises Refused where it is not installed."""
        found = interpreter(self.recipe, shutil.which) or interpreter(self.recipe, _in_sbin)
        if found is None:
            raise Refused(f"{self.recipe.program} is not installed: apt-get install {self.recipe.package}, or leave it out.")
        return found

    def version(self) -> str:
        """The first line of what it says. Raises Refused where it is not installed."""
        command = [self.program(), *self.recipe.ask_version]
        done = _ask(command)
        said = (done.stdout or done.stderr).strip().splitlines()
        return said[0].replace(" from a checkout", "") if said else ""

    @contextlib.contextmanager
    def running(self) -> Iterator[Address]:
        folder = Path(tempfile.mkdtemp(prefix=f"{self.recipe.name}-", dir=self.scratch))
        try:
            place = Place(folder, free_port(), self.certs)
            files = self.recipe.files(place)
            for name, text in files.items():
                (folder / name).write_text(text, encoding="utf-8")
            environ = with_path() | ({"OPENSSL_CONF": str(folder / "openssl.cnf")} if "openssl.cnf" in files else {})
            log = folder / "log"
            command = [self.program(), *self.recipe.arguments(place)]
            process = spawn(command, folder=folder, log=log, cores=self.cores.server, environ=environ)
            try:
                pid = wait_until_serving(process, place.port, self.name, log, START)
                yield Address(f"127.0.0.1:{place.port}", str(self.certs / "ca.pem"), pid)
            finally:
                end(process)
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _in_sbin(program: str) -> str | None:
    """Debian puts servers where a user's PATH does not look."""
    return shutil.which(program, path="/usr/sbin:/sbin:/usr/local/sbin")


@dataclass(frozen=True)
class Elsewhere:
    """A server that somebody else runs: it is loaded as it is, and not restarted between rounds."""

    name: str
    address: Address

    @property
    def notes(self) -> tuple[str, ...]:
        measured = () if self.address.pid else ("its process is not known (pid=...), so there are no figures of the server itself",)
        return ("not started by this comparison: its settings are its own, and all rounds load the same process", *measured)

    def version(self) -> str:
        return ""

    @contextlib.contextmanager
    def running(self) -> Iterator[Address]:
        yield self.address
