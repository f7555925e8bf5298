"""What security.md section 4 asks of the containers, checked on what compose reads, on the running ones, and on the images."""

from __future__ import annotations

import io
import json
import re
import subprocess
import tarfile
from collections.abc import Iterator
from typing import Any

import pytest

from tests.compose.conftest import IMAGES, Stack

pytestmark = [pytest.mark.compose, pytest.mark.timeout(600)]

SERVICES = ("certs", "server", "bots", "client", "load", "load-worker", "prometheus", "grafana")
USERS = {"prometheus": "65534:65534", "grafana": "472:0"}  # those of their images; all others are ours
CLIENTS = ("bots", "client", "load-worker")
# The header alone stands in every library that reads keys; a key has a body.
KEY = re.compile(rb"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----\s+(?:[A-Za-z-]+: .*\s+)*[A-Za-z0-9+/=]{40}")


def mounts(service: dict[str, Any]) -> dict[str, bool]:
    """Volume by name, and whether it may be written."""
    return {volume["source"]: not volume.get("read_only", False) for volume in service["volumes"]}


def test_every_service_is_one_of_those_checked_here(services: dict[str, Any]) -> None:
    assert sorted(services) == sorted(SERVICES)


@pytest.mark.parametrize("name", SERVICES)
def test_service_is_hardened(services: dict[str, Any], name: str) -> None:
    service = services[name]
    assert service["user"] == USERS.get(name, "10001:10001")
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "cap_add" not in service
    assert service.get("privileged", False) is False
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert {"noexec", "nosuid", "nodev"} < set(service["tmpfs"][0].removeprefix("/tmp:").split(","))
    assert service["init"] is True
    assert service["stop_grace_period"] == "15s"
    assert 0 < service["pids_limit"] <= 256
    assert int(service["mem_limit"]) > 0
    assert 0 < float(service["cpus"]) <= 1
    assert service["logging"] == {"driver": "json-file", "options": {"max-size": "10m", "max-file": "3"}}


def test_only_chat_and_pages_are_published_and_only_here(services: dict[str, Any]) -> None:
    published = {
        (name, port["host_ip"], int(port["published"])) for name, service in services.items() for port in service.get("ports", [])
    }
    chat = {("server", "127.0.0.1", 6697), ("server", "127.0.0.1", 12345)}
    pages = {("load", "127.0.0.1", 8089), ("prometheus", "127.0.0.1", 9090), ("grafana", "127.0.0.1", 3000)}
    assert published == chat | pages


def test_who_sees_which_volume(services: dict[str, Any]) -> None:
    assert mounts(services["certs"]) == {"certs": True, "ca": True, "ca-public": True}
    assert mounts(services["server"]) == {"certs": False, "data": True}
    for name in CLIENTS:
        kept = {"bots": True} if name == "bots" else {}
        assert mounts(services[name]) == {"ca-public": False, **kept}, name
    assert mounts(services["load"]) == {"ca-public": False, "results": True}
    for name in ("prometheus", "grafana"):
        assert [source for source, writable in mounts(services[name]).items() if writable] == [name]


def test_certificates_are_made_without_a_network_and_bots_have_no_way_out(services: dict[str, Any]) -> None:
    assert services["certs"]["network_mode"] == "none"
    for name in ("bots", "load-worker"):
        assert list(services[name]["networks"]) == ["inside"]


@pytest.mark.parametrize("name", ["server", "bots"])
def test_processes_have_no_rights(stack: Stack, name: str) -> None:
    status = stack.shell(name, "cat /proc/[0-9]*/status")
    fields = dict.fromkeys(("Uid", "Gid", "CapEff", "CapPrm", "CapBnd", "NoNewPrivs", "Seccomp"), frozenset[str]())
    for line in status.splitlines():
        key, _, value = line.partition(":")
        if key in fields:
            fields[key] |= {value.strip().split()[0]}
    none = frozenset({"0" * 16})
    assert fields == {
        "Uid": {"10001"},
        "Gid": {"10001"},
        "CapEff": none,
        "CapPrm": none,
        "CapBnd": none,
        "NoNewPrivs": {"1"},
        "Seccomp": {"2"},
    }


def test_server_can_write_only_its_data(stack: Stack) -> None:
    for folder in ("/", "/app", "/certs", "/opt/packages", "/etc"):
        stack.shell("server", f"! touch {folder}/probe 2>/dev/null")
    stack.shell("server", "touch /data/probe && rm /data/probe")


def test_server_sees_no_authority_key_and_clients_no_key_at_all(stack: Stack) -> None:
    assert stack.shell("server", "find /ca /certs/ca -type f 2>/dev/null || true") == ""
    assert stack.shell("bots", "ls /ca-public").split() == ["ca.pem"]
    assert stack.shell("bots", "find /app /ca-public / -xdev -name 'key.pem' 2>/dev/null || true") == ""


def test_images_hold_no_compiler_and_only_what_each_needs(stack: Stack) -> None:
    stack.shell("server", "! command -v cc gcc g++ clang make")
    stack.shell("server", "! python -c 'import locust' 2>/dev/null && ! python -c 'import prompt_toolkit' 2>/dev/null")
    stack.shell("bots", "! python -c 'import cryptography' 2>/dev/null && ! python -c 'import server' 2>/dev/null")


def files_in(layers: tarfile.TarFile) -> Iterator[tuple[str, bytes]]:
    """Every regular file of every layer that `docker save` wrote, once deleted ones included."""
    for member in layers:
        content = layers.extractfile(member)
        if content is None:
            continue
        if member.name.endswith("layer.tar") or member.name.startswith("blobs/"):
            data = content.read()
            try:
                with tarfile.open(fileobj=io.BytesIO(data)) as layer:
                    for entry in layer:
                        if entry.isreg() and (body := layer.extractfile(entry)) is not None:
                            yield entry.name, body.read()
            except tarfile.ReadError:  # a manifest
                yield member.name, data
        else:
            yield member.name, content.read()


@pytest.mark.usefixtures("stack")
@pytest.mark.parametrize("target", ["server", "client", "load"])
def test_no_layer_holds_a_private_key(target: str) -> None:
    with subprocess.Popen(["docker", "save", f"{IMAGES}-{target}"], stdout=subprocess.PIPE) as saved:
        assert saved.stdout is not None
        seen, keys = 0, []
        with tarfile.open(fileobj=saved.stdout, mode="r|") as layers:
            for name, body in files_in(layers):
                seen += 1
                if KEY.search(body):
                    keys.append(name)
    assert saved.returncode == 0
    assert seen > 1000, "the layers were not read"
    assert keys == []


def test_the_search_for_keys_finds_one() -> None:
    body = b"-----BEGIN EC PRIVATE KEY-----\n" + b"A" * 64 + b"\n-----END EC PRIVATE KEY-----\n"
    assert KEY.search(body)
    assert not KEY.search(b'x = "-----BEGIN PRIVATE KEY-----"; y = 1')


@pytest.mark.usefixtures("stack")
def test_image_of_the_server_names_its_user_and_health_command() -> None:
    inspected = json.loads(
        subprocess.run(["docker", "image", "inspect", f"{IMAGES}-server"], capture_output=True, check=True).stdout
    )
    config = inspected[0]["Config"]
    assert config["User"] == "10001:10001"
    assert config["Healthcheck"]["Test"] == ["CMD", "python", "-m", "server.health", "--ca", "/certs/ca.pem"]
    assert config["Cmd"][:3] == ["python", "-m", "server"]
