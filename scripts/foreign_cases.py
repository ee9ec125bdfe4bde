"""A pytest plugin that writes what becomes of each case of a foreign suite, as it happens.

``scripts/foreign_suites`` loads it into the suite's own Python (``-p foreign_cases``), where
nothing of ours is installed: standard library and pytest only. Into the file that FOREIGN_CASES
names goes one JSON object a line: first the cases that were found, then one for each that is over.
A file that is cut short by its time limit thus still has a row for every case. It changes no test
and reads no settings of the suite.
"""

from __future__ import annotations

import json
import os
import time
from typing import Any

import pytest

MESSAGE_CHARS_MAX = 2_000
"""The last lines of a failure name its cause; a whole traceback of a client is some 100,000."""


class Cases:
    """What happened so far: a case is as good as the worst of its three phases."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.started = 0.0

    def say(self, **row: Any) -> None:
        """Append ``row`` at once: the process may be ended at any time."""
        with open(self.path, "a", encoding="utf-8") as sink:
            sink.write(json.dumps(row) + "\n")

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self.say(found=[item.nodeid for item in session.items])

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self.started = time.monotonic()
        self.say(begun=nodeid)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            outcome = "failed" if report.when == "call" else "error"
        elif report.skipped:
            outcome = "xfailed" if hasattr(report, "wasxfail") else "skipped"
        elif report.when == "call":
            outcome = "passed"
        else:
            return
        text = "" if outcome == "passed" else report.longreprtext
        if outcome == "skipped" and isinstance(report.longrepr, tuple):
            text = str(report.longrepr[-1])
        self.say(
            case=report.nodeid,
            outcome=outcome,
            seconds=round(time.monotonic() - self.started, 1),
            message=text[-MESSAGE_CHARS_MAX:],
        )

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.say(
                case=report.nodeid,
                outcome="not collected",
                seconds=0.0,
                message=report.longreprtext[-MESSAGE_CHARS_MAX:],
            )


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Cases(os.environ["FOREIGN_CASES"]), "foreign-cases")
