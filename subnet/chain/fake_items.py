"""Storage items and calls of the fake chain by their names, as a real chain's metadata has them.

The fake has no metadata, so ``ITEMS`` and ``CALLS`` say which names it knows, with the types of the
keys and arguments. A test that needs a pallet of its own gives its ledger more of both; the values
of such items stand in ``FakeState.stored``, block by block like everything else.

Names, keys and states come in; values and next states go out. Wrong names, keys and arguments are
``BadQuery``, as on a real chain.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from assay.chain import fake_state as rules
from assay.chain.errors import BadQuery
from assay.chain.fake_state import FakeState
from assay.chain.interface import Call
from assay.types import NetUid, Rao, Ss58, Uid


@dataclass(frozen=True, slots=True)
class FakeItem:
    """A storage item: the types of its keys, and how it is read from a state.

    Without ``read`` its values are those of ``FakeState.stored``, and ``default`` where there is
    none.
    """

    keys: tuple[type, ...] = ()
    read: Callable[..., object] | None = None
    default: object = None


@dataclass(frozen=True, slots=True)
class FakeCall:
    """A call: the types of its arguments by name, and what it does to the state.

    ``apply`` takes the state, the block, the signer's address and the arguments by name, and
    returns the next state or raises ``ChainRefused``.
    """

    arguments: Mapping[str, type]
    apply: Callable[..., FakeState]


def _account(state: FakeState, address: str) -> object:
    free = state.balances.get(Ss58(address), Rao(0))
    return {"nonce": 0, "data": {"free": free, "reserved": 0}}


def _of_subnet(read: Callable[[rules.Subnet], object], missing: object) -> Callable[..., object]:
    def of(state: FakeState, netuid: int) -> object:
        subnet = state.subnets.get(NetUid(netuid))
        return missing if subnet is None else read(subnet)

    return of


def _uid(state: FakeState, netuid: int, hotkey: str) -> object:
    subnet = state.subnets.get(NetUid(netuid))
    return None if subnet is None else subnet.uid_of(hotkey)


def _row(state: FakeState, netuid: int, uid: int) -> object:
    subnet = state.subnets.get(NetUid(netuid))
    return [] if subnet is None else list(subnet.rows.get(Uid(uid), ()))


ITEMS: Final[Mapping[str, FakeItem]] = {
    "System.Account": FakeItem((str,), _account),
    "SubtensorModule.NetworksAdded": FakeItem((int,), _of_subnet(lambda _: True, False)),
    "SubtensorModule.Tempo": FakeItem((int,), _of_subnet(lambda s: s.settings.tempo, 0)),
    "SubtensorModule.SubnetworkN": FakeItem((int,), _of_subnet(lambda s: len(s.slots), 0)),
    "SubtensorModule.Burn": FakeItem(
        (int,), _of_subnet(lambda s: s.settings.registration_price, 0)
    ),
    "SubtensorModule.Uids": FakeItem((int, str), _uid),
    "SubtensorModule.Weights": FakeItem((int, int), _row),
}

CALLS: Final[Mapping[str, FakeCall]] = {
    "System.remark": FakeCall({"remark": bytes}, lambda state, block, signer, remark: state),
    "Balances.transfer_keep_alive": FakeCall(
        {"dest": str, "value": int},
        lambda state, block, signer, dest, value: rules.transfer(state, block, signer, dest, value)[
            0
        ],
    ),
}


def read_item(
    known: Mapping[str, FakeItem], state: FakeState, name: str, keys: Sequence[object]
) -> object:
    """The value of the item ``name`` of ``known`` under ``keys``."""
    item = known.get(name)
    if item is None:
        raise BadQuery(
            f"The chain's metadata has no storage item {name!r:.80}.",
            'Name one as "Pallet.Item", for example "SubtensorModule.Tempo".',
        )
    if len(keys) != len(item.keys):
        raise BadQuery(
            f"{name} takes {len(item.keys)} keys and {len(keys)} were given.",
            "Give each key that the chain's metadata names, in its order.",
        )
    if not all(_fits(key, type_) for key, type_ in zip(keys, item.keys, strict=True)):
        raise BadQuery(
            f"{name} has no key such as {tuple(keys)!r:.120}.",
            "Give numbers as int, and accounts as SS58 addresses.",
        )
    if item.read is not None:
        return item.read(state, *keys)
    return state.stored.get((name, tuple(keys)), item.default)


def bound_call(
    known: Mapping[str, FakeCall], call: Call, signer: str
) -> Callable[[FakeState, int], tuple[FakeState, None]]:
    """What ``call`` does to a state at a block."""
    rule = known.get(str(call))
    if rule is None:
        raise BadQuery(
            f"The chain's metadata has no call {call}.", "Name a call that the runtime has."
        )
    given: dict[str, Any] = dict(call.arguments)
    if given.keys() != rule.arguments.keys() or not all(
        _fits(given[name], type_) for name, type_ in rule.arguments.items()
    ):
        raise BadQuery(
            f"The arguments of {call} do not fit it.",
            f"Give {', '.join(rule.arguments) or 'none'}, each with its type.",
        )
    return lambda state, block: (rule.apply(state, block, signer, **given), None)


def _fits(value: object, type_: type) -> bool:
    if isinstance(value, bool):
        return type_ is bool
    return isinstance(value, type_) and not (isinstance(value, int) and value < 0)
