"""The laboratory: cheats and faults put around real miners from outside. Nothing imports it.

``around`` is the wrapper that all share, ``cheats`` are miners that take pay without the work,
``faults`` are honest ones that have a bad day. ``edited_copy`` changes a model's parameters.
"""
