"""What a process measures of itself, for Prometheus: the list of metrics, and how to count.

``METRICS`` names every metric once, with its kind, labels and meaning; docs/metrics.md shows the
same list. Rooms are handed a ``Metrics`` and say ``count``, ``observe`` or ``show``; by default
that is
``NO_METRICS``, which does nothing. ``PrometheusMetrics`` keeps the numbers, and ``serve`` offers
them over HTTP.

Names follow Prometheus' conventions: a unit at the end, ``_total`` for counters, base units. Labels
take few values: no metric is labelled by what a stranger may choose. This module knows nothing of
what is counted.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

from assay.errors import Unavailable

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

_SLOW_S: Final = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 12.0, 30.0, 120.0)
"""From an answer next door to the longest that an axon works for one caller."""


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric: ``kind`` is counter, gauge or histogram."""

    kind: str
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()


METRICS: Final[dict[str, Metric]] = {
    # A validator's work.
    "assay_turns_total": Metric("counter", "Turns of the task, by how they ended.", ("outcome",)),
    "assay_turn_seconds": Metric("histogram", "How long a turn took.", (), _SLOW_S),
    "assay_answers_total": Metric(
        "counter",
        "Answers that miners gave, by outcome (reply, or why there is none) and by who asked.",
        ("outcome", "origin"),
    ),
    "assay_answer_latency_seconds": Metric(
        "histogram", "How long replies took, from signing the request on.", (), _SLOW_S
    ),
    "assay_opinion": Metric("gauge", "Moving average of a uid's verdicts.", ("uid",)),
    "assay_weights_total": Metric(
        "counter",
        "Attempts to set weights: set, sealed, unavailable, or why refused.",
        ("outcome",),
    ),
    # What every neuron does.
    "assay_chain_block": Metric("gauge", "The newest finalized block that was read."),
    "assay_published_total": Metric(
        "counter", "Records and addresses sent to the chain, by outcome.", ("what", "outcome")
    ),
    "assay_alpha_paid": Metric("gauge", "Alpha that the last epoch paid this neuron, in rao."),
}


class Metrics(Protocol):
    """Where a room says what happened. Names are those of ``METRICS``, labels theirs."""

    def count(self, name: str, amount: float = 1.0, /, **labels: str) -> None:
        """Add to a counter."""
        ...

    def observe(self, name: str, value: float, /, **labels: str) -> None:
        """Put a value into a histogram."""
        ...

    def show(self, name: str, value: float, /, **labels: str) -> None:
        """Set a gauge."""
        ...


class NoMetrics:
    """Measures nothing."""

    def count(self, name: str, amount: float = 1.0, /, **labels: str) -> None: ...

    def observe(self, name: str, value: float, /, **labels: str) -> None: ...

    def show(self, name: str, value: float, /, **labels: str) -> None: ...


NO_METRICS: Final = NoMetrics()


class PrometheusMetrics:
    """Keeps the numbers of one process in a registry of its own."""

    def __init__(self) -> None:
        from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

        self.registry: CollectorRegistry = CollectorRegistry()
        self._known: dict[str, Any] = {}
        for name, metric in METRICS.items():
            if metric.kind == "histogram":
                self._known[name] = Histogram(
                    name,
                    metric.help,
                    metric.labels,
                    buckets=metric.buckets,
                    registry=self.registry,
                )
            else:
                kind = Counter if metric.kind == "counter" else Gauge
                self._known[name] = kind(name, metric.help, metric.labels, registry=self.registry)

    def count(self, name: str, amount: float = 1.0, /, **labels: str) -> None:
        self._of(name, labels).inc(amount)

    def observe(self, name: str, value: float, /, **labels: str) -> None:
        self._of(name, labels).observe(value)

    def show(self, name: str, value: float, /, **labels: str) -> None:
        self._of(name, labels).set(value)

    def text(self) -> str:
        """All numbers in Prometheus' text format."""
        from prometheus_client import generate_latest

        return generate_latest(self.registry).decode()

    def _of(self, name: str, labels: dict[str, str]) -> Any:
        metric = self._known[name]
        return metric.labels(**labels) if labels else metric


@contextlib.contextmanager
def serve(metrics: PrometheusMetrics, host: str, port: int) -> Iterator[int]:
    """Offer the numbers at ``http://host:port/metrics`` while the block runs; yields the port.

    Unavailable if the port is taken. The server is a thread of its own: a busy event loop is when
    the numbers are wanted most.
    """
    from prometheus_client import start_http_server

    try:
        server, thread = start_http_server(port, addr=host, registry=metrics.registry)
    except OSError as error:
        raise Unavailable(
            f"Cannot offer metrics on {host}:{port}: {error.strerror or error}.",
            "Give another --metrics-port, or stop what listens there.",
        ) from None
    try:
        yield int(server.server_port)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
