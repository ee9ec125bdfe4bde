"""The MEV shield's half in the host: announces keys, and opens what clients sealed to them.

``envelope`` says which extrinsics carry something sealed, and what may come out of one; ``cipher``
opens; ``keyring`` holds the keys and says when there is a new one; ``author`` is what the makers of
blocks ask. The other half is the pallet ``mev-shield`` of the runtime. Nothing here knows how a
block is made.
"""
