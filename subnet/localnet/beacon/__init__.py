"""The randomness beacon of a chain off the network: signs rounds, and brings them into blocks.

``pulse`` is what a round's signature is and how it becomes an extrinsic; ``local`` makes them for
one node, with the key that the chain's genesis names. The other half is the runtime's pallet
``drand``, which verifies them, and the runtime does all the arithmetic: nothing here knows a curve.
"""
