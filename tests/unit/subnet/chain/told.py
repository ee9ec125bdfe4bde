"""A session that says what it is told to say, in an encoding of its own.

``ToldCodec`` stands in for the SDK's codec of one runtime: it writes a value as its place in a list
and reads it back, so that ``sdk_block`` and ``sdk_reads`` run as they are, over JSON-RPC requests
that the session counts.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from assay.chain.interface import BlockRef
from assay.chain.sdk_block import Codecs
from assay.chain.sdk_private import StorageFunctionNotFound
from assay.types import BlockNumber
from tests.conformance.chain.worlds import NamedKey

A, B, OWNER = (NamedKey(name).address for name in ("a", "b", "owner"))
AT = BlockRef(BlockNumber(40), "0x" + "40" * 32)

ITEMS: dict[str, Any] = {
    "NetworksAdded": True,
    "Tempo": 20,
    "WeightsVersionKey": 0,
    "MinAllowedWeights": 1,
    "MaxWeightsLimit": 65_535,
    "WeightsSetRateLimit": 0,
    "CommitRevealWeightsEnabled": False,
    "MaxAllowedUids": 256,
    "ImmunityPeriod": 5_000,
    "ServingRateLimit": 0,
    "NetworkRegistrationAllowed": True,
    "Burn": 10**9,
    "StakeThreshold": 0,
    "SubnetEpochIndex": 3,
    "LastEpochBlock": 30,
    "PendingEpochAt": 0,
    "ValidatorTrust": [65_535],
    "SubnetOwner": OWNER,
    "SubnetOwnerHotkey": A,
    "SubnetworkN": 2,
    "ValidatorPermit": [True, False],
    "LastUpdate": [31, 32],
    "Account": {"nonce": 1, "data": {"free": 77, "reserved": 0}},
}
GRAPH: dict[str, Any] = {
    "owner_coldkey": OWNER,
    "owner_hotkey": A,
    "hotkeys": [A, B],
    "coldkeys": [OWNER, OWNER],
    "axons": [
        {"ip": 0, "port": 0, "ip_type": 0},
        {"ip": 0x7F000001, "port": 20_001, "ip_type": 4},
    ],
    "validator_permit": [True, False],
    "active": [True, True],
    "alpha_stake": [5, 6],
    "total_stake": [7, 8],
    "last_update": [31, 32],
    "block_at_registration": [1, 2],
    "incentives": [0, 65_535],
    "dividends": [65_535, 0],
    "consensus": [0, 65_535],
    "emission": [1, 2],
}
INPUTS = {
    "SubnetInfoRuntimeApi": {"get_metagraph": 1},
    "SwapRuntimeApi": {"current_alpha_price": 1, "current_alpha_price_all": 0},
    "SubnetRegistrationRuntimeApi": {"get_network_registration_cost": 0},
    "StakeInfoRuntimeApi": {
        "get_stake_info_for_hotkey_coldkey_netuid": 3,
        "get_stake_info_for_coldkey": 1,
    },
}
"""How many arguments each runtime API takes."""
APIS: dict[str, Any] = {"get_metagraph": GRAPH, "current_alpha_price": 500_000_000}


@dataclass
class ToldEntry:
    """What the metadata says of an item: here, that it takes any keys."""

    pallet: str
    name: str
    value_type: str = "told"
    default_bytes: bytes = b"none"
    param_types: list[str] = field(default_factory=list)

    def decode_type(self, has_data: bool) -> str:
        return "told"


class ToldCodec:
    """One runtime. ``missing``: the items that its metadata does not have."""

    def __init__(self, spec_version: int = 1, missing: frozenset[str] = frozenset()) -> None:
        self.spec_version = spec_version
        self.missing = missing
        self.values: list[Any] = []
        self.map_keys: dict[str, Any] = {}
        """The keys of told maps, by their raw storage keys."""

    def write(self, value: Any) -> bytes:
        """Bytes that this runtime decodes to ``value``, and another runtime to nothing good."""
        self.values.append(value)
        return bytes((self.spec_version,)) + str(len(self.values) - 1).encode()

    def storage_entry(self, pallet: str, name: str) -> ToldEntry:
        if name in self.missing:
            raise StorageFunctionNotFound(name)
        return ToldEntry(pallet, name)

    def storage_key(self, entry: ToldEntry, keys: list[Any]) -> bytes:
        return "/".join([entry.pallet, entry.name, *map(str, keys)]).encode()

    def batch_decode(self, types: list[str], datas: list[bytes]) -> list[Any]:
        return [self.decode(type_, data) for type_, data in zip(types, datas, strict=True)]

    def decode(self, type_: str, data: bytes) -> Any:
        if data == b"none":
            return None
        if data[:1] == b"m":  # the marks of a state are encoded alike by every runtime
            return json.loads(data[1:])
        if data[0] != self.spec_version:
            raise ValueError("another runtime wrote these bytes")
        return self.values[int(data[1:])]

    def decode_map_changes(
        self, entry: ToldEntry, changes: list[tuple[str, str]], *, fixed: int
    ) -> list[tuple[Any, Any]]:
        return [
            (self.map_keys[key], self.decode("told", bytes.fromhex(value.removeprefix("0x"))))
            for key, value in changes
        ]

    # What the SDK's ``runtime_api`` asks of a codec

    @property
    def runtime_api_map(self) -> Any:
        return {
            api: {
                method: {"inputs": [("", "told")] * count, "output": "scale_info::0"}
                for method, count in methods.items()
            }
            for api, methods in INPUTS.items()
        }

    def encode(self, type_: str, value: Any) -> bytes:
        return b""

    def type_name_of(self, type_id: int) -> str:
        return "told"


class Told:
    """A session over one block whose items and runtime APIs are told by name.

    A told list under the name of a map is what ``entries`` of the map returns.
    """

    def __init__(self, *, runtime: int = 1, upgrades: bool = False, **changes: Any) -> None:
        self.items = ITEMS | {k: v for k, v in changes.items() if k[0].isupper()}
        self.apis = APIS | {k: v for k, v in changes.items() if k[0].islower()}
        self.true = ToldCodec(runtime)
        """The runtime that wrote the state."""
        self.after = ToldCodec(runtime + 1) if upgrades else self.true
        """The runtime in force after the block."""
        self.known = self.true
        """The runtime that is presumed."""
        self.methods: Counter[str] = Counter()
        self.settled = 0
        self.map_values: dict[str, Any] = {}

    async def presumed(self) -> Any:
        return Codecs(self.known, self.known)  # type: ignore[arg-type]

    async def codecs_of(self, block_hash: str) -> Any:
        assert block_hash == AT.hash
        self.settled += 1
        return Codecs(self.true, self.after)  # type: ignore[arg-type]

    def met(self, number: int, codec: Any) -> None:
        self.known = codec

    async def request(self, method: str, params: list[Any]) -> Any:
        assert params[-1] == AT.hash  # every part of an answer is pinned to one block
        self.methods[method] += 1
        return getattr(self, f"_{method}")(*params[:-1])

    def _state_queryStorageAt(self, keys: list[str]) -> Any:
        return [{"changes": [[key, self._stored(key)] for key in keys]}]

    def _stored(self, key: str) -> str | None:
        pallet, name, *_ = bytes.fromhex(key.removeprefix("0x")).decode().split("/")
        marks: dict[str, Any] = {
            "Number": AT.number,
            "LastRuntimeUpgrade": {"spec_version": self.true.spec_version},
            "Digest": {
                "logs": [] if self.after is self.true else ["RuntimeEnvironmentUpdated"],
            },
        }
        if pallet == "System" and name in marks:
            return "0x" + (b"m" + json.dumps(marks[name]).encode()).hex()
        value = self.map_values.get(key, self.items.get(name))
        return None if value is None else "0x" + self.true.write(value).hex()

    def _state_getKeysPaged(self, prefix: str, count: int, start: str) -> list[str]:
        if start != prefix:
            return []
        name = bytes.fromhex(prefix.removeprefix("0x")).decode().split("/")[1]
        keys = []
        for index, (key, value) in enumerate(self.items[name]):
            raw = prefix + f"/{index}".encode().hex()
            self.true.map_keys[raw], self.map_values[raw] = key, value
            keys.append(raw)
        return keys

    def _state_call(self, method: str, params: str) -> str:
        return "0x" + self.after.write(self.apis[method.split("_", 1)[1]]).hex()
