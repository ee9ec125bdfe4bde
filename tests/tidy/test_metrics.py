"""The page on metrics and the code name the same ones, by Prometheus' own rules."""

from __future__ import annotations

import ast
import re

from assay.metrics import METRICS
from tests.tidy.sources import ROOT, package_sources

PAGE = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
CALLS = {"count": "counter", "observe": "histogram", "show": "gauge"}


def test_the_page_lists_them_all_as_they_are() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \| ([\w, ]*) \| (.+) \|$", PAGE, flags=re.MULTILINE)
    assert rows == [
        (name, metric.kind, ", ".join(metric.labels), metric.help)
        for name, metric in METRICS.items()
    ]


def test_names_follow_the_conventions() -> None:
    for name, metric in METRICS.items():
        assert re.fullmatch(r"assay_[a-z_]+", name)
        assert name.endswith("_total") == (metric.kind == "counter"), name
        assert (metric.kind == "histogram") == bool(metric.buckets), name
        if metric.kind == "histogram":
            assert name.endswith("_seconds"), name


def test_every_metric_is_measured_somewhere_and_with_its_labels() -> None:
    used = set()
    for source in package_sources():
        for node in ast.walk(source.tree):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
                continue
            first = node.args[0] if node.args else None
            if not (isinstance(first, ast.Constant) and str(first.value).startswith("assay_")):
                continue
            if node.func.attr not in CALLS:
                continue
            metric = METRICS[str(first.value)]
            assert CALLS[node.func.attr] == metric.kind, f"{source.path}:{node.lineno}"
            labels = {keyword.arg for keyword in node.keywords}
            assert labels == set(metric.labels), f"{source.path}:{node.lineno}"
            used.add(first.value)
    assert used == set(METRICS), sorted(set(METRICS) - used)
