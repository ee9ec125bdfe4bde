"""Assay: build and run subnets. What runs a neuron from Python can be imported from here.

    from assay import open_hotkey, open_subnet, run_miner, run_validator

The rooms, and what each one knows:

``types text errors clock files home aio task_file``
    Words that all rooms use, and importing a user's file. Standard library only.
``spawn child supervise outcome frozen workers``
    Processes: starting them, keeping them alive, how they ended, what they share; and heavy work in
    its own ones.
``localnet``
    The node: runs the Wasm runtime, builds blocks, keeps them, answers JSON-RPC.
    It knows nothing of neurons.
``chain``
    The client side of any chain, local or public: one interface, the bittensor SDK behind it,
    and an in-memory fake that passes the same tests.
``wire``
    Signed requests and signed replies between neurons. It knows nothing of tasks or chains.
``objects``
    Files named by their content's hash, kept on disk and moved between neurons.
``protocol``
    The messages of each task, shared by its miners and its validators.
``neuron``
    The Task interface, the miner and the validator, and what puts them together.
``models``
    Model code that miners and validators share.
``training``
    What peers and validators of a training run compute alike, to the bit.
``gateway``
    What outside clients talk to: OpenAI's interface in front of a subnet's miners.
``miners validators``
    The tasks that ship: language-model inference.
``scoring``
    The arithmetic of incentives; ``scoring.reference`` is the chain's own, slow and readable.
``lab``
    Cheats and faults that wrap the real code from outside. Nothing imports it.
``metrics``
    The list of what a process counts of itself, and how.
``needs``
    What a task needs beyond the base installation. It runs before anything is installed.
``cli``
    What a person sees. It may import everything.

Who may import whom is data in ``tests/tidy/layers.toml``, held by a test.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from assay.chain.interface import Endpoint as Endpoint
    from assay.chain.wallets import open_hotkey as open_hotkey
    from assay.neuron.loader import load_miner as load_miner
    from assay.neuron.loader import load_validator as load_validator
    from assay.neuron.run import OpenSubnet as OpenSubnet
    from assay.neuron.run import open_subnet as open_subnet
    from assay.neuron.run import run_miner as run_miner
    from assay.neuron.run import run_validator as run_validator

_HOMES: Final = {
    "Endpoint": "assay.chain.interface",
    "OpenSubnet": "assay.neuron.run",
    "load_miner": "assay.neuron.loader",
    "load_validator": "assay.neuron.loader",
    "open_hotkey": "assay.chain.wallets",
    "open_subnet": "assay.neuron.run",
    "run_miner": "assay.neuron.run",
    "run_validator": "assay.neuron.run",
}
"""Imported when first asked for: the command line imports this package, and must start fast."""

__all__ = [
    "Endpoint",
    "OpenSubnet",
    "load_miner",
    "load_validator",
    "open_hotkey",
    "open_subnet",
    "run_miner",
    "run_validator",
]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)
