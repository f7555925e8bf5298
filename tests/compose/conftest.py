"""`docker compose` with a project, images and ports of its own, so that a chat that runs on this machine is left alone."""

from __future__ import annotations

import json
import os
import secrets
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
IMAGES = "parley-test"


def free_ports(count: int) -> list[int]:
    with ExitStack() as held:
        probes = [held.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [probe.getsockname()[1] for probe in probes]


class Stack:
    """The services of docker-compose.yml under a name of their own."""

    def __init__(self, folder: Path) -> None:
        self.project = f"parley-test-{secrets.token_hex(4)}"
        self.port, plain, self.load_port, self.prometheus_port, grafana = free_ports(5)
        self.ca = folder / "ca.pem"
        self.environment = os.environ | {
            "COMPOSE_PROJECT_NAME": self.project,
            "IMAGES": IMAGES,
            "PUBLISH_IRC": f"127.0.0.1:{self.port}",
            "PUBLISH_PLAIN": f"127.0.0.1:{plain}",
            "PUBLISH_LOAD": f"127.0.0.1:{self.load_port}",
            "PUBLISH_PROMETHEUS": f"127.0.0.1:{self.prometheus_port}",
            "PUBLISH_GRAFANA": f"127.0.0.1:{grafana}",
        }

    @property
    def address(self) -> tuple[str, int]:
        """Where the server is for somebody outside."""
        return "localhost", self.port

    def run(self, *arguments: str, status: int = 0, text: str | None = None, seconds: float = 120) -> str:
        """`docker compose ...`; gives its standard output and fails unless it ends with `status`."""
        done = subprocess.run(
            ["docker", "compose", *arguments],
            cwd=ROOT,
            env=self.environment,
            input=text if text is not None else "",
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
        assert done.returncode == status, f"docker compose {' '.join(arguments)}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def up(self) -> None:
        self.run("up", "--detach", seconds=180)
        self.run("cp", "bots:/ca-public/ca.pem", str(self.ca))

    def shell(self, service: str, script: str, status: int = 0) -> str:
        """Runs a shell script inside the running container of a service."""
        return self.run("exec", "-T", service, "sh", "-euc", script, status=status)


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Everything built, up, and bots talking; taken down with its volumes at the end."""
    stack = Stack(tmp_path_factory.mktemp("compose"))
    try:
        stack.run("--profile", "*", "build", seconds=600)
        stack.up()
        yield stack
        print(stack.run("logs", "--no-color", "--tail", "40"))  # shown when a test fails at the end
    finally:
        stack.run("--profile", "*", "down", "--volumes", "--timeout", "15")


@pytest.fixture(scope="session")
def services() -> dict[str, Any]:
    """What compose makes of docker-compose.yml with every profile on."""
    text = subprocess.run(
        ["docker", "compose", "--profile", "*", "config", "--format", "json"], cwd=ROOT, capture_output=True, check=True
    ).stdout
    found: dict[str, Any] = json.loads(text)["services"]
    return found
