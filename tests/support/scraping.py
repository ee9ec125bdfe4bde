"""What a process measures, read as Prometheus reads it: its own parser over the text format."""

from __future__ import annotations

import urllib.request

from prometheus_client.parser import text_string_to_metric_families

from assay.metrics import PrometheusMetrics

Samples = dict[tuple[str, ...], float]
"""By the sample's name and the values of its labels, in the order of the labels' names."""


def parsed(text: str) -> Samples:
    """The samples of a page of metrics."""
    return {
        (sample.name, *(sample.labels[label] for label in sorted(sample.labels))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def samples(metrics: PrometheusMetrics) -> Samples:
    """What was counted in this process."""
    return parsed(metrics.text())


def scraped(port: int, host: str = "127.0.0.1") -> Samples:
    """What the process that offers its metrics at ``port`` has counted."""
    with urllib.request.urlopen(f"http://{host}:{port}/metrics", timeout=10) as reply:
        return parsed(reply.read().decode())
