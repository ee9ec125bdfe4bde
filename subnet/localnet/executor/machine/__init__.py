"""The Wasm machine: a module is checked, compiled, kept, instantiated and called.

``code`` unpacks a runtime, ``wasm_binary`` reads its sections, ``vm`` compiles and calls it through
``vm_binding``, ``module_cache`` keeps what was compiled. ``wasm_memory`` and ``allocator`` are the
running instance's memory and heap, ``call_meter`` what a call has spent. Only ``vm``,
``vm_binding`` and ``wasm_memory`` know wasmtime; nothing here knows a host function by name.
"""
