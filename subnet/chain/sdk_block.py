"""The state of one block, decoded by the runtime that wrote it, in as few requests as possible.

The SDK asks for a block's header and runtime version before it decodes anything, each time at
another block. ``BlockState`` presumes the runtime that was met last, and lets the state itself say
whether that was right: each batch of storage keys also asks for ``System.LastRuntimeUpgrade`` (the
spec version of the runtime that executed the block) and ``System.Digest`` (whether the block ended
by replacing the runtime). ``read_at`` runs a question that way, and once more with the right
runtimes where the presumption was wrong. So a question costs its own requests and no others, except
at the first block after an upgrade.

Storage items and runtime APIs go in by name, plain decoded values come out. This module does not
know what any item means, and opens no connection.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeVar

from assay.chain.errors import BadAnswer, BadQuery
from assay.chain.sdk_private import (
    RuntimeCodec,
    StorageEntry,
    StorageFunctionNotFound,
    decode_runtime_api_result,
    decode_storage_values,
    encode_runtime_api_params,
)

T = TypeVar("T")

KEYS_MAX: Final = 1_000
"""Storage keys in one request. A Substrate node pages keys by as many; a local node takes 1,024."""

REQUIRED: Final = object()
"""The default of an item that must be there: without it the answer is not understood."""


@dataclass(frozen=True, slots=True)
class Item:
    """One storage item under its keys. ``default`` stands for it where the runtime does not have
    the item, or where nothing is stored."""

    pallet: str
    name: str
    keys: tuple[Any, ...] = ()
    default: Any = REQUIRED


@dataclass(frozen=True, slots=True)
class Codecs:
    """The two runtimes of a block: ``storage`` executed the block and wrote its state; ``apis`` is
    in force after the block. They differ only where the block itself replaced the runtime."""

    storage: RuntimeCodec
    apis: RuntimeCodec


class StateSource(Protocol):
    """What ``BlockState`` needs of a connection."""

    async def request(self, method: str, params: list[Any]) -> Any:
        """The result of one JSON-RPC request."""
        ...

    async def presumed(self) -> Codecs:
        """The runtimes that were met last."""
        ...

    async def codecs_of(self, block_hash: str) -> Codecs:
        """The runtimes of a block, asked of the node."""
        ...

    def met(self, number: int, codec: RuntimeCodec) -> None:
        """Note the runtime in force after block ``number``."""
        ...


class OtherRuntime(Exception):
    """The block's runtime is another one than was presumed; nothing decoded so far counts."""


class BlockState:
    """The state after one block."""

    def __init__(self, source: StateSource, block_hash: str, codecs: Codecs, sure: bool) -> None:
        self._source = source
        self._hash = block_hash
        self._codecs = codecs
        self._sure = sure
        self.number = -1
        """The block's number; known once a batch of items was read."""

    @property
    def checked(self) -> bool:
        """Whether a batch was read, and the runtime is therefore known to be the right one."""
        return self.number >= 0

    async def items(self, wanted: Iterable[Item]) -> list[Any]:
        """The decoded values of ``wanted``, in one request for each ``KEYS_MAX`` keys."""
        codec = self._codecs.storage
        values: list[Any] = []
        asked: list[tuple[int, StorageEntry, str]] = []
        for index, item in enumerate(wanted):
            values.append(item.default)
            try:
                entry = codec.storage_entry(item.pallet, item.name)
            except StorageFunctionNotFound:
                if item.default is REQUIRED:
                    raise
                continue
            key = "0x" + codec.storage_key(entry, list(item.keys)).hex()
            asked.append((index, entry, key))
        stored = await self._stored([key for _, _, key in asked])
        for index, entry, key in asked:
            (value,) = decode_storage_values(codec, entry, [stored.get(key)])
            if value is not None or values[index] is REQUIRED:
                values[index] = value
        return values

    async def item(self, item: Item) -> Any:
        """The decoded value of one item."""
        (value,) = await self.items([item])
        return value

    def described(self, name: str, keys: Sequence[object]) -> Item:
        """The item "Pallet.Item" under ``keys``; ``BadQuery`` if the metadata has no such item, or
        if it has other keys."""
        codec = self._codecs.storage
        pallet, _, item = name.partition(".")
        try:
            entry = codec.storage_entry(pallet, item)
        except StorageFunctionNotFound:
            raise BadQuery(
                f"The chain's metadata has no storage item {name!r:.80}.",
                'Name one as "Pallet.Item", for example "SubtensorModule.Tempo".',
            ) from None
        if len(keys) != len(entry.param_types):
            raise BadQuery(
                f"{name} takes {len(entry.param_types)} keys and {len(keys)} were given.",
                "Give each key that the chain's metadata names, in its order.",
            )
        try:
            codec.storage_key(entry, list(keys))
        except (ValueError, TypeError, OverflowError) as error:
            raise BadQuery(
                f"{name} has no key such as {keys!r:.120}: {error}.",
                "Give numbers as int, and accounts as SS58 addresses.",
            ) from None
        return Item(pallet, item, tuple(keys))

    async def entries(self, pallet: str, name: str, *keys: Any) -> list[tuple[Any, Any]]:
        """All (key, value) pairs of a storage map below ``keys``, in two requests a page."""
        codec = self._codecs.storage
        entry = codec.storage_entry(pallet, name)
        prefix = start = "0x" + codec.storage_key(entry, list(keys)).hex()
        pairs: list[tuple[Any, Any]] = []
        while True:
            page = await self._source.request(
                "state_getKeysPaged", [prefix, KEYS_MAX, start, self._hash]
            )
            stored = await self._stored(page or [])
            changes = [
                (key, "0x" + value.hex())
                for key in page or []
                if (value := stored.get(key)) is not None
            ]
            pairs += codec.decode_map_changes(entry, changes, fixed=len(keys))
            if not page or len(page) < KEYS_MAX:
                return pairs
            start = page[-1]

    async def call(self, api: str, method: str, *args: Any) -> Any:
        """The decoded answer of a runtime API, in one request."""
        codec = self._codecs.apis
        params = "0x" + encode_runtime_api_params(codec, api, method, list(args))
        answer = await self._source.request("state_call", [f"{api}_{method}", params, self._hash])
        if not isinstance(answer, str):
            raise BadAnswer.to(f"{api}_{method}", "bytes were expected")
        raw = bytes.fromhex(answer.removeprefix("0x"))
        return decode_runtime_api_result(codec, api, method, raw)

    async def _stored(self, keys: Sequence[str]) -> dict[str, bytes | None]:
        """The raw values under ``keys``. ``OtherRuntime`` if the state was written by another
        runtime than the one that made the keys."""
        codec = self._codecs.storage
        marks = [
            codec.storage_entry("System", name)
            for name in ("Number", "LastRuntimeUpgrade", "Digest")
        ]
        mark_keys = ["0x" + codec.storage_key(mark, []).hex() for mark in marks]
        unique = list(dict.fromkeys(keys))
        found: dict[str, bytes | None] = {}
        for first in range(0, max(len(unique), 1), KEYS_MAX - len(marks)):
            part = unique[first : first + KEYS_MAX - len(marks)]
            answer = await self._source.request(
                "state_queryStorageAt", [[*mark_keys, *part], self._hash]
            )
            found |= _changes(answer)
        self._settle(
            decode_storage_values(codec, mark, [found.get(key)])[0]
            for mark, key in zip(marks, mark_keys, strict=True)
        )
        return found

    def _settle(self, marks: Iterable[Any]) -> None:
        number, upgrade, digest = marks
        if not isinstance(number, int):
            raise BadAnswer.to("System.Number", "a number was expected")
        if not self._sure and (
            not isinstance(upgrade, dict)  # the first block, or a very old one
            or upgrade.get("spec_version") != self._codecs.storage.spec_version
            or "RuntimeEnvironmentUpdated" in _logs(digest)
        ):
            raise OtherRuntime
        self.number = number
        self._source.met(number, self._codecs.apis)


async def read_at(
    source: StateSource, block_hash: str, ask: Callable[[BlockState], Awaitable[T]]
) -> T:
    """The answer of ``ask`` at the block, decoded by the block's own runtime.

    ``ask`` may run twice and must only read.
    """
    state = BlockState(source, block_hash, await source.presumed(), sure=False)
    try:
        answer = await ask(state)
        if not state.checked:
            await state.items([])
        return answer
    except OtherRuntime:
        pass
    except (BadAnswer, ValueError, KeyError, TypeError, IndexError):
        # Decoded by the wrong runtime anything may come out; by the right one the error stands.
        if state.checked or await _fits(state):
            raise
    sure = BlockState(source, block_hash, await source.codecs_of(block_hash), sure=True)
    answer = await ask(sure)
    if not sure.checked:
        await sure.items([])
    return answer


async def _fits(state: BlockState) -> bool:
    try:
        await state.items([])
    except OtherRuntime:
        return False
    return True


def _changes(answer: Any) -> dict[str, bytes | None]:
    """The values of a reply to ``state_queryStorageAt``, by key."""
    question = "state_queryStorageAt"
    try:
        return {
            key: None if value is None else bytes.fromhex(value.removeprefix("0x"))
            for group in answer or []
            for key, value in group["changes"]
        }
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        raise BadAnswer.to(question, "changes of storage were expected") from error


def _logs(digest: Any) -> list[Any]:
    """The names of the entries of a block's digest that carry nothing else."""
    logs = digest.get("logs") if isinstance(digest, dict) else None
    return [log for log in logs or [] if isinstance(log, str)]
