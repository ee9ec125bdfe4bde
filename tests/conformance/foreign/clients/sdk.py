"""The SDK, unmodified, as somebody's script: transfers, stakes, reads the metagraph.

Run in the foreign clients' own environment: ``sdk.py URL HOTKEY``. Prints what it saw as JSON.
"""

from __future__ import annotations

import json
import sys
import tempfile
from types import SimpleNamespace
from typing import Any

import bittensor as bt
from bittensor.sp_core import Keypair

NETUID = 1
FUNDS_TAO = 50
SENT_TAO = 1.25
STAKED_TAO = 5


def spent(result: Any) -> dict[str, Any]:
    result.raise_for_failure()
    return {"block": result.block_hash, "fee_rao": result.fee.rao}


def seen(neuron: Any) -> dict[str, Any]:
    return {
        "hotkey": neuron.hotkey,
        "coldkey": neuron.coldkey,
        "validator_permit": neuron.validator_permit,
        "incentive": neuron.incentive,
        "dividends": neuron.dividends,
        "consensus": neuron.consensus,
        "last_update": neuron.last_update,
        "registered": neuron.block_at_registration,
        "emission_rao": neuron.emission.rao,
        "alpha_stake_rao": neuron.alpha_stake.rao,
        "axon": neuron.axon,
    }


def run(url: str, hotkey: str, folder: str) -> dict[str, Any]:
    wallet = bt.Wallet("script", "default", path=folder)
    wallet.create_new_coldkey(use_password=False, suppress=True, on_mnemonic=lambda _: None)
    wallet.create_new_hotkey(use_password=False, suppress=True, on_mnemonic=lambda _: None)
    mine = wallet.coldkeypub.ss58_address
    alice = Keypair.create_from_uri("//Alice")
    rich = SimpleNamespace(coldkey=alice, coldkeypub=alice, hotkey=alice)
    other = Keypair.create_from_uri("//Script/Other").ss58_address
    chain = bt.Subtensor(url)
    funded = chain.execute(bt.Transfer(dest_ss58=mine, amount_tao=FUNDS_TAO), rich)
    sent = chain.execute(bt.Transfer(dest_ss58=other, amount_tao=SENT_TAO), wallet)
    staked = chain.execute(
        bt.AddStake(hotkey_ss58=hotkey, netuid=NETUID, amount_tao=STAKED_TAO),
        wallet,
    )
    graph = chain.subnets.metagraph(NETUID)
    at = graph.block
    (position,) = chain.staking.stake_for_coldkey(mine, block=at)
    return {
        "coldkey": mine,
        "other": other,
        "funded": spent(funded),
        "sent": spent(sent),
        "staked": spent(staked),
        "at": at,
        "balance_rao": chain.balances.get(mine, block=at).rao,
        "position": [position.netuid, position.hotkey, position.stake.rao],
        "tempo": graph.tempo,
        "owner": [graph.owner_coldkey, graph.owner_hotkey],
        "price": graph.price,
        "neurons": [seen(neuron) for neuron in graph.neurons],
        "spec": chain.spec_version,
    }


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        sys.stdout.write(json.dumps(run(sys.argv[1], sys.argv[2], folder)) + "\n")
