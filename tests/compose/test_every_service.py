"""What holds for every service of docker-compose.yml, in whatever profile, whoever added it: from `docker compose config`."""

from __future__ import annotations

import re
from typing import Any

import pytest

pytestmark = [pytest.mark.compose, pytest.mark.timeout(120)]

# Ways out of a container, and of its limits
FORBIDDEN: tuple[str, ...] = (
    "privileged",
    "cap_add",
    "devices",
    "device_cgroup_rules",
    "pid",
    "ipc",
    "userns_mode",
    "cgroup",
    "cgroup_parent",
)
FORBIDDEN += ("volumes_from", "links", "extra_hosts", "security_context", "credential_spec", "oom_kill_disable", "runtime")
SECRET = re.compile(r"PASS|SECRET|TOKEN|PRIVATE|CREDENTIAL", re.IGNORECASE)
Services = dict[str, Any]


def wrong(services: Services, rule: Any) -> dict[str, Any]:
    """What the rule says of each service, where it says anything."""
    return {name: said for name, service in services.items() if (said := rule(service))}


def test_nothing_leads_out_of_a_container(services: Services) -> None:
    assert wrong(services, lambda service: [key for key in FORBIDDEN if service.get(key)]) == {}
    assert wrong(services, lambda service: service.get("network_mode", "none") != "none") == {}


def test_no_rights_no_new_ones_and_a_root_that_is_read_only(services: Services) -> None:
    assert wrong(services, lambda service: service["cap_drop"] != ["ALL"]) == {}
    assert wrong(services, lambda service: service["security_opt"] != ["no-new-privileges:true"]) == {}
    assert wrong(services, lambda service: service["read_only"] is not True) == {}


def test_nobody_is_root_and_every_user_is_a_number(services: Services) -> None:
    """A name is looked up in the image, so what it means is the image's decision; a number is ours."""
    assert wrong(services, lambda service: not re.fullmatch(r"[1-9]\d*:\d+", service["user"])) == {}


def test_what_may_be_written_without_a_volume_is_small_and_runs_nothing(services: Services) -> None:
    def rule(service: Any) -> Any:
        return [
            mount
            for mount in service["tmpfs"]
            if not {"noexec", "nosuid", "nodev"} <= set(mount.split(":")[1].split(",")) or "size=" not in mount
        ]

    assert wrong(services, rule) == {}
    assert wrong(services, lambda service: [v for v in service.get("volumes", []) if v["type"] == "tmpfs"]) == {}


def test_everything_has_a_limit(services: Services) -> None:
    assert wrong(services, lambda service: not 0 < service["pids_limit"] <= 256) == {}
    assert wrong(services, lambda service: not 0 < int(service["mem_limit"]) <= 1 << 30) == {}
    assert wrong(services, lambda service: not 0 < float(service["cpus"]) <= 1) == {}
    rotated = {"driver": "json-file", "options": {"max-size": "10m", "max-file": "3"}}
    assert wrong(services, lambda service: service["logging"] != rotated) == {}


def test_everything_ends_in_time_and_leaves_no_orphans(services: Services) -> None:
    assert wrong(services, lambda service: service["init"] is not True) == {}
    assert wrong(services, lambda service: service["stop_grace_period"] != "15s") == {}


def test_what_is_published_is_for_this_machine_only(services: Services) -> None:
    def rule(service: Any) -> Any:
        return [port for port in service.get("ports", []) if port.get("host_ip") != "127.0.0.1"]

    assert wrong(services, rule) == {}


def test_who_has_no_published_port_has_no_way_out(services: Services) -> None:
    """`outside` is the only network that is not internal."""
    assert wrong(services, lambda service: "outside" in (service.get("networks") or {}) and not service.get("ports")) == {}


def test_files_of_the_machine_are_ours_and_read_only(services: Services) -> None:
    def rule(service: Any) -> Any:
        bound = [volume for volume in service.get("volumes", []) if volume["type"] == "bind"]
        return [volume["source"] for volume in bound if not volume.get("read_only") or "/deploy/" not in volume["source"]]

    assert wrong(services, rule) == {}


def test_the_authoritys_key_is_with_the_service_that_signs_and_nowhere_else(services: Services) -> None:
    def holders(volume: str, *, writable: bool = False) -> set[str]:
        return {
            name
            for name, service in services.items()
            for mount in service.get("volumes", [])
            if mount.get("source") == volume and not (writable and mount.get("read_only"))
        }

    assert holders("ca") == {"certs"}
    assert holders("certs") == {"certs", "server"}
    assert holders("certs", writable=True) == holders("ca-public", writable=True) == {"certs"}
    assert holders("data") == {"server"}
    assert services["certs"]["network_mode"] == "none"


def test_no_secret_is_in_an_environment(services: Services) -> None:
    """Whoever may `docker inspect` reads them; and what has a default here would be everybody's."""

    def rule(service: Any) -> Any:
        given = (service.get("environment") or {}).items()
        return [key for key, value in given if SECRET.search(key) and value not in (None, "", "true", "false")]

    assert wrong(services, rule) == {}


def test_images_of_others_have_a_version(services: Services) -> None:
    def rule(service: Any) -> Any:
        return "build" not in service and not re.search(r":v?\d+\.\d+\.\d+(@sha256:[0-9a-f]{64})?$", service["image"])

    assert wrong(services, rule) == {}
