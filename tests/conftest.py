"""What holds for every test: an example has no deadline, and a skip is counted.

A test that is skipped where its subject is missing is a kindness to whoever works on something
else. Where everything is there (``.ci/run`` makes it so, and sets ``ASSAY_NO_SKIPS``), a skip is a
test that silently does not run; there it has failed. ``MAY_SKIP`` lists what a machine may really
be unable to do.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Generator
from typing import TypeVar

import pytest
from hypothesis import HealthCheck, settings

# How long an example takes says how busy the machine is, not whether the code is right.
settings.register_profile("house", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("house")

# A shell starts what it runs in the background with SIGINT ignored, and children inherit that: then
# no test could interrupt a program.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

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
