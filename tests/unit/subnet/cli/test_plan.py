"""The cast of a run follows from the seed and the options alone."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.cli.up.plan import HONEST, SLOW, MemberRole, Plan, make_plan
from assay.errors import UserError
from assay.types import PORT_MAX


def plan(
    seed: int = 0,
    *,
    miners: int = 4,
    validators: int = 2,
    cheat: str | None = "garbage",
    slow: int = 1,
    base_port: int = 30_000,
    metrics_port: int | None = None,
    gateway: bool = False,
    validators_serve: bool = False,
) -> Plan:
    return make_plan(
        seed=seed,
        task="reverse",
        task_options=(),
        base_port=base_port,
        state_dir=Path("state"),
        validators=validators,
        miners=miners,
        cheat=cheat,
        slow=slow,
        metrics_port=metrics_port,
        gateway=gateway,
        validators_serve=validators_serve,
    )


@given(st.integers(0, 2**32), st.integers(3, 12), st.integers(0, 1))
def test_one_cheats_and_the_asked_number_is_slow(seed: int, miners: int, slow: int) -> None:
    made = plan(seed, miners=miners, slow=slow)
    behaviours = [member.behaviour for member in made.of(MemberRole.MINER)]
    assert behaviours.count("garbage") == 1
    assert behaviours.count(SLOW) == slow
    assert behaviours.count(HONEST) == miners - 1 - slow
    assert made == plan(seed, miners=miners, slow=slow)
    ports = [member.port for member in made.of(MemberRole.MINER)]
    assert len({made.chain_port, *ports}) == miners + 1
    assert made.owner.port is None


@given(st.integers(1, 9), st.integers(2, 9), st.booleans(), st.booleans())
def test_whoever_listens_has_a_port_of_its_own(
    validators: int, miners: int, gateway: bool, serving: bool
) -> None:
    made = plan(
        validators=validators, miners=miners, cheat=None, slow=0, gateway=gateway,
        validators_serve=serving,
    )  # fmt: skip
    listening = [member.port for member in made.of(MemberRole.VALIDATOR)]
    assert all((port is not None) is serving for port in listening)
    count = 1 + miners + gateway + (validators if serving else 0)
    assert sorted(made.ports) == list(range(30_000, 30_000 + count))
    with pytest.raises(UserError, match="do not exist"):
        plan(
            validators=validators, miners=miners, cheat=None, slow=0, gateway=gateway,
            validators_serve=serving, base_port=PORT_MAX - count + 2,
        )  # fmt: skip


def test_the_seed_moves_the_one_who_cheats() -> None:
    cheating = {
        next(i for i, m in enumerate(plan(seed).of(MemberRole.MINER)) if m.behaviour == "garbage")
        for seed in range(40)
    }
    assert cheating == {0, 1, 2, 3}


@pytest.mark.parametrize(
    ("options", "cause"),
    [
        ({"miners": 0}, "pays nobody"),
        ({"validators": 0}, "pays nobody"),
        ({"miners": 2, "slow": 1}, "none would be honest"),
        ({"base_port": 65_535}, "do not exist"),
        ({"base_port": 0}, "do not exist"),
        ({"metrics_port": 0}, "do not exist"),
        ({"metrics_port": 65_530}, "do not exist"),
        ({"metrics_port": 30_004}, "include the chain's or a miner's"),
        ({"metrics_port": 29_994}, "include the chain's or a miner's"),
    ],
)
def test_an_impossible_cast_is_refused(options: dict[str, int], cause: str) -> None:
    with pytest.raises(UserError, match=cause):
        plan(**options)  # type: ignore[arg-type]


def test_metrics_have_ports_of_their_own_if_they_are_asked_for() -> None:
    made = plan(metrics_port=29_993)
    assert len(set(made.ports)) == len(made.ports) == 5 + 7
    names = {member.name: member.metrics_port for member in made.members}
    assert (made.metrics_port, names["validator-1"], names["miner-1"]) == (29_993, 29_994, 29_996)
    assert names["owner"] is None
    assert plan(metrics_port=30_005).metrics_port == 30_005
    assert len(plan().ports) == 5


def test_a_gateway_listens_behind_the_miners() -> None:
    made = plan(miners=4, gateway=True)
    assert (made.gateway_port, made.gateway_url) == (30_005, "http://127.0.0.1:30005")
    assert len(set(made.ports)) == len(made.ports) == 6
    assert (plan().gateway_port, plan().gateway_url) == (None, None)
    with pytest.raises(UserError, match="do not exist"):
        plan(miners=4, gateway=True, base_port=PORT_MAX - 4)
    assert plan(miners=4, base_port=PORT_MAX - 4).ports
    with pytest.raises(UserError, match="gateway"):
        plan(miners=4, gateway=True, metrics_port=30_005)
