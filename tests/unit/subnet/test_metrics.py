"""What is counted is what is offered, and a taken port is told in a sentence."""

from __future__ import annotations

import socket
import urllib.request

import pytest
from loguru import logger

from assay.errors import Unavailable
from assay.metrics import NO_METRICS, SERIES_MAX, PrometheusMetrics, offered, serve
from tests.support.scraping import samples, scraped


def test_the_numbers_are_offered_over_http_while_the_block_runs() -> None:
    metrics = PrometheusMetrics()
    metrics.count("assay_turns_total", outcome="finished")
    metrics.count("assay_turns_total", 2, outcome="finished")
    metrics.observe("assay_turn_seconds", 0.3)
    metrics.show("assay_chain_block", 17)
    with (
        serve(metrics, "127.0.0.1", 0) as port,
        urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as reply,
    ):
        text = reply.read().decode()
    assert 'assay_turns_total{outcome="finished"} 3.0' in text
    assert 'assay_turn_seconds_bucket{le="0.5"} 1.0' in text
    assert "assay_chain_block 17.0" in text
    with socket.create_server(("127.0.0.1", port)):
        pass  # given back


def test_a_taken_port_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        offered = serve(PrometheusMetrics(), "127.0.0.1", port)
        with pytest.raises(Unavailable, match="Cannot offer metrics"), offered:
            pass


def test_an_unknown_name_is_a_mistake_of_ours() -> None:
    with pytest.raises(KeyError):
        PrometheusMetrics().count("assay_nothing_total")


def test_a_label_of_endless_values_takes_bounded_memory() -> None:
    """No label should be a stranger's choice; where one is by mistake, the process lives on."""
    metrics = PrometheusMetrics()
    for index in range(SERIES_MAX + 100):
        metrics.count("assay_turns_total", outcome=str(index))
    metrics.count("assay_turns_total", outcome="3")
    found = samples(metrics)
    assert found["assay_turns_total", "other"] == 100
    assert found["assay_turns_total", "3"] == 2
    assert sum(name == "assay_turns_total" for name, *_ in found) == SERIES_MAX + 1


def test_a_process_that_was_asked_for_none_measures_nothing() -> None:
    with offered("127.0.0.1", None) as metrics:
        assert metrics is NO_METRICS


def test_a_process_that_was_asked_says_where_and_offers_its_own_memory_too() -> None:
    told: list[str] = []
    sink = logger.add(told.append, format="{message}")
    try:
        with offered("127.0.0.1", 0) as metrics:
            metrics.show("assay_chain_block", 5)
            found = scraped(int(told[0].rpartition(":")[2].partition("/")[0]))
    finally:
        logger.remove(sink)
    assert found["assay_chain_block",] == 5
    assert found["process_resident_memory_bytes",] > 1_000_000
