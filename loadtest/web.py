"""Tabs in Locust's web page: delivery, connections, health, objectives; and the results and the report of the last run.

The page asks for its figures every two seconds; the rows of the tabs come with the answer, as `extended_stats`.
"""

from __future__ import annotations

import json
from typing import Any, Final, Protocol

from flask import Blueprint, Response, request

from loadtest.report import Unreadable
from loadtest.report.run_page import render
from loadtest.tabs import TABS, Seconds, tables

# A report holds text that a server sent. Its own script runs, and reaches nothing.
POLICY: Final = "; ".join(
    (
        *("sandbox allow-scripts allow-downloads", "default-src 'none'", "img-src data:"),
        *("style-src 'unsafe-inline'", "script-src 'unsafe-inline'"),
    )
)
NO_RUN: Final = "No run has ended yet.\n"


class Source(Protocol):
    """What is needed of the conductor."""

    result: dict[str, Any] | None
    refusal: str

    def live(self) -> dict[str, Any]: ...


def template_args() -> dict[str, Any]:
    """What tells the page of the tabs and of the downloads."""
    return {
        "extended_tabs": [{"key": f"parley-{key}", "title": title} for key, (title, _) in TABS.items()],
        "extended_tables": [
            {"key": f"parley-{key}", "structure": [{"key": k, "title": t} for k, t in columns]}
            for key, (_, columns) in TABS.items()
        ],
        "extended_csv_files": [
            {"href": "./parley/report.html", "title": "Open the load test's report"},
            {"href": "./parley/results.json", "title": "Download results.json"},
        ],
    }


class Pages:
    """Answers of the web server. Nothing of a request goes into a file's name: there are no files."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._seconds = Seconds()
        self._report: tuple[dict[str, Any], str] | None = None

    def with_tabs(self, response: Response) -> Response:
        """Add our rows to the figures that the page asks for."""
        if request.endpoint == "locust.request_stats" and response.is_json and response.status_code == 200:
            live = self._source.live()
            found = tables(live, self._seconds.of(live), self._source.result, self._source.refusal)
            stats = [{"key": f"parley-{key}", "data": rows} for key, rows in found.items()]
            response.set_data(json.dumps({**response.get_json(), "extended_stats": stats}))
        return response

    def results(self) -> Response:
        result = self._source.result
        if result is None:
            return Response(NO_RUN, 404, mimetype="text/plain")
        name = {"Content-Disposition": "attachment; filename=results.json"}
        return Response(json.dumps(result, indent=1, ensure_ascii=False) + "\n", headers=name, mimetype="application/json")

    def report(self) -> Response:
        result = self._source.result
        if result is None:
            return Response(NO_RUN, 404, mimetype="text/plain")
        if self._report is None or self._report[0] is not result:
            try:
                self._report = result, render(result)
            except Unreadable as why:
                return Response(f"{why}\n", 500, mimetype="text/plain")
        return Response(self._report[1], headers={"Content-Security-Policy": POLICY}, mimetype="text/html")


def install(environment: Any, conductor: Source) -> None:
    """Once, in the process that leads and has a web page."""
    web = environment.web_ui
    pages = Pages(conductor)
    ours = Blueprint("parley", __name__, url_prefix=f"{environment.parsed_options.web_base_path or ''}/parley")
    ours.add_url_rule("/results.json", "results", web.auth_required_if_enabled(pages.results))
    ours.add_url_rule("/report.html", "report", web.auth_required_if_enabled(pages.report))
    web.app.register_blueprint(ours)
    web.app.after_request(pages.with_tabs)
    web.template_args.update(template_args())
