"""The chain's arithmetic as a specification: slow, readable, and in the chain's own fixed point.

``issuance`` and ``coinbase`` make a block's emission and divide it, ``pool`` trades TAO and alpha,
``share_pool`` keeps who holds what. ``weights`` are what validators say, ``epoch`` and ``liquid``
turn them into pay, ``null`` does without consensus, ``distribution`` hands the pay out, ``voting``
averages stakes, ``leases`` share what a subnet's owner has. ``numbers`` are those the rules are
computed in. ``aggregation`` is not the chain's: it says what trainers' messages become together.

Each other module states rules of the public chain and names where they stand in its source
(github.com/opentensor/subtensor, runtime version 425; file names are relative to
``pallets/subtensor/src`` where nothing else is said). Roundings come from public runtimes that were
executed (``tests/vectors/PROVENANCE.md``). Nothing is written from our own runtime's code, so that
an error would have to be made twice to go unseen. Where both sources leave a rounding or an order
open, the module says "ours" and states the rule. There are only plain integers and fractions;
nothing here is fast, and no neuron calls it.
"""
