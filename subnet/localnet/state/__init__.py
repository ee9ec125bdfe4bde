"""State: what a chain knows after a block, the changes of a call in progress, and both on disk.

``view`` is what can be read of any state. ``head`` is the newest one: ``pairs`` keeps its values,
``recent`` and ``key_ranges`` what was read lately; ``trie`` computes its Merkle root, ``fold``
keeps the trie small, and ``root`` is the same computation, slow and readable. ``history`` is a
state that is no longer the head's. ``overlay`` holds what a runtime call writes. ``store`` keeps
the chain on disk, and ``last_block`` names the newest block that clients were told of.
"""
