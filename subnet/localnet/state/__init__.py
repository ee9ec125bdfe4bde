"""The chain's state: the trie and its root, what a runtime call writes, and what is on disk.

``store`` is the database that survives; ``head`` the head's state, made of ``pairs`` (a private
database), ``recent`` and ``key_ranges`` (what was read lately) and ``trie`` with ``fold`` (hashes).
``overlay`` holds what a call writes over it, ``history`` reads old states, ``root`` checks roots.
"""
