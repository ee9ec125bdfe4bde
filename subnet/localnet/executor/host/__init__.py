"""The functions of Substrate's host API, one file a concern; ``host_functions`` joins them.

``storage``, ``trie``, ``hashing``, ``crypto`` and ``misc`` are named like the functions they offer.
``context`` is what they share, and ``read_cache`` answers repeated reads within Wasm.

Each file offers one table from a function's name (``ext_…_version_N``) to a Python function of
plain integers: 32-bit values are addresses or numbers, 64-bit ones are spans (address | length <<
32). ``helper.py`` is the odd one: the most frequent functions again, as Wasm. Child storage,
offchain workers and the keystore are not offered; a runtime that calls one of theirs traps with its
name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from assay.localnet.executor.host.context import HostContext
from assay.localnet.executor.host.crypto import crypto_functions
from assay.localnet.executor.host.hashing import hashing_functions
from assay.localnet.executor.host.misc import misc_functions
from assay.localnet.executor.host.storage import storage_functions
from assay.localnet.executor.host.trie import trie_functions


def host_functions(context: HostContext) -> Mapping[str, Callable[..., Any]]:
    """Every host function that this host has, over one context."""
    return {
        **storage_functions(context),
        **crypto_functions(context),
        **hashing_functions(context),
        **trie_functions(context),
        **misc_functions(context),
    }
