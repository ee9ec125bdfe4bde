"""Blocks: what one is, how the first is made, how the next is built, how one is checked.

``genesis`` makes block 0, where asked to of a chain spec that ``spec`` has read; ``builder`` the
next one, from the ``inherents`` and the transactions that ``validity`` has judged; ``slots`` says
when it may be at the earliest; ``importer`` executes a finished one again. ``spec_writing`` makes a
chain spec of a recipe, for another node.
"""
