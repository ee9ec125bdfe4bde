"""The page on the node names every RPC method, error code and option, and nothing that is gone."""

from __future__ import annotations

import re

import click

from assay.cli.chain_start import start
from assay.localnet.rpc import errors
from assay.localnet.rpc.methods import registry
from tests.tidy.sources import ROOT

PAGE = (ROOT / "docs" / "chain-node.md").read_text(encoding="utf-8")


def test_methods() -> None:
    section = PAGE.partition("## Methods")[2].partition("| code |")[0]
    named = set(re.findall(r"`([a-z]+_[A-Za-z]+)`", section)) - {"rpc_methods"}
    assert named | {"rpc_methods"} == set(registry(dev_methods=True).names)


def test_codes() -> None:
    section = PAGE.partition("| code |")[2].partition("## ")[0]
    rows = [line.split("|")[1] for line in section.splitlines() if line.count("|") >= 3]
    named = {int(code) for row in rows for code in re.findall(r"-?\d+", row)}
    known = {
        value
        for name, value in vars(errors).items()
        if name.isupper() and not name.startswith("_") and isinstance(value, int)
    }
    assert named == known - {errors.INTERNAL_ERROR}


def test_options() -> None:
    params = start.get_params(click.Context(start, **start.context_settings))
    offered = {text for option in params for text in option.opts}
    named = set(re.findall(r"--[a-z][a-z-]+", PAGE))
    assert named <= offered
