"""The randomness beacon of a chain off the network: signs rounds, and brings them into blocks.

``pulse`` is what a round's signature is and how it becomes an extrinsic; ``schedule`` says which
rounds are due. ``local`` makes pulses for one node, with the key that the chain's genesis names;
``remote`` brings them to a node over its RPC, made with that key or as ``published`` by somebody
else. The other half is the runtime's pallet ``drand``, which verifies them, and the runtime does
all the arithmetic: nothing here knows a curve.
"""
