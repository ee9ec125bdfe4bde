"""A state that a test writes by hand, and single calls of the runtime on it.

Adds to the executor what a test of arithmetic needs: storage set and read by the items' names (keys
and values by the runtime's own metadata), one ``Core_initialize_block`` at a chosen block, and
signed extrinsics after it. Each ``World`` is an overlay of its own over one genesis, so making one
costs nothing and nothing a test does outlives it. It knows no formulas.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from bittensor_core import Keypair, Runtime, ss58_encode

from assay.localnet.blocks.genesis import cook
from assay.localnet.executor.call import Executor
from assay.localnet.executor.machine.module_cache import ModuleCache
from assay.localnet.limits import CoreLimits
from assay.localnet.primitives.header import ZERO_HASH, Header, aura_pre_runtime
from assay.localnet.primitives.scale import Reader
from assay.localnet.state.head import HeadState
from assay.localnet.state.overlay import Overlay
from tests.unit.subnet.localnet.core_chain import genesis, module_cache, sign

PALLET: Final = "SubtensorModule"
NETUID: Final = 1
FREE: Final = 10**18
"""Rao on a funded account: enough for anything a test does."""
_PARENT: Final = b"\x11" * 32
"""Stands for the parent of a block that is begun out of the blue."""


@dataclass(frozen=True)
class Machine:
    """The runtime, compiled once a test run, with its genesis and its codec."""

    executor: Executor
    state: HeadState
    codec: Runtime


@cache
def machine() -> Machine:
    recipe = genesis()
    limits = CoreLimits()
    executor = Executor(recipe.code, limits, ModuleCache(module_cache()))
    state = cook(executor, recipe).state
    metadata = executor.call(
        "Metadata_metadata_at_version", (15).to_bytes(4, "little"), Overlay(state)
    )
    version = executor.version
    codec = Runtime(
        Reader(metadata[1:]).bytes(), version.spec_version, version.transaction_version, 42
    )
    return Machine(executor, state, codec)


@cache
def key(name: str) -> Keypair:
    return Keypair.create_from_uri(f"//{name}")


def account(name: str) -> bytes:
    return bytes(key(name).public_key)


def address(name: str) -> str:
    return str(ss58_encode(account(name), 42))


class World:
    """One state. ``set`` and ``get`` before and after ``begin_block``."""

    def __init__(self) -> None:
        self._machine = machine()
        self.overlay = Overlay(self._machine.state)
        self.block = 0

    # -- storage

    def set(self, item: str, *where: Any, to: Any, pallet: str = PALLET) -> None:
        """Write an item's value; ``where`` are its keys."""
        codec = self._machine.codec
        entry = codec.storage_entry(pallet, item)
        value = bytes(codec.encode(entry.value_type, to))
        self.overlay.put(self._key(pallet, item, where), value)

    def clear(self, item: str, *where: Any, pallet: str = PALLET) -> None:
        self.overlay.put(self._key(pallet, item, where), None)

    def get(self, item: str, *where: Any, pallet: str = PALLET) -> Any:
        """An item's value; its default where nothing is stored."""
        codec = self._machine.codec
        entry = codec.storage_entry(pallet, item)
        raw = self.overlay.get(self._key(pallet, item, where))
        if raw is None:
            if entry.modifier == "Optional":
                return None
            raw = bytes(entry.default_bytes)
        return codec.decode(entry.value_type, raw)

    def _key(self, pallet: str, item: str, where: Sequence[Any]) -> bytes:
        return bytes(self._machine.codec.storage_key(pallet, item, list(where)))

    # -- calls

    def begin_block(self, block: int) -> None:
        """``Core_initialize_block`` at ``block``, whatever the last one was."""
        self.set("Number", to=block - 1, pallet="System")
        header = Header(_PARENT, block, ZERO_HASH, ZERO_HASH, (aura_pre_runtime(block),))
        self.call("Core_initialize_block", header.encode())
        self.block = block

    def end_block(self) -> None:
        """``BlockBuilder_finalize_block`` of a block without inherents."""
        self.set("DidUpdate", to=True, pallet="Timestamp")
        self.call("BlockBuilder_finalize_block", b"")

    def call(self, method: str, argument: bytes) -> bytes:
        executor = self._machine.executor
        return executor.call(method, argument, self.overlay, executor.block_budget)

    def submit(
        self, signer: str, function: str, arguments: Mapping[str, Any], *, pallet: str = PALLET
    ) -> str | None:
        """Apply a signed call in the running block; the name of its error, or None.

        What is refused as a transaction, not as a call, reads ``refused:`` and the custom code;
        an error of no pallet's reads ``dispatch:`` and its bytes.
        """
        return self._apply(signer, self.compose(pallet, function, arguments))

    def as_root(
        self, function: str, arguments: Mapping[str, Any], *, pallet: str = "AdminUtils"
    ) -> str | None:
        """The same by root, which is Alice under ``Sudo``; an error of no pallet's by its name."""
        call = self.compose(pallet, function, arguments)
        refused = self._apply("Alice", self.compose("Sudo", "sudo", {"call": call}))
        assert refused is None, refused
        (said,) = self.events("Sudid")[-1:]
        return self._said(said["sudo_result"])

    def _said(self, result: Mapping[str, Any]) -> str | None:
        """What an event tells of a call inside: None, or the name of its error."""
        if "Ok" in result:
            return None
        error = result["Err"]
        return self._named(error) if isinstance(error, dict) else str(error)

    def events(self, name: str) -> list[Any]:
        """What the running block's events of this name say, the latest last."""
        records = (record["event"] for record in self.get("Events", pallet="System"))
        return [event["attributes"] for event in records if event["event_id"] == name]

    def ask(self, method: str, *arguments: Any) -> Any:
        """What a runtime API answers on this state; ``method`` as ``state_call`` has it."""
        codec = self._machine.codec
        api, _, name = method.partition("_")
        known = codec.runtime_api_map()[api][name]
        inputs = zip(known["inputs"], arguments, strict=True)
        given = b"".join(bytes(codec.encode(kind, value)) for (_, kind), value in inputs)
        return codec.decode(known["output"], self.call(method, given))

    def constant(self, name: str) -> Any:
        """What the metadata of the genesis says of a constant, named ``Pallet.Name``."""
        return self._machine.codec.constant(*name.split("."))

    def arguments(self, pallet: str) -> dict[str, list[str]]:
        """A pallet's calls and the names of their arguments."""
        told = self._machine.codec.metadata_ir()
        (found,) = (each for each in told["pallets"] if each["name"] == pallet)
        return {call["name"]: [each["name"] for each in call["args"]] for call in found["calls"]}

    def submit_in_batch(
        self, signer: str, function: str, arguments: Mapping[str, Any]
    ) -> str | None:
        """The same inside ``Utility.batch``, where only the call itself checks it, not the pool."""
        call = self.compose(PALLET, function, arguments)
        refused = self._apply(signer, self.compose("Utility", "batch", {"calls": [call]}))
        assert refused is None, refused
        for record in self.get("Events", pallet="System"):
            event = record["event"]
            if event["event_id"] == "BatchInterrupted":
                return self._named(event["attributes"]["error"])
        return None

    def _named(self, error: Mapping[str, Any]) -> str:
        module = error["Module"]
        code = bytes.fromhex(module["error"].removeprefix("0x"))[0]
        return str(self._machine.codec.module_error(module["index"], code)[0])

    def compose(self, pallet: str, function: str, arguments: Mapping[str, Any]) -> bytes:
        return bytes(self._machine.codec.compose_call(pallet, function, dict(arguments)))

    def _apply(self, signer: str, call: bytes) -> str | None:
        nonce = self.get("Account", address(signer), pallet="System")["nonce"]
        extrinsic = sign(self, key(signer), call, nonce)  # type: ignore[arg-type]
        self.overlay.start()
        answer = self.call("BlockBuilder_apply_extrinsic", extrinsic)
        if answer[:1] != b"\0":
            self.overlay.rollback()
            # Err(TransactionValidityError::Invalid(InvalidTransaction::Custom(code))).
            custom = answer[:3] == b"\1\0\7"
            return f"refused:{answer[3]}" if custom else f"refused:0x{answer.hex()}"
        self.overlay.commit()
        if answer[:2] == b"\0\0":
            return None
        # ApplyExtrinsicResult::Ok(Err(DispatchError::Module { index, error })).
        if answer[2] != 3:
            return f"dispatch:0x{answer[2:].hex()}"
        return str(self._machine.codec.module_error(answer[3], answer[4])[0])

    @property
    def code(self) -> bytes:
        """The runtime's Wasm."""
        code = self.overlay.get(b":code")
        assert code is not None
        return code

    # What ``sign`` asks of a chain.

    def runtime_version(self) -> Any:
        return self._machine.executor.version

    @property
    def genesis_hash(self) -> bytes:
        return bytes.fromhex(self.get("BlockHash", 0, pallet="System").removeprefix("0x"))

    # -- shorthands

    def fund(self, *names: str, rao: int = FREE) -> None:
        """Accounts that exist and can pay. Their money is counted nowhere."""
        for name in names:
            data = {"free": rao, "reserved": 0, "frozen": 0, "flags": 1 << 127}
            info = {"nonce": 0, "consumers": 0, "providers": 1, "sufficients": 0, "data": data}
            self.set("Account", address(name), to=info, pallet="System")

    def issue(self, *names: str, rao: int) -> None:
        """The same with money that the chain counts as issued, so that its invariants hold."""
        self.fund(*names, rao=rao)
        for pallet in ("Balances", PALLET):
            issued = self.get("TotalIssuance", pallet=pallet)
            self.set("TotalIssuance", to=issued + rao * len(names), pallet=pallet)

    def free(self, name: str) -> int:
        return int(self.get("Account", address(name), pallet="System")["data"]["free"])
