"""The executor, in three layers: ``vm`` runs Wasm, ``host`` offers it the functions of Substrate's
host API, ``call`` makes one runtime call on an overlay. Only ``vm`` and ``vm_binding`` know
wasmtime; only ``host`` knows the names that begin with ``ext_``.
"""
