"""A window's steps: the same bits again, and windows in a row are one long run."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
import torch

from assay.protocol.training.manifest import Inner
from assay.scoring.training.shapes import TensorRole
from assay.training.inner import Enough, Moments, StepState, computing, rate_at, run_window
from assay.training.network import FlatNetwork
from assay.training.state import array_root
from tests.unit.subnet.training.runs import INNER, MACHINE, small_network

ADAM = INNER
MUON = msgspec.structs.replace(ADAM, optimiser="muon", rate=1e-2)


@pytest.fixture(scope="module")
def network() -> FlatNetwork:
    return small_network()


def batches(count: int, seed: int = 5) -> list[np.ndarray]:
    """A text that is easy to learn: each token follows from the one before."""
    rng = np.random.default_rng(seed)
    starts = rng.integers(0, 64, size=(count, 4, 1))
    return list((starts + 3 * np.arange(17)) % 64)


@pytest.mark.parametrize("terms", [ADAM, MUON], ids=["adamw", "muon"])
def test_a_window_has_the_same_bits_again_and_learns(network: FlatNetwork, terms: Inner) -> None:
    start, none = network.take(), Moments.none(network.shape.size)
    made = [run_window(network, terms, MACHINE, start, none, batches(6)) for _ in range(2)]
    for one, two in [made]:
        assert one.end.tobytes() == two.end.tobytes()
        assert one.moments.first.tobytes() == two.moments.first.tobytes()
        assert one.boundaries == two.boundaries
        assert one.losses == two.losses
        assert one.losses[-1] < one.losses[0]
        assert one.moments.steps == 6
        assert np.count_nonzero(one.moments.first) > 0.9 * len(start)
    network.put(start)


def test_steps_are_deterministic_and_fill_no_memory_before_it_is_written() -> None:
    """The filling took a twentieth to a fifth of a step; what others set is theirs afterwards."""
    before = torch.are_deterministic_algorithms_enabled()
    assert torch.utils.deterministic.fill_uninitialized_memory
    with computing(MACHINE):
        assert torch.are_deterministic_algorithms_enabled()
        assert not torch.utils.deterministic.fill_uninitialized_memory
    assert torch.utils.deterministic.fill_uninitialized_memory
    assert torch.are_deterministic_algorithms_enabled() is before


def test_gradients_are_known_of_all_numbers_that_either_optimiser_moves(
    network: FlatNetwork,
) -> None:
    """Muon keeps no second moment of matrices; a peer that took that for gradients of zero would
    send none of them."""
    start, none = network.take(), Moments.none(network.shape.size)
    for terms in (ADAM, MUON):
        done = run_window(network, terms, MACHINE, start, none, batches(6))
        moved = done.end != start
        assert np.count_nonzero(done.moments.gradients[moved]) > 0.95 * np.count_nonzero(moved)
        assert done.moments.gradients.dtype == np.float32
    network.put(start)


@pytest.mark.parametrize("terms", [ADAM, MUON], ids=["adamw", "muon"])
def test_windows_in_a_row_are_one_run(network: FlatNetwork, terms: Inner) -> None:
    """With the moments carried nothing is lost at a window's end."""
    start, none = network.take(), Moments.none(network.shape.size)
    long = msgspec.structs.replace(terms, steps=12)
    whole = run_window(network, long, MACHINE, start, none, batches(12))
    first = run_window(network, terms, MACHINE, start, none, batches(12)[:6])
    second = run_window(network, terms, MACHINE, first.end, first.moments, batches(12)[6:])
    assert second.end.tobytes() == whole.end.tobytes()
    assert second.moments.second.tobytes() == whole.moments.second.tobytes()
    fresh = run_window(network, terms, MACHINE, first.end, none, batches(12)[6:])
    assert fresh.end.tobytes() != whole.end.tobytes()
    network.put(start)


def test_a_skipped_step_and_another_order_show(network: FlatNetwork) -> None:
    start, none = network.take(), Moments.none(network.shape.size)
    given = batches(7)
    honest = run_window(network, ADAM, MACHINE, start, none, given[:6]).end
    skipped = run_window(network, ADAM, MACHINE, start, none, given[:5] + given[6:]).end
    change = np.linalg.norm(honest - start)
    assert np.linalg.norm(honest - skipped) > 1e-2 * change
    network.put(start)


def test_states_on_the_way_are_those_that_a_shorter_window_ends_in(network: FlatNetwork) -> None:
    start, none = network.take(), Moments.none(network.shape.size)
    assert ADAM.boundary_steps == (2, 4)
    way: list[StepState] = []
    whole = run_window(network, ADAM, MACHINE, start, none, batches(6), reached=way.append)
    for root, on_the_way, steps in zip(whole.boundaries, way, (2, 4), strict=True):
        short = msgspec.structs.replace(ADAM, steps=steps, boundaries=0)
        part = run_window(network, short, MACHINE, start, none, batches(6))
        assert array_root("model", part.end) == root
        rest = msgspec.structs.replace(ADAM, steps=6 - steps, boundaries=0)
        left = batches(6)[steps:]
        end = run_window(network, rest, MACHINE, on_the_way.model, on_the_way.moments, left)
        assert np.array_equal(end.end, whole.end), "a window goes on from a state on its way"
        assert on_the_way.step == steps
    network.put(start)


def test_a_window_that_is_ended_early_is_one_of_fewer_steps(network: FlatNetwork) -> None:
    """To the bit: whoever is given the number of steps finds what the window came to."""
    start, none = network.take(), Moments.none(network.shape.size)

    def told(step: int, loss: float) -> None:
        if step == 4:
            raise Enough

    ended = run_window(network, ADAM, MACHINE, start, none, iter(batches(6)), told)
    short = msgspec.structs.replace(ADAM, steps=4, boundaries=0)
    again = run_window(network, short, MACHINE, start, none, batches(6))
    whole = run_window(network, ADAM, MACHINE, start, none, batches(6))
    assert ended.end.tobytes() == again.end.tobytes() != whole.end.tobytes()
    assert ended.moments.steps == again.moments.steps == 4
    assert ended.boundaries == whole.boundaries
    assert ended.losses == whole.losses[:4]
    network.put(start)


def test_too_few_sequences_and_a_broken_start_are_refused(network: FlatNetwork) -> None:
    start, none = network.take(), Moments.none(network.shape.size)
    with pytest.raises(ValueError, match="6 steps"):
        run_window(network, ADAM, MACHINE, start, none, batches(5))
    with pytest.raises(FloatingPointError, match="loss"):
        run_window(network, ADAM, MACHINE, np.full_like(start, np.nan), none, batches(6))
    with pytest.raises(ValueError, match="numbers"):
        run_window(network, ADAM, MACHINE, start[:-1], none, batches(6))
    network.put(start)


def test_a_network_is_its_numbers_by_name(network: FlatNetwork) -> None:
    names = [tensor.name for tensor in network.shape.tensors]
    assert names == sorted(names)
    roles = {tensor.name: tensor.role for tensor in network.shape.tensors}
    assert roles["model.embed_tokens.weight"] is TensorRole.EMBEDDING
    assert "lm_head.weight" not in roles, "tied: there once"
    assert roles["model.norm.weight"] is TensorRole.VECTOR
    assert roles["model.layers.0.mlp.up_proj.weight"] is TensorRole.MATRIX
    before = network.take()
    network.put(before + 1)
    assert (network.take() == before + 1).all()
    network.put(before)


def test_the_rate_climbs_and_stays() -> None:
    assert [round(rate_at(ADAM, step), 6) for step in (0, 1, 2, 9)] == [1e-3, 2e-3, 3e-3, 3e-3]
