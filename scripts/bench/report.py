"""What every benchmark says, in the one form that tools read.

A benchmark is ``scripts/bench/NAME [--json] [--quick]``. It prints ``{"name", "machine", "commit",
"rows"}`` as one JSON document, or a line a row for people, on stdout; progress goes to stderr. A
row has its target, and whether it was met; the exit code is 1 if one was missed. Standard library
only, and nothing of ours: it must load whatever is broken.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
DIGITS = 4  # of a figure; beyond them is noise on any machine


def tell(text: str) -> None:
    """Progress, for whoever watches."""
    sys.stderr.write(text + "\n")


def arguments(doc: str, quick: str) -> argparse.ArgumentParser:
    """The two options that all have; the rest is the benchmark's own."""
    parser = argparse.ArgumentParser(
        description=doc, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="one document on stdout")
    parser.add_argument("--quick", action="store_true", help=quick)
    return parser


def row(
    metric: str,
    values: float | Sequence[float],
    unit: str,
    *,
    target: float | None = None,
    least: bool = False,
) -> dict[str, Any]:
    """One figure, or the median of several with the least and the largest beside it.

    ``target`` is the most that it may be, with ``least`` the least.
    """
    several = {"spread": spread(values)} if isinstance(values, Sequence) else {}
    value = statistics.median(values) if isinstance(values, Sequence) else values
    met = None if target is None else (value >= target if least else value <= target)
    return {
        "metric": metric, "value": _short(value), "unit": unit,
        **several,
        "peer": None, "peer_value": None, "ratio": None, "target": target, "met": met,
    }  # fmt: skip


def against(
    metric: str,
    ours: Sequence[float],
    unit: str,
    *,
    peer: str,
    theirs: Sequence[float],
    target: float | None = None,
    least: bool = False,
) -> dict[str, Any]:
    """Medians beside a peer's. ``ratio`` says how many times better ours is, ``target`` how many
    it must be; ``least``: more is better."""
    value, peer_value = statistics.median(ours), statistics.median(theirs)
    ratio = value / peer_value if least else peer_value / value
    return {
        "metric": metric, "value": _short(value), "unit": unit, "spread": spread(ours),
        "peer": peer, "peer_value": _short(peer_value), "peer_spread": spread(theirs),
        "ratio": round(ratio, 2), "target": target,
        "met": None if target is None else ratio >= target,
    }  # fmt: skip


def spread(values: Sequence[float]) -> list[float]:
    return [_short(min(values)), _short(max(values))]


def _short(value: float) -> float:
    return float(f"{value:.{DIGITS}g}") if abs(value) < 1 else round(value, DIGITS)


def begin(name: str) -> dict[str, Any]:
    """The document so far: where and what is measured, and how busy the machine is before it."""
    return {"name": name, "machine": _machine(), "commit": _commit()}


def finish(document: dict[str, Any], rows: list[dict[str, Any]], *, as_json: bool) -> int:
    """Print the document; the exit code."""
    document["rows"] = rows
    if as_json:
        sys.stdout.write(json.dumps(document) + "\n")
    else:
        sys.stdout.write(f"{document['machine']}\n")
        for found in rows:
            sys.stdout.write(_line(found) + "\n")
    return 0 if all(found["met"] is not False for found in rows) else 1


def _line(found: dict[str, Any]) -> str:
    text = f"{found['metric']}: {found['value']:g} {found['unit']}"
    if found["peer"]:
        text += f", {found['peer']} {found['peer_value']:g}, {found['ratio']:g} times better"
    if found.get("before") is not None:
        text += f", before {found['before']:g}"
    if found["met"] is not None:
        text += " (met)" if found["met"] else f" (MISSED: {found['target']:g})"
    return text


def _machine() -> str:
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [line for line in cpuinfo.read_text().splitlines() if line.startswith("model name")]
        model = names[0].split(":")[1].strip() if names else model
    load = f"{os.getloadavg()[0]:.1f}"
    return (
        f"{model}, {os.cpu_count()} cores, Python {platform.python_version()}, load {load} at start"
    )


def _commit() -> str:
    found = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True
    )
    return found.stdout.strip() or "unknown"
