"""What is counted is what is offered, and a taken port is told in a sentence."""

from __future__ import annotations

import socket
import urllib.request

import pytest

from assay.errors import Unavailable
from assay.metrics import PrometheusMetrics, serve


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
