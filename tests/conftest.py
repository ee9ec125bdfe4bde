"""What holds for every test. With ``ASSAY_NO_SKIPS`` in the environment a skipped test has failed.

A test that is skipped where its subject is missing is a kindness to whoever works on something
else. Where everything is there (``.ci/run`` makes it so), a skip is a test that silently does not
run; there it counts as what it is. ``MAY_SKIP`` lists what a machine may really be unable to do.
"""

from __future__ import annotations

import os
from collections.abc import Generator
from typing import TypeVar

import pytest

_Report = TypeVar("_Report", pytest.TestReport, pytest.CollectReport)

NO_SKIPS = "ASSAY_NO_SKIPS"
MAY_SKIP = ("this machine lets nobody make a namespace to mount in",)
"""Reasons that stand even then: they are about the kernel, not about what was installed."""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    return _judged((yield), item.nodeid)


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    return _judged((yield), collector.nodeid)


def _judged(report: _Report, name: str) -> _Report:
    if report.skipped and os.environ.get(NO_SKIPS) and not hasattr(report, "wasxfail"):
        reason = str(report.longrepr)
        if not any(allowed in reason for allowed in MAY_SKIP):
            report.outcome = "failed"
            report.longrepr = f"{name} was skipped where every test must run: {reason}"
    return report
