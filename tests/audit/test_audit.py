"""What `make audit` makes of other tools' answers: each kind of fault is one. The tools themselves run in `make audit`."""

from __future__ import annotations

import copy
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from audit import __main__ as command
from audit import bill, grade, image, lint
from audit.served import make_certificates, served
from audit.tools import ROOT, AuditError, run


def scanned() -> dict[str, Any]:
    """sslyze's JSON, as far as it is read, of a server as it should be."""

    def suites(*names: str) -> dict[str, Any]:
        return {"accepted_cipher_suites": [{"cipher_suite": {"name": name}} for name in names]}

    leaf = {
        "public_key": {"algorithm": "ECPublicKey", "ec_curve_name": "secp256r1"},
        "signature_hash_algorithm": {"name": "sha256"},
    }
    paths = [
        {"trust_store": {"name": "Mozilla"}, "was_validation_successful": False},
        {"trust_store": {"name": "Supplied CA file"}, "was_validation_successful": True},
    ]
    results: dict[str, Any] = {f"{version}_cipher_suites": suites() for version in grade.VERSIONS}
    results["tls_1_3_cipher_suites"] = suites("TLS_AES_256_GCM_SHA384", "TLS_AES_128_GCM_SHA256")
    for scan, key in grade.ANSWERS.values():
        results.setdefault(scan, {})[key] = False
    results["tls_1_3_early_data"] = None  # not scheduled
    results["elliptic_curves"] = {"supported_curves": [{"name": "X25519"}]}
    results["certificate_info"] = {
        "certificate_deployments": [{"received_certificate_chain": [leaf], "path_validation_results": paths}]
    }
    return {"server_scan_results": [{"scan_result": {name: {"result": result} for name, result in results.items()}}]}


def facts() -> grade.Facts:
    return grade.reduced(scanned())


# -- sslyze ------------------------------------------------------------------------------------------------------------------


def test_what_stays_of_a_scan_is_sorted_and_without_what_differs_each_time() -> None:
    found = facts()
    assert found["tls_1_3 suites"] == ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384"]
    assert found["tls_1_0 suites"] == []
    assert found["groups"] == ["X25519"]
    assert found["certificates"] == ["secp256r1 sha256"]
    assert found["chain holds against our authority"] is True
    assert "early data" not in found, "what was not scanned is no fact"


def test_the_same_facts_as_the_baseline_are_no_fault(tmp_path: Path) -> None:
    assert grade.judge("modern", facts(), "3.0", accept=True, folder=tmp_path) == []
    assert grade.judge("modern", facts(), "3.0", accept=False, folder=tmp_path) == []


def test_each_difference_is_a_line_and_the_last_says_how_to_accept(tmp_path: Path) -> None:
    grade.judge("modern", facts(), "3.0", accept=True, folder=tmp_path)
    now = facts() | {"groups": ["X448"], "ROBOT": "VULNERABLE", "tls_1_3 suites": ["TLS_AES_256_GCM_SHA384"]}
    *changed, last = grade.judge("modern", now, "3.0", accept=False, folder=tmp_path)
    assert changed == [
        "modern: ROBOT: - False, + VULNERABLE",
        "modern: groups: - X25519, + X448",
        "modern: tls_1_3 suites: - TLS_AES_128_GCM_SHA256",
    ]
    assert "make audit ACCEPT=yes" in last
    assert grade.judge("modern", now, "3.0", accept=True, folder=tmp_path) == []
    assert grade.judge("modern", now, "3.0", accept=False, folder=tmp_path) == []


def test_a_release_or_profile_without_a_baseline_is_told(tmp_path: Path) -> None:
    grade.judge("modern", facts(), "3.0", accept=True, folder=tmp_path)
    assert "no baseline for OpenSSL 3.9" in grade.judge("modern", facts(), "3.9", accept=False, folder=tmp_path)[0]
    assert "intermediate: there is no baseline" in grade.judge("intermediate", facts(), "3.0", accept=False, folder=tmp_path)[0]


@pytest.mark.parametrize("name", sorted(grade.NEVER))
def test_no_baseline_excuses_a_vulnerability(tmp_path: Path, name: str) -> None:
    """A23: "TLS 1.2 renegotiation: refused (sslyze “Not vulnerable”)", and its like."""
    bad = facts() | {name: True}
    assert grade.judge("modern", bad, "3.0", accept=True, folder=tmp_path)[0] == f"modern: {name}: True"
    assert list(tmp_path.iterdir()) == [], "and none is written"


def test_a_chain_that_does_not_hold_is_a_fault() -> None:
    document = copy.deepcopy(scanned())
    results = document["server_scan_results"][0]["scan_result"]
    results["certificate_info"]["result"]["certificate_deployments"][0]["path_validation_results"].pop()
    assert list(grade.faults(grade.reduced(document))) == ["the chain does not hold against our authority"]


def test_the_baselines_are_clean_and_say_which_tls_there_is() -> None:
    """A23, from the baseline itself: sslyze found no way to renegotiate."""
    files = sorted(grade.BASELINES.glob("openssl-*.json"))
    assert files
    for file in files:
        known = json.loads(file.read_text())
        assert set(known) == set(grade.PROFILES), file
        for profile, kept in known.items():
            assert list(grade.faults(kept)) == []
            assert kept["client renegotiation"] is False
            assert bool(kept["tls_1_2 suites"]) == (profile == "intermediate")
            assert not any(kept[f"{version} suites"] for version in ("ssl_2_0", "ssl_3_0", "tls_1_0", "tls_1_1"))


def test_openssl_release_is_major_and_minor() -> None:
    assert grade.openssl_release((3, 5, 0, 4, 0)) == "3.5"


# -- the tools of certificates and images ------------------------------------------------------------------------------------


def test_only_localhost_is_allowed_and_only_where_it_is_named() -> None:
    document = {
        "results": [
            {"finding_descriptions": [{"code": "pkix.invalid_domain_name_syntax", "message": LOCALHOST_MESSAGE}]},
            {"finding_descriptions": [{"code": "pkix.other", "message": None}]},
        ]
    }
    found = lint.findings(document)
    assert lint.complaints("server", found, names_localhost=True) == ["server: pkix.other"]
    assert lint.complaints("server", found[:1], names_localhost=True) == []
    assert lint.complaints("client", found[:1], names_localhost=False) == [f"client: {lint.LOCALHOST}"]
    assert "says nothing of localhost any more" in lint.complaints("server", [], names_localhost=True)[0]


LOCALHOST_MESSAGE = 'Invalid domain name syntax: "localhost"'


def test_a_failed_check_of_the_image_and_a_file_that_was_not_read_are_faults() -> None:
    check = {"check_id": "CKV_DOCKER_3", "check_name": "a user", "file_line_range": [7, 9]}
    document = {"results": {"failed_checks": [check]}, "summary": {"parsing_errors": 0, "passed": 3}}
    assert image.failures(document) == ["CKV_DOCKER_3: a user (line 7)"]
    nothing = {"results": {"failed_checks": []}, "summary": {"parsing_errors": 0, "passed": 0}}
    assert image.failures(nothing) == ["checkov did not read the Dockerfile"]


def test_an_exception_in_the_dockerfile_is_a_fault() -> None:
    assert image.exceptions("FROM a\n#  hadolint  ignore=DL3008\n# checkov:skip=X:why\n") == [
        "line 2 makes an exception: #  hadolint  ignore=DL3008",
        "line 3 makes an exception: # checkov:skip=X:why",
    ]
    assert image.exceptions((ROOT / "Dockerfile").read_text()) == []


# -- the bill ----------------------------------------------------------------------------------------------------------------


PINS = (
    "# made\nPy_Argon==1.0 \\\n    --hash=sha256:"
    + "a" * 64
    + "\nother==2 ; python_version < '3.12' \\\n    --hash=sha256:"
    + "b" * 64
)


def bom() -> dict[str, Any]:
    def component(name: str, version: str, digest: str) -> dict[str, Any]:
        hashes = [{"alg": "SHA-256", "content": digest * 64}, {"alg": "MD5", "content": "x"}]
        return {"name": name, "version": version, "externalReferences": [{"hashes": hashes}, {}]}

    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "components": [component("py.argon", "1.0", "a"), component("other", "2", "b")],
    }


def test_a_bill_that_says_what_the_pins_do_is_right() -> None:
    assert bill.pinned(PINS) == {"py-argon": ("1.0", {"a" * 64}), "other": ("2", {"b" * 64})}
    assert bill.complaints("x", bom(), bill.pinned(PINS)) == []


def test_what_a_bill_lacks_or_has_too_much_is_told() -> None:
    wrong = bom() | {"specVersion": "1.4"}
    wrong["components"][0]["version"] = "1.1"
    wrong["components"][1]["name"] = "stranger"
    assert bill.complaints("x", wrong, bill.pinned(PINS)) == [
        "x: it is not CycloneDX 1.6",
        "x: other is not in it",
        "x: stranger is in it and not pinned",
        "x: version or hashes of py-argon are not those of the pins",
    ]


@pytest.mark.parametrize("pins", bill.IMAGES.values())
def test_the_pins_of_every_image_are_read_whole(pins: str) -> None:
    text = (ROOT / "requirements" / f"{pins}.txt").read_text()
    found = bill.pinned(text)
    assert sum(len(hashes) for _, hashes in found.values()) == text.count("--hash=sha256:")


# -- running -----------------------------------------------------------------------------------------------------------------


def test_the_server_is_met_as_it_ships(tmp_path: Path) -> None:
    certs = make_certificates(tmp_path / "certs")
    with served(certs, "--tls", "modern") as server:
        assert server.port
        assert server.negotiated.startswith("TLSv1.3, ")
    with (
        pytest.raises(AuditError, match=r"The server did not start: .*allowed is one of intermediate, modern"),
        served(certs, "--tls", "old"),
    ):
        pass


def test_a_tool_that_is_missing_or_fails_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(AuditError, match="run `make audit`, which installs it"):
        run([tmp_path / "sslyze"])
    with pytest.raises(AuditError, match=r"ended with 3: told"):
        run([sys.executable, "-c", "import sys; print('told', file=sys.stderr); sys.exit(3)"])
    assert run([sys.executable, "-c", "import sys; print('said'); sys.exit(1)"], allowed=(0, 1)) == "said\n"


def test_steps_that_do_not_exist_and_faults_end_with_1(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["audit", "tsl"])
    assert command.main() == 1
    assert "there is no tsl; there are tls, certificates, image, sbom" in capsys.readouterr().err
    monkeypatch.setattr(sys, "argv", ["audit", "image"])
    monkeypatch.setattr(image, "audit", lambda *_: ["a fault"])
    assert command.main() == 1
    assert "FAULT a fault" in capsys.readouterr().out
    monkeypatch.setattr(image, "audit", lambda *_: [])
    assert command.main() == 0
