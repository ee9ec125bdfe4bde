"""The load, the same for every wire: one caller, then sixteen, each for the given time.

Standard library only: it runs in the peers' environments as well. A caller sends its next request
when the last was answered; an answer counts only if it carried the question's own text.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

CALLERS = (1, 16)
CALLERS_MAX = max(CALLERS)
WARM_UP = 20  # calls of each caller that are not counted: connections, caches


async def measure(once: Callable[[int], Awaitable[bool]], seconds: float) -> dict[str, object]:
    """``once(caller)`` is one call; True if the answer was right."""
    measured: dict[str, object] = {}
    for callers in CALLERS:
        await asyncio.gather(*(_repeat(once, n, WARM_UP, None) for n in range(callers)))
        started = time.perf_counter()
        until = started + seconds
        results = await asyncio.gather(*(_repeat(once, n, None, until) for n in range(callers)))
        took = time.perf_counter() - started
        latencies = sorted(latency for latencies, _ in results for latency in latencies)
        measured[str(callers)] = {
            "requests_per_s": len(latencies) / took,
            "p50_ms": 1000 * latencies[len(latencies) // 2],
            "p95_ms": 1000 * latencies[int(len(latencies) * 0.95)],
            "answered": len(latencies),
            "failed": sum(failed for _, failed in results),
        }
    return measured


async def _repeat(
    once: Callable[[int], Awaitable[bool]], caller: int, count: int | None, until: float | None
) -> tuple[list[float], int]:
    latencies: list[float] = []
    failed = 0
    done = 0
    while (count is None or done < count) and (until is None or time.perf_counter() < until):
        started = time.perf_counter()
        if await once(caller):
            latencies.append(time.perf_counter() - started)
        else:
            failed += 1
        done += 1
    return latencies, failed


def say(document: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(document) + "\n")
    sys.stdout.flush()


def peak_memory_bytes() -> int:
    """The most resident memory that this program has had.

    From ``VmHWM``, which begins anew with a program. ``ru_maxrss`` does not: it begins with what
    the starting process had, so a small program started by a large one reports the large one.
    """
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise SystemExit("this system does not tell a program's peak memory (VmHWM)")
