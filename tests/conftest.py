"""What holds for every test: long files go first, an example has no deadline, a skip is counted, a
failure is told at once.

A test that is skipped where its subject is missing is a kindness to whoever works on something
else. Where everything is there (``.ci/run`` makes it so, and sets ``ASSAY_NO_SKIPS``), a skip is a
test that silently does not run; there it has failed. ``MAY_SKIP`` lists what a machine may really
be unable to do. Where everything is there, a run may also be ended from outside before pytest sums
up: each failure is told there when it happens.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Generator
from itertools import zip_longest
from pathlib import Path
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


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the files first that take long, those that mostly wait (for a chain's epochs) beside
    those that mostly compute: a worker that begins such a file last is waited for by the others.
    Files stay whole and tests in their order."""
    files: dict[Path, list[pytest.Item]] = {}
    for item in items:
        files.setdefault(item.path, []).append(item)
    waiting, computing = (
        [path for path, own in files.items() if any(map(_marked(name), own))]
        for name in ("e2e", "inference")
    )
    long = (path for pair in zip_longest(waiting, computing) for path in pair if path is not None)
    items[:] = [item for path in dict.fromkeys([*long, *files]) for item in files[path]]


def _marked(name: str) -> Callable[[pytest.Item], bool]:
    return lambda item: item.get_closest_marker(name) is not None


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


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Tell a failure where it is counted: by the one process, or by the one that leads workers."""
    if report.failed and os.environ.get(NO_SKIPS) and "PYTEST_XDIST_WORKER" not in os.environ:
        told = f"\nFAILED {report.nodeid} ({report.when})\n{report.longreprtext}\n"
        sys.stderr.write(told)
