"""Imported last of what a fork server preloads: its forks then share the objects of the rest.

A collection of garbage writes into every object that it looks at, so that the first one in each
fork would copy all modules' objects, a hundred megabytes where torch is among them. What is frozen
is looked at by none. It must not be imported anywhere else: what a process freezes it never frees
by a collection.
"""

import gc

gc.collect()
gc.freeze()
