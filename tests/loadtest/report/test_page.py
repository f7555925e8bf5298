"""The HTML file: whole, offline, and deaf to whatever a hostile server put into it."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from loadtest.histogram import Histogram
from loadtest.report import Unreadable, main, page, plots, read, run_page, write_html
from tests.loadtest.report import samples
from tests.loadtest.running import ROOT

VOID = {"meta", "link", "br", "img", "hr", "input"}


class Reader(HTMLParser):
    """Tags, their attributes and the text, with a check that every tag is closed in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.raw: dict[str, list[str]] = {"script": [], "style": []}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] in self.raw:
            self.raw[self.open[-1]].append(data)
        else:
            self.words.append(data)


def parsed(html: str) -> Reader:
    reader = Reader()
    reader.feed(html)
    reader.close()
    assert reader.open == []
    return reader


@pytest.mark.parametrize("shape", ["steady", "stall", "storm", "knee", "slow", "soak"])
def test_every_shape_is_a_whole_page(shape: str) -> None:
    html = run_page.render(samples.result(shape, 30))
    reader = parsed(html)
    assert "nan" not in re.sub("[a-z]+nan|nan[a-z]+", "", " ".join(reader.words).lower())
    assert len(html) < 1_000_000
    ids = [attributes["id"] for _, attributes in reader.tags if "id" in attributes]
    assert len(ids) == len(set(ids))


def test_a_minute_stays_under_a_megabyte() -> None:
    assert len(run_page.render(samples.result("storm", 60)).encode()) < 600_000


def test_it_says_what_matters() -> None:
    words = " ".join(parsed(run_page.render(samples.result("stall", 20))).words)
    for said in (
        "✗ failed",
        "loss==0: 3 receipts dropped",
        "deliver.p99<250ms",
        "parley-0.1.0",
        "#room-1 u0004",
        "TLSv1.3",
        "18.1\xa0KiB",
    ):
        assert said in words
    words = " ".join(parsed(run_page.render(samples.result("slow", 20) | {"aborted": "It was enough."})).words)
    for said in ("! not valid", "Ended early: It was enough.", "half-tcp", "until the server closed it"):
        assert said in words
    assert "The server closed the connection." in run_page.render(samples.result("storm", 20))
    assert "server.rss_kib" in run_page.render(samples.result("soak", 20))


def test_units_of_objectives_are_those_they_are_written_in() -> None:
    assert run_page.in_unit("deliver.p99<250ms", 0.0124) == "12.4\xa0ms"
    assert run_page.in_unit("connect.fail<0.1%", 0.005) == "0.5%"
    assert run_page.in_unit("loss==0", 3.0) == "3"
    assert run_page.in_unit("server.cpu<2", None) == "no figure"
    assert run_page.in_unit("recover.p99<10s", 2.0) == "2\xa0s"


def test_only_its_own_script_and_styles_may_run_and_nothing_is_fetched() -> None:
    reader = parsed(run_page.render(samples.result("storm", 20)))
    policy = next(a["content"] or "" for t, a in reader.tags if t == "meta" and a.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    for kind in ("script", "style"):
        digest = base64.b64encode(hashlib.sha256("".join(reader.raw[kind]).encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy
    for tag, attributes in reader.tags:
        assert not {"src", "href", "xlink:href", "srcset", "action", "style"} & attributes.keys(), tag
        assert not [name for name in attributes if name.startswith("on")]
    assert not re.search(r"@import|url\(\s*['\"]?(?!#)", "".join(reader.raw["style"]))


def test_a_hostile_file_gets_no_tag_in() -> None:
    html = run_page.render(samples.hostile())
    reader = parsed(html)
    assert sum(1 for tag, _ in reader.tags if tag == "script") == 1
    assert not [tag for tag, _ in reader.tags if tag == "img"]
    assert not [name for _, attributes in reader.tags for name in attributes if name.startswith("on")]
    assert "\x1b" not in html
    assert "\u202e" not in html
    assert sum("alert(1)" in word for word in reader.words) > 20


def test_a_plot_is_a_file_of_its_own() -> None:
    plot = plots.spectra("s", {samples.HOSTILE: histogram()})
    assert plot is not None
    svg = page.standalone(plot)
    found = ElementTree.fromstring(svg.encode())
    assert [e.tag.rpartition("}")[2] for e in found][:3] == ["title", "style", "rect"]
    assert "prefers-color-scheme" in svg
    assert "data-hover" not in svg
    assert "<script" not in svg


def test_parts_for_other_pages() -> None:
    assert page.section("x", "") == ""
    assert page.grid([None]) == ""
    assert page.words([]) == ""
    assert "<caption>a &amp; b</caption>" in page.table(["<"], [["<b>"]], "a & b")
    assert "&lt;b&gt;" in page.table(["<"], [["<b>"]])
    assert page.text("<") == "&lt;"


def histogram() -> Histogram:
    out = Histogram()
    for n in range(100):
        out.record(n * 7)
    return out


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"timeline": 5}, "timeline"),
        ({"timeline": ["x"]}, "timeline[0]"),
        ({"timeline": [{"t": "now"}]}, "timeline[0].t"),
        ({"timeline": [{"t": True}]}, "timeline[0].t"),
        ({"timeline": [{"t": 1, "users": float("nan")}]}, "timeline[0].users"),
        ({"timeline": [{"t": 10**400}]}, "timeline[0].t"),
        ({"timeline": [{"t": 1, "valid": 1}]}, "timeline[0].valid"),
        ({"timeline": [{"t": 1, "deliver": {"unit": "s", "buckets": {}}}]}, "timeline[0].deliver"),
        ({"histograms": {"deliver": {"unit": "us", "sub_bits": 5, "buckets": {"-1": 3}}}}, "histograms.deliver.buckets.-1"),
        ({"histograms": {"deliver": {"unit": "us", "sub_bits": 5, "buckets": {"9999": 3}}}}, "histograms.deliver.buckets.9999"),
        ({"histograms": {"deliver": {"unit": "us", "sub_bits": 5, "buckets": {"3": -1}}}}, "histograms.deliver.buckets.3"),
        ({"histograms": {"deliver": {"unit": "us", "sub_bits": 5, "buckets": {"3": 1.5}}}}, "histograms.deliver.buckets.3"),
        ({"histograms": {"deliver": {"unit": "us", "sub_bits": 6, "buckets": {}}}}, "histograms.deliver"),
        ({"phases": [{"name": 3}]}, "phases[0].name"),
        ({"objectives": {}}, "objectives"),
        ({"errors": {"x": "many"}}, "errors.x"),
        ({"ledger": []}, "ledger"),
        ({"server": "none"}, "server"),
        ({"knee": {"p99": "fast"}}, "knee.p99"),
    ],
)
def test_a_broken_file_ends_in_a_sentence_that_names_the_place(change: dict[str, Any], place: str) -> None:
    with pytest.raises(Unreadable) as why:
        run_page.render(samples.result("steady", 3) | change)
    assert f"`{place}` should be " in str(why.value)
    assert str(why.value).endswith(".")


BRIEF = samples.result("storm", 2, users=20, sent=4)


@pytest.mark.parametrize("key", sorted(BRIEF))
@pytest.mark.parametrize("value", [None, 7, "text", [3], {"a": 3}, [None]])
def test_no_field_of_another_type_does_worse_than_a_sentence(key: str, value: object) -> None:
    try:
        html = run_page.render({**BRIEF, key: value})
    except Unreadable:
        return
    parsed(html)


def test_long_lists_are_cut() -> None:
    result = samples.result("steady", 3)
    result["errors"] = {f"error {n}": n for n in range(500)}
    result["ledger"]["senders"] = {f"#room u{n}": {"lost": 1} for n in range(300)}
    html = run_page.render(result)
    assert "and 300 more in results.json" in html
    assert "and 100 more in results.json" in html


def test_anything_in_words() -> None:
    said = {"a": 1.5, "b": "x", "c": ["p", "q"], "d": None, "e": True, "f": {"k": [1]}, "g": 10**30, "h": float("inf")}
    assert [read.Node(v).scalar() for v in said.values()] == ["1.5", "x", "p, q", "–", "yes", '{"k": [1]}', "?", "inf"]
    endless: list[Any] = []
    endless.append(endless)
    assert read.Node(endless).scalar() == "?"


def test_the_command_writes_the_page(tmp_path: Path) -> None:
    source, target = tmp_path / "results.json", tmp_path / "new" / "report.html"
    source.write_text(json.dumps(samples.result("steady", 5)))
    done = subprocess.run(
        [sys.executable, "-m", "loadtest.report", str(source), str(target)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert parsed(target.read_text(encoding="utf-8")).words
    assert [f.name for f in target.parent.iterdir()] == ["report.html"]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"{", "holds no JSON"),
        (b"\xff\xfe", "holds no JSON"),
        (b"[" * 200_000, "holds no JSON"),
        (b"[]", "should be an object"),
        (b"{}", "does not say its version"),
        (b'{"version": 9}', "version 9"),
        (b'{"version": "1"}', "`version` should be a number"),
    ],
)
def test_what_is_no_results_file_is_refused_in_a_sentence(
    content: bytes, sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = tmp_path / "results.json"
    source.write_bytes(content)
    assert main([str(source), str(tmp_path / "out.html")]) == 1
    said = capsys.readouterr().err
    assert sentence in said
    assert said.count("\n") == 1


def test_a_file_that_is_not_there_and_one_that_cannot_be_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path / "none.json"), str(tmp_path / "out.html")]) == 1
    assert "cannot be read: No such file" in capsys.readouterr().err
    source = tmp_path / "results.json"
    source.write_text(json.dumps(samples.result("steady", 2)))
    assert main([str(source), str(source / "out.html")]) == 1
    assert "cannot be written" in capsys.readouterr().err
    assert main([]) == 1
    assert "RESULTS.json OUT.html" in capsys.readouterr().err


def test_text_that_is_no_unicode_is_written_all_the_same(tmp_path: Path) -> None:
    write_html(samples.result("steady", 2) | {"headline": "half a \ud83d pair"}, tmp_path / "out.html")
    assert "half a \ufffd pair" in (tmp_path / "out.html").read_text(encoding="utf-8")


def test_a_run_without_messages_has_no_ledger_and_says_how_it_connected() -> None:
    result = samples.result("steady", 5)
    result["ledger"] = {"sent": 0, "expected": 0, "received": 0}
    words = " ".join(parsed(run_page.render(result)).words)
    assert "Delivery ledger" not in words
    assert "TLS handshake p99" in words
