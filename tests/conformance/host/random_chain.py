"""A chain of random calls: every pallet, valid and invalid, nested, rolled back; and root's.

The walk is drawn from a seed, so a disagreement can be replayed. Calls are encoded by the SDK's
codec from the runtime's own metadata. Most are refused somewhere inside the runtime, which is the
point: they start transactions, write, and roll back.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from bittensor_core import Keypair, Runtime

from assay.localnet.backend import Backend, BuiltBlock, InvalidTransaction
from assay.localnet.primitives.scale import Reader
from tests.unit.subnet.localnet.core_chain import SLOT_DURATION, sign, step

PEOPLE = [Keypair.create_from_uri(f"//{name}") for name in ("Alice", "Bob", "Charlie", "Dave")]
HOTKEYS = [Keypair.create_from_uri(f"//hot{number}") for number in range(6)]
NETUIDS = (0, 1, 2, 3, 9)
RAO = 10**9

Call = tuple[str, str, dict[str, Any]]


class RandomChain:
    """Drives ``chain`` by random calls."""

    def __init__(self, chain: Backend, seed: int) -> None:
        self.chain = chain
        self.rng = random.Random(seed)
        metadata = chain.call("Metadata_metadata_at_version", (15).to_bytes(4, "little"))
        version = chain.runtime_version()
        self.codec = Runtime(
            Reader(metadata[1:]).bytes(), version.spec_version, version.transaction_version, 42
        )
        self.nonces: dict[bytes, int] = {}
        self.included = 0
        self.upgrades = 0
        self._makers: list[Callable[[], Call]] = [
            self._transfer,
            self._register_network,
            self._burned_register,
            self._add_stake,
            self._remove_stake,
            self._set_weights,
            self._serve_axon,
            self._commitment,
            self._take,
            self._start_call,
            self._batch,
            self._batch,
            self._sudo,
            self._remark,
            self._swap_hotkey_things,
        ]

    # -- driving

    def run(self, blocks: int, per_block: int) -> None:
        for _ in range(blocks):
            ready = [self._extrinsic() for _ in range(self.rng.randrange(per_block + 1))]
            built = step(self.chain, *ready)
            self.included += len(built.included)
            self.nonces.clear()  # what was refused in the pool leaves gaps

    def upgrade(self) -> None:
        """Replace the code by the same with one more custom section: another hash, same rules."""
        code = self.chain.state().get(b":code")
        assert code is not None
        self.upgrades += 1
        marked = code + b"\x00\x06\x04mark" + bytes((self.upgrades,))
        inner = self.compose("System", "set_code_without_checks", {"code": marked})
        assert self._by_root(inner).changes[b":code"] == marked

    def slots_of(self, duration_ms: int) -> None:
        """Give the chain slots of another length."""
        items = [(SLOT_DURATION, duration_ms.to_bytes(8, "little"))]
        self._by_root(self.compose("System", "set_storage", {"items": items}))
        assert self.chain.slot_duration_ms() == duration_ms

    def _by_root(self, inner: bytes) -> BuiltBlock:
        """A block with one call that root makes."""
        weight = {"ref_time": 0, "proof_size": 0}
        call = self.compose("Sudo", "sudo_unchecked_weight", {"call": inner, "weight": weight})
        nonce = self._nonce(PEOPLE[0])
        built = step(self.chain, sign(self.chain, PEOPLE[0], call, nonce))
        assert built.included
        self.nonces.clear()
        return built

    def compose(self, pallet: str, function: str, arguments: dict[str, Any]) -> bytes:
        return bytes(self.codec.compose_call(pallet, function, arguments))

    def _extrinsic(self) -> bytes:
        """A signed call; also one the pool would refuse, but then no later one builds on it."""
        signer = self.rng.choice(PEOPLE + HOTKEYS)
        pallet, function, arguments = self.rng.choice(self._makers)()
        public, nonce = bytes(signer.public_key), self._nonce(signer)
        call = self.compose(pallet, function, arguments)
        extrinsic = sign(self.chain, signer, call, nonce)
        if self._passes_the_pool(extrinsic) and self.rng.random() < 0.97:
            self.nonces[public] = nonce + 1
        return extrinsic

    def _passes_the_pool(self, extrinsic: bytes) -> bool:
        try:
            self.chain.validate(extrinsic)
        except InvalidTransaction:
            return False
        return True

    def _nonce(self, signer: Keypair) -> int:
        public = bytes(signer.public_key)
        if public not in self.nonces:
            answer = self.chain.call("AccountNonceApi_account_nonce", public)
            self.nonces[public] = int.from_bytes(answer, "little")
        return self.nonces[public]

    def fund_hotkeys(self) -> None:
        """So that their calls get past the fee."""
        sender = PEOPLE[0]
        ready = []
        for hotkey in HOTKEYS:
            arguments = {"dest": str(hotkey.ss58_address), "value": 200 * RAO}
            call = self.compose("Balances", "transfer_keep_alive", arguments)
            ready.append(sign(self.chain, sender, call, self._nonce(sender) + len(ready)))
        built = step(self.chain, *ready)
        assert len(built.included) == len(HOTKEYS)
        self.nonces.clear()

    # -- calls

    def _address(self) -> str:
        return str(self.rng.choice(PEOPLE + HOTKEYS).ss58_address)

    def _hotkey(self) -> str:
        return str(self.rng.choice(HOTKEYS).ss58_address)

    def _netuid(self) -> int:
        return self.rng.choice(NETUIDS)

    def _amount(self) -> int:
        return self.rng.choice((0, 1, RAO // 2, RAO, 50 * RAO, 10**6 * RAO, 2**63))

    def _transfer(self) -> Call:
        function = self.rng.choice(("transfer_keep_alive", "transfer_allow_death"))
        return "Balances", function, {"dest": self._address(), "value": self._amount()}

    def _register_network(self) -> Call:
        return "SubtensorModule", "register_network", {"hotkey": self._hotkey()}

    def _burned_register(self) -> Call:
        arguments = {"netuid": self._netuid(), "hotkey": self._hotkey()}
        return "SubtensorModule", "burned_register", arguments

    def _add_stake(self) -> Call:
        arguments = {
            "hotkey": self._hotkey(),
            "netuid": self._netuid(),
            "amount_staked": self._amount(),
        }
        return "SubtensorModule", "add_stake", arguments

    def _remove_stake(self) -> Call:
        arguments = {
            "hotkey": self._hotkey(),
            "netuid": self._netuid(),
            "amount_unstaked": self._amount(),
        }
        return "SubtensorModule", "remove_stake", arguments

    def _set_weights(self) -> Call:
        uids = [uid for uid in range(5) if self.rng.random() < 0.6]
        arguments = {
            "netuid": self._netuid(),
            "dests": uids,
            "weights": [self.rng.randrange(65_536) for _ in uids],
            "version_key": 0,
        }
        return "SubtensorModule", "set_weights", arguments

    def _serve_axon(self) -> Call:
        arguments = {
            "netuid": self._netuid(),
            "version": 1,
            "ip": self.rng.choice((0, 0x7F000001, 0x08080808)),
            "port": self.rng.randrange(65_536),
            "ip_type": self.rng.choice((4, 6, 9)),
            "protocol": 4,
            "placeholder1": 0,
            "placeholder2": 0,
        }
        return "SubtensorModule", "serve_axon", arguments

    def _commitment(self) -> Call:
        data = self.rng.randbytes(self.rng.randrange(1, 60))
        info = {"fields": [[{f"Raw{len(data)}": "0x" + data.hex()}]]}
        return "Commitments", "set_commitment", {"netuid": self._netuid(), "info": info}

    def _take(self) -> Call:
        function = self.rng.choice(("decrease_take", "increase_take"))
        arguments = {"hotkey": self._hotkey(), "take": self.rng.randrange(20_000)}
        return "SubtensorModule", function, arguments

    def _start_call(self) -> Call:
        return "SubtensorModule", "start_call", {"netuid": self._netuid()}

    def _swap_hotkey_things(self) -> Call:
        function = self.rng.choice(("unstake_all", "unstake_all_alpha", "try_associate_hotkey"))
        return "SubtensorModule", function, {"hotkey": self._hotkey()}

    def _remark(self) -> Call:
        return (
            "System",
            "remark_with_event",
            {"remark": self.rng.randbytes(self.rng.randrange(300))},
        )

    def _inner_calls(self) -> list[bytes]:
        makers = [maker for maker in self._makers if maker not in (self._batch, self._sudo)]
        return [self.compose(*self.rng.choice(makers)()) for _ in range(self.rng.randrange(1, 5))]

    def _batch(self) -> Call:
        function = self.rng.choice(("batch", "batch_all", "force_batch"))
        return "Utility", function, {"calls": self._inner_calls()}

    def _sudo(self) -> Call:
        """By anyone: only Alice is heeded. Storage is set, removed, and cleared by prefix."""
        prefix = b"scratch" + bytes((self.rng.randrange(3),))
        choice = self.rng.randrange(3)
        if choice == 0:
            items = [
                (prefix + bytes((at,)), self.rng.randbytes(self.rng.choice((1, 32, 33, 90))))
                for at in range(self.rng.randrange(1, 6))
            ]
            inner = self.compose("System", "set_storage", {"items": items})
        elif choice == 1:
            keys = [prefix + bytes((at,)) for at in range(self.rng.randrange(1, 6))]
            inner = self.compose("System", "kill_storage", {"keys": keys})
        else:
            subkeys = self.rng.randrange(8)
            inner = self.compose("System", "kill_prefix", {"prefix": prefix, "subkeys": subkeys})
        return "Sudo", "sudo", {"call": inner}
