"""Training: what peers and validators of a run compute alike, to the bit.

``documents`` are the texts that a ``corpus`` is made of; ``order`` says who reads what of it;
``network`` puts a flat array of numbers into a network and takes it out again; ``inner`` is a
window's steps; ``state`` is what all peers hold between two windows, and its hash; ``fold`` leads
from one state to the next; ``work`` is a peer's part of a window, and the check of it; ``parallel``
takes its steps in several processes, each of which runs ``ranks``; ``sealed`` hides a message until
its key is shown; ``stored`` is a state, and what a peer carries, as bytes; ``measure`` is the loss
on sequences.

``run_folder`` is a run on the disk, and ``profile`` the machine that computes it. A neuron computes
nothing of this itself: ``trainer`` is its handle of a process, ``messages`` what the two say to
each other, and ``worker`` the process's side. ``exported`` is the run's model as a standard folder,
``lineage`` what that says of where it comes from; ``lineage_book`` adds that up in every state,
``state_tree`` proves it by the state's hash, and ``run_lineage`` asks the chain for that hash.

To follow a run: ``chain_records`` is what a chain says of its windows, ``exchange`` how objects go
between its neurons, ``follower`` holds the newest state, ``source`` brings a run's files to a
newcomer, ``shown`` tells who runs a miner of its last window, ``run_parts`` puts all of it together
for a neuron, and ``run_task`` is what both halves of the task are. None of them needs torch here: a
trainer's process has it.
"""
