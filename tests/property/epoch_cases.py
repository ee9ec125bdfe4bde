"""Random subnets for the epoch: hypothesis strategies that lean on the corners.

Stakes of zero, of one rao beside whole billions, of equal size; validators without permits and
without updates; weights for oneself; neurons that came after weights were set or after bonds were
bought; kappa at exact majorities. A case is a first epoch and what changes before each later one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from hypothesis import strategies as st

from assay.scoring.reference.epoch import Epoch, EpochNeuron, EpochRules
from assay.scoring.reference.liquid import Liquid

BLOCK = 10_000
"""The first epoch's. Well above every tempo and cutoff drawn here."""
_SIZE_MAX = 9
_EPOCHS_MAX = 4

_U16 = st.one_of(st.integers(0, 65535), st.sampled_from([0, 1, 2, 32767, 32768, 65534, 65535]))
_STAKES = st.one_of(
    st.sampled_from([0, 1, 232, 233, 10**9, 10**9, 3 * 10**9, 10**12, 10**18]),
    st.integers(0, 10**13),
)
"""10^12 times 2^-32 is 232.8: stakes beside a whole of that size which are just cut to zero. The
largest leaves a subnet's sum within 64 bits, as every chain's is."""
_KAPPAS = st.one_of(
    st.sampled_from([0, 1, 16384, 21845, 32767, 32768, 43690, 49151, 65534, 65535]),
    st.integers(0, 65535),
)


@dataclass(frozen=True, slots=True)
class Change:
    """What happens between two epochs."""

    weights: Mapping[int, Sequence[tuple[int, int]]]
    """Rows set anew."""
    replaced: int | None
    """A uid that a new neuron takes."""
    stake: tuple[int, int] | None
    """A uid and its new stake."""


@dataclass(frozen=True, slots=True)
class Case:
    rules: EpochRules
    first: Epoch
    changes: Sequence[Change]


def applied(epoch: Epoch, change: Change) -> Epoch:
    """The next epoch's inputs after a change, made one block before it."""
    neurons = list(epoch.neurons)
    weights = dict(epoch.weights)
    bonds = dict(epoch.bonds)
    for uid, row in change.weights.items():
        weights[uid] = row
        neurons[uid] = replace(neurons[uid], last_update=epoch.block - 2)
    if change.replaced is not None:
        uid = change.replaced
        weights.pop(uid, None)
        bonds.pop(uid, None)
        neurons[uid] = EpochNeuron(0, epoch.block - 1, epoch.block - 1, False)
    if change.stake is not None:
        uid, stake = change.stake
        neurons[uid] = replace(neurons[uid], stake=stake)
    return replace(epoch, neurons=neurons, weights=weights, bonds=bonds)


def _row(size: int) -> st.SearchStrategy[list[tuple[int, int]]]:
    return st.lists(
        st.tuples(st.integers(0, size - 1), _U16), max_size=size, unique_by=lambda pair: pair[0]
    ).map(sorted)


def _rows(size: int, rows_max: int) -> st.SearchStrategy[dict[int, list[tuple[int, int]]]]:
    return st.dictionaries(st.integers(0, size - 1), _row(size), max_size=rows_max)


@st.composite
def _liquids(draw: st.DrawFn) -> Liquid:
    low, high = sorted((draw(_U16), draw(_U16)))
    steepness = draw(
        st.one_of(st.sampled_from([0, 1, 100, 1000, 32767, -1000]), st.integers(-32768, 32767))
    )
    return Liquid(low, high, steepness)


@st.composite
def rules(draw: st.DrawFn) -> EpochRules:
    yuma3 = draw(st.booleans())
    return EpochRules(
        kappa=draw(_KAPPAS),
        bonds_moving_average=draw(
            st.one_of(
                st.sampled_from([0, 1, 500_000, 900_000, 975_000, 999_999, 1_000_000]),
                st.integers(0, 1_000_000),
            )
        ),
        bonds_penalty=draw(_U16),
        permits_max=draw(st.integers(0, 6)),
        stake_threshold=draw(st.sampled_from([0, 0, 1, 10**9])),
        activity_cutoff=draw(st.sampled_from([1000, 5000])),
        yuma3=yuma3,
        liquid=draw(st.none() | _liquids()) if yuma3 else None,
    )


@st.composite
def _neurons(draw: st.DrawFn, cutoff: int, tempo: int) -> EpochNeuron:
    recent = BLOCK - draw(st.integers(1, 2 * tempo))
    last_update = draw(st.sampled_from([recent, recent, BLOCK - cutoff, BLOCK - cutoff - 1, 0]))
    return EpochNeuron(
        stake=draw(_STAKES),
        last_update=last_update,
        registered=draw(st.sampled_from([0, 0, 1, recent, last_update, BLOCK - tempo])),
        permit=draw(st.booleans()),
    )


@st.composite
def cases(draw: st.DrawFn, *, epochs_max: int = _EPOCHS_MAX) -> Case:
    the_rules = draw(rules())
    tempo = draw(st.sampled_from([10, 20, 360]))
    size = draw(st.integers(1, _SIZE_MAX))
    neurons = [draw(_neurons(the_rules.activity_cutoff, tempo)) for _ in range(size)]
    uids = st.integers(0, size - 1)
    first = Epoch(
        block=BLOCK,
        tempo=tempo,
        neurons=neurons,
        weights=draw(_rows(size, size)),
        bonds=draw(_rows(size, 4)),
        emission=draw(st.sampled_from([0, 1, 7, 10**9, 10**12, 3 * 10**15])),
        last_step=draw(st.sampled_from([0, BLOCK - tempo])),
        owner=draw(st.none() | uids),
    )
    changes = draw(
        st.lists(
            st.builds(
                Change,
                weights=_rows(size, 2),
                replaced=st.none() | uids,
                stake=st.none() | st.tuples(uids, _STAKES),
            ),
            max_size=epochs_max - 1,
        )
    )
    return Case(the_rules, first, changes)
