"""Slow, readable oracles of the chain's arithmetic, in the chain's own fixed point.

Every formula is written from the public survey of the chain (its section 4) and from the notes of
what executed public runtimes do, never from our runtime's code, so that an error would have to be
made twice to go unseen. Where both sources are silent on a rounding or an order, the module says
"ours" and names the rule. Plain integers and fractions only; nothing here is fast, and no neuron
calls it.
"""
