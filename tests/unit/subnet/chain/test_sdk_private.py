"""What is used of the SDK's private modules is there, and is used in one file only."""

from __future__ import annotations

import ast
import functools
import importlib
from importlib.metadata import version
from pathlib import Path

import pytest

from assay.chain.sdk_private import INSTANCE_PRIVATE, PRIVATE, SubstrateConnection

CHAIN = Path(__file__).parents[4] / "subnet" / "chain"


@pytest.mark.parametrize("name", PRIVATE)
def test_the_sdk_still_has(name: str) -> None:
    module, _, attribute = name.partition(":")
    gone = f"bittensor {version('bittensor')} has no bittensor.{name}: {PRIVATE[name]}"
    try:
        functools.reduce(
            getattr, attribute.split("."), importlib.import_module(f"bittensor.{module}")
        )
    except (ImportError, AttributeError) as error:
        pytest.fail(f"{gone} ({error})")


def test_a_connection_still_keeps_its_codecs_where_they_are_looked_for() -> None:
    connection = SubstrateConnection("ws://127.0.0.1:1")
    places = {"connection": connection, "runtimes": getattr(connection, "_runtimes", None)}
    for name, use in INSTANCE_PRIVATE.items():
        place, _, attribute = name.partition(":")
        assert hasattr(places[place], attribute), f"a {place} has no {attribute}: {use}"


def test_private_modules_are_imported_in_one_file() -> None:
    found = {
        path.name
        for path in CHAIN.glob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        for module in (
            [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else []
        )
        if module.startswith("bittensor._")
    }
    assert found == {"sdk_private.py"}
