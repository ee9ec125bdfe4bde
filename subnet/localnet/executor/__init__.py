"""The executor: runs a chain's runtimes.

``machine`` runs Wasm, ``host`` offers the Wasm the functions of Substrate's host API, ``call``
makes one runtime call on an overlay, ``runtimes`` keeps one executor for each runtime of a chain.
Only ``machine`` knows wasmtime; only ``host`` knows the names that begin with ``ext_``.
"""
