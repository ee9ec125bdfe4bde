"""The SDK's 10.x lines, unmodified, as somebody's neuron: registers, stakes, sets weights, reads.

Run in an environment of the line's own: ``sdk10.py URL VALIDATOR``, VALIDATOR being a hotkey to
stake behind. Prints what it saw as JSON, in the last line.
"""

from __future__ import annotations

import json
import sys
import tempfile
from typing import Any

import bittensor as bt
from bittensor_wallet import Keypair

NETUID = 1
FUNDS_TAO = 50
STAKED_TAO = 5
# What a run's first subnet has besides the metagraph. `all_subnets` is not asked: in 10.2 it reads
# an item that the public chain has removed (Swap.AlphaSqrtPrice).
READS = {
    "info": lambda chain, block: chain.get_subnet_info(NETUID, block=block),
    "infos": lambda chain, block: chain.get_all_subnets_info(block=block),
    "hyperparameters": lambda chain, block: chain.get_subnet_hyperparameters(NETUID, block=block),
    "graph": lambda chain, block: chain.get_metagraph_info(NETUID, block=block),
    "graphs": lambda chain, block: chain.get_all_metagraphs_info(block=block),
    "subnet": lambda chain, block: chain.subnet(NETUID, block=block),
    "price": lambda chain, block: chain.get_subnet_price(NETUID, block=block),
    "cost": lambda chain, block: chain.get_subnet_burn_cost(block=block),
}


def wallet(folder: str, name: str) -> Any:
    made = bt.Wallet(name=name, hotkey="default", path=folder)
    made.create_if_non_existent(
        coldkey_use_password=False, hotkey_use_password=False, suppress=True
    )
    return made


def rich(folder: str) -> Any:
    """A wallet of the development account //Alice."""
    made = bt.Wallet(name="rich", hotkey="default", path=folder)
    alice = Keypair.create_from_uri("//Alice")
    made.set_coldkey(keypair=alice, encrypt=False, overwrite=True)
    made.set_coldkeypub(keypair=alice, encrypt=False, overwrite=True)
    made.set_hotkey(keypair=alice, encrypt=False, overwrite=True)
    return made


def done(response: Any) -> bool:
    """Whether a call succeeded; both lines answer with a record that has this field."""
    if not response.success:
        raise RuntimeError(response.message)
    return True


def columns(graph: Any) -> dict[str, Any]:
    return {
        "uids": graph.uids.tolist(),
        "hotkeys": list(graph.hotkeys),
        "coldkeys": list(graph.coldkeys),
        "incentive": graph.I.tolist(),
        "dividends": graph.D.tolist(),
        "consensus": graph.C.tolist(),
        "validator_permit": [bool(permit) for permit in graph.validator_permit.tolist()],
        "last_update": graph.last_update.tolist(),
        "alpha_stake": graph.alpha_stake.tolist(),
        "tempo": int(graph.hparams.tempo),
        "owner": [graph.owner_coldkey, graph.owner_hotkey],
        "weights": graph.W.tolist(),
    }


def run(url: str, validator: str, folder: str) -> dict[str, Any]:
    chain = bt.Subtensor(network=url)
    mine = wallet(folder, "neuron")
    address, hotkey = mine.coldkeypub.ss58_address, mine.hotkey.ss58_address
    plain = {"mev_protection": False}
    done(chain.transfer(rich(folder), address, bt.Balance.from_tao(FUNDS_TAO), **plain))
    done(chain.burned_register(mine, NETUID, **plain))
    amount = bt.Balance.from_tao(STAKED_TAO)
    done(chain.add_stake(mine, NETUID, validator, amount, **plain))
    uid = chain.get_uid_for_hotkey_on_subnet(hotkey, NETUID)
    # A neuron without a permit may weigh itself.
    done(chain.set_weights(mine, NETUID, [uid], [1.0], version_key=0, block_time=0.25, **plain))
    block = chain.get_current_block()
    graph = chain.metagraph(NETUID, lite=False, block=block)
    return {
        "version": bt.__version__,
        "at": block,
        "coldkey": address,
        "hotkey": hotkey,
        "uid": uid,
        "balance_rao": chain.get_balance(address, block=block).rao,
        "stake_rao": chain.get_stake(address, validator, NETUID, block=block).rao,
        "metagraph": columns(graph),
        "reads": {name: str(read(chain, block)) for name, read in READS.items()},
    }


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as made:
        sys.stdout.write("\n" + json.dumps(run(sys.argv[1], sys.argv[2], made)) + "\n")
