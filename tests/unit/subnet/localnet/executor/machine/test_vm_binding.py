"""The two ways to cross into Wasm: both pass the trial, and a layout that moved is noticed."""

from __future__ import annotations

import importlib.metadata
from typing import Any

import pytest
import wasmtime

from assay.localnet.executor.machine import vm_binding as binding
from assay.localnet.executor.machine.call_meter import CallMeter
from assay.localnet.executor.machine.vm import _new_engine


@pytest.mark.parametrize("kind", [binding.UncheckedBinding, binding.CheckedBinding])
def test_both_bindings_pass_the_trial(kind: type[binding.Binding]) -> None:
    meter = CallMeter()
    made = kind(meter)  # type: ignore[call-arg]
    assert binding.passes_trial(_new_engine(), made, meter)


def test_the_fast_binding_is_chosen() -> None:
    assert isinstance(binding.select_binding(_new_engine(), CallMeter()), binding.UncheckedBinding)


def test_another_layout_falls_back_to_the_checked_binding(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As if a release of wasmtime had put the arguments elsewhere."""
    honest = binding.UncheckedBinding._trampoline

    def shifted(self: Any, name: str, kind: wasmtime.FuncType, function: Any) -> Any:
        return honest(self, name, kind, lambda *values: function(*(v + 1 for v in values)))

    monkeypatch.setattr(binding.UncheckedBinding, "_trampoline", shifted)
    assert isinstance(binding.select_binding(_new_engine(), CallMeter()), binding.CheckedBinding)


def test_a_missing_entry_of_the_c_interface_falls_back(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(self: Any, meter: CallMeter) -> None:
        raise AttributeError("undefined symbol: wasmtime_linker_define_func_unchecked")

    monkeypatch.setattr(binding.UncheckedBinding, "__init__", absent)
    assert isinstance(binding.select_binding(_new_engine(), CallMeter()), binding.CheckedBinding)


def test_the_version_is_that_of_the_installed_package() -> None:
    assert binding.wasmtime_version() == importlib.metadata.version("wasmtime")
