"""The golden vectors, read into the oracle's own types (see PROVENANCE.md for what they are)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assay.scoring.reference.epoch import Epoch, EpochNeuron, EpochRules
from assay.scoring.reference.weights import Setting

_FOLDER = Path(__file__).parent


def _read(name: str) -> list[dict[str, Any]]:
    content = json.loads((_FOLDER / f"{name}.json").read_text())
    assert isinstance(content, list)
    return content


@dataclass(frozen=True, slots=True)
class EpochVector:
    """One executed epoch."""

    name: str
    block: int
    inputs: dict[str, Any]
    outputs: dict[str, Any]
    differs: frozenset[str]
    """The outputs that are others under the newer rules."""

    def epoch(self) -> Epoch:
        given = self.inputs
        rows = zip(
            given["stake"],
            given["last_update"],
            given["block_at_registration"],
            given["validator_permit"],
            strict=True,
        )
        return Epoch(
            block=self.block,
            tempo=given["tempo"],
            emission=given["emission_total"],
            weights=_table(given["weights"]),
            bonds=_table(given["bonds"]),
            neurons=[EpochNeuron(*row) for row in rows],
        )

    def rules(self, *, old: bool) -> EpochRules:
        """``old``: those of the runtime that was executed; else those of spec 425."""
        given = self.inputs
        return EpochRules(
            kappa=given["kappa"],
            bonds_moving_average=given["bonds_moving_average"],
            permits_max=given["max_allowed_validators"],
            activity_cutoff=given["activity_cutoff"],
            zero_stake_permits=old,
            bonds_outdated_by_update=old,
        )

    def expected(self, *, old: bool) -> dict[str, Any]:
        """Outputs by their names in the oracle; without those that the newer rules change."""
        found = {
            "permits" if name == "validator_permit" else name: value
            for name, value in self.outputs.items()
            if name != "pending_emission_after" and (old or name not in self.differs)
        }
        if "bonds" in found:
            found["bonds"] = _table(found["bonds"])
        return found


def _table(rows: dict[str, list[list[int]]]) -> dict[int, list[tuple[int, int]]]:
    return {int(uid): [(j, value) for j, value in row] for uid, row in rows.items() if row}


def epochs() -> list[EpochVector]:
    """All 88: the single ones, then the sequences' in their order."""
    return list(_epochs())


def _epochs() -> Iterator[EpochVector]:
    for entry in _read("epoch_small_spec185"):
        yield _epoch(entry["name"], entry)
    for sequence in _read("epoch_sequences_spec185"):
        for number, entry in enumerate(sequence["epochs"]):
            yield _epoch(f"{sequence['name']}/{number}", entry)


def _epoch(name: str, entry: dict[str, Any]) -> EpochVector:
    return EpochVector(
        name,
        entry["block"],
        entry["inputs"],
        entry["outputs"],
        frozenset(entry["differs_under_spec_425"]),
    )


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """An issuance and what one block emitted at it, of TAO or of a subnet's alpha."""

    name: str
    issuance: int
    emission: int


def tao_curve() -> list[CurvePoint]:
    """Where one subnet receives all of the block's TAO, its part is the curve's value."""
    return [
        CurvePoint(
            entry["name"],
            entry["inputs"]["total_issuance"],
            entry["outputs"]["subnets"]["1"]["emission_value"],
        )
        for entry in _read("emission_spec218")
        if "trap" not in entry["outputs"] and len(entry["inputs"]["subnets"]) == 1
    ]


def alpha_curve() -> list[CurvePoint]:
    """What the vectors call ``block_emission`` is the alpha of the subnet that came last."""
    found = []
    for entry in _read("emission_spec218"):
        if "trap" in entry["outputs"] or len(entry["inputs"]["subnets"]) != 1:
            continue
        subnet = entry["inputs"]["subnets"]["1"]
        issuance = subnet["alpha_in"] + subnet["alpha_out"]
        found.append(CurvePoint(entry["name"], issuance, entry["outputs"]["block_emission"]))
    return found


@dataclass(frozen=True, slots=True)
class WeightsVector:
    """One executed call of set_weights."""

    name: str
    setting: Setting
    uids: list[int]
    values: list[int]
    version_key: int
    error: str | None
    stored: list[tuple[int, int]] | None


def set_weights() -> list[WeightsVector]:
    found = []
    for entry in _read("set_weights_spec218"):
        given, outputs = entry["inputs"], entry["outputs"]
        setting = Setting(
            block=entry["block"],
            uid=given["uid"],
            neurons=given["n"],
            permit=given["permit"],
            stake=given["stake"],
            last_update=given["last_update"],
            stake_min=given["weights_min_stake"],
            version_key=given["weights_version_key"],
            rate_limit=given["rate_limit"],
            commit_reveal=given["commit_reveal"],
            weights_min=given["min_allowed_weights"],
            weight_limit=given["max_weights_limit"],
        )
        stored = outputs.get("stored")
        found.append(
            WeightsVector(
                entry["name"],
                setting,
                given["uids"],
                given["values"],
                given["version_key"],
                outputs["error"],
                None if outputs["error"] else [(uid, value) for uid, value in stored],
            )
        )
    return found
