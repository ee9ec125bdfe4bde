"""What a process measures of itself, for Prometheus: the list of metrics, and how to count.

``METRICS`` names every metric once, with its kind, labels and meaning; docs/metrics.md shows the
same list. Rooms are handed a ``Metrics`` and say ``count``, ``observe`` or ``show``; by default
that is
``NO_METRICS``, which does nothing. ``PrometheusMetrics`` keeps the numbers, and ``serve`` offers
them over HTTP; ``offered`` is what a command calls, which may have been asked for no metrics.

Names follow Prometheus' conventions: a unit at the end, ``_total`` for counters, base units. Labels
take few values: no metric is labelled by what a stranger may choose. This module knows nothing of
what is counted.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

from loguru import logger

from assay.errors import Unavailable

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

_SLOW_S: Final = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 12.0, 30.0, 120.0)
"""From an answer next door to the longest that an axon works for one caller."""

_FAST_S: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
"""From an empty block to the longest that a block may take."""

SERIES_MAX: Final = 1_024
"""Of one metric: several times the uids of a subnet, or the methods and codes of the RPC. A label
that had more values than that would fill the memory; beyond, they are counted as ``other``."""


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
        "Attempts to set or open weights: set, sealed, opened, not_opened, unavailable, or why"
        " refused.",
        ("outcome",),
    ),
    # What every neuron does.
    "assay_axon_requests_total": Metric(
        "counter",
        "Requests to this neuron's axon, by what became of them: reply, stream (begun), or the"
        " code of the refusal.",
        ("outcome",),
    ),
    "assay_axon_answer_seconds": Metric(
        "histogram", "From a request's head to its reply, of requests that got one.", (), _SLOW_S
    ),
    "assay_axon_open_connections": Metric("gauge", "Connections to this neuron's axon now."),
    "assay_axon_connections_total": Metric(
        "counter",
        "Connections made to this neuron's axon: kept, or refused because it has no place.",
        ("outcome",),
    ),
    "assay_dendrite_calls_total": Metric(
        "counter",
        "Calls of this neuron to peers, by outcome: reply (a stream: its head), the code of a"
        " refusal, or the kind of the failure.",
        ("outcome",),
    ),
    "assay_chain_requests_total": Metric(
        "counter", "JSON-RPC requests sent to the chain, by method.", ("method",)
    ),
    "assay_chain_reads_total": Metric(
        "counter",
        "Reads of the chain: answered, lost (tried again), unavailable (given up) or refused.",
        ("outcome",),
    ),
    "assay_chain_read_seconds": Metric(
        "histogram", "How long a read of the chain took, with its repetitions.", (), _SLOW_S
    ),
    "assay_chain_block": Metric("gauge", "The newest finalized block that was read."),
    "assay_published_total": Metric(
        "counter", "Records and addresses sent to the chain, by outcome.", ("what", "outcome")
    ),
    "assay_alpha_paid": Metric("gauge", "Alpha that the last epoch paid this neuron, in rao."),
    # A gateway's work.
    "assay_gateway_requests_total": Metric(
        "counter",
        "Requests of clients, by address and by the status of the reply (499: the client left).",
        ("route", "status"),
    ),
    "assay_gateway_request_seconds": Metric(
        "histogram", "From a client's request to the last byte of its reply.", (), _SLOW_S
    ),
    "assay_gateway_first_token_seconds": Metric(
        "histogram", "From a client's request to the first token of its reply.", (), _SLOW_S
    ),
    "assay_gateway_miner_first_token_seconds": Metric(
        "histogram", "From signing a request to a miner to the miner's first token.", (), _SLOW_S
    ),
    "assay_gateway_tokens_total": Metric(
        "counter", "Tokens that clients were billed: prompt, or completion.", ("kind",)
    ),
    "assay_gateway_answers_total": Metric(
        "counter",
        "Answers that were asked of miners: served, failed (no miner could), or nobody (none was"
        " there or free).",
        ("outcome",),
    ),
    "assay_gateway_hedges_total": Metric(
        "counter", "Second miners that were asked because the first one was late."
    ),
    "assay_gateway_failovers_total": Metric(
        "counter", "Answers that another miner began anew or went on with, after one broke off."
    ),
    "assay_gateway_shown_total": Metric(
        "counter", "Offers of clients' answers to validators, and answers shown.", ("outcome",)
    ),
    "assay_gateway_miner_failures_total": Metric(
        "counter", "Calls of miners that failed, by how.", ("outcome",)
    ),
    "assay_gateway_open_requests": Metric("gauge", "Requests of clients that are served now."),
    # The node of `assay chain start`.
    "assay_blocks_total": Metric(
        "counter", "Blocks that were tried: made, or failed (tried again).", ("outcome",)
    ),
    "assay_block_seconds": Metric("histogram", "How long making a block took.", (), _FAST_S),
    "assay_finalized_block": Metric("gauge", "The newest block, which is final at once."),
    "assay_pool_transactions": Metric(
        "gauge",
        "Transactions that wait for a block: ready, or future (they need another).",
        ("state",),
    ),
    "assay_pool_submissions_total": Metric(
        "counter", "Transactions handed in: accepted, or why not.", ("outcome",)
    ),
    "assay_rpc_calls_total": Metric(
        "counter",
        "RPC calls, by the method's prefix and by outcome: reply, or the code of the error.",
        ("group", "outcome"),
    ),
    "assay_rpc_open_connections": Metric("gauge", "Connections to the RPC now."),
    "assay_rpc_connections_total": Metric(
        "counter",
        "Connections made to the RPC: kept, or refused because there is no place.",
        ("outcome",),
    ),
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
        from prometheus_client import (
            CollectorRegistry,
            Counter,
            Gauge,
            Histogram,
            ProcessCollector,
        )

        self.registry: CollectorRegistry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._known: dict[str, Any] = {}
        self._series: dict[str, dict[tuple[str, ...], Any]] = {name: {} for name in METRICS}
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
        if not labels:
            return metric
        series = self._series[name]
        values = tuple(labels[label] for label in METRICS[name].labels)
        if values not in series and len(series) >= SERIES_MAX:
            values = ("other",) * len(values)
        found = series.get(values)
        if found is None:
            found = series[values] = metric.labels(*values)
        return found


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


@contextlib.contextmanager
def offered(host: str, port: int | None) -> Iterator[Metrics]:
    """The ``Metrics`` of a process, offered at ``host`` and ``port`` while the block runs.

    With None as ``port`` nothing is measured. Unavailable if the port is taken.
    """
    if port is None:
        yield NO_METRICS
        return
    metrics = PrometheusMetrics()
    with serve(metrics, host, port) as taken:
        shown = f"[{host}]" if ":" in host else host
        logger.info("Metrics are offered at http://{}:{}/metrics", shown, taken)
        yield metrics
