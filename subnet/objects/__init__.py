"""Objects: files named by a hash of their bytes, kept on disk and moved between neurons.

It adds to the wire what is too large for a message: a neuron puts a file, sends 32 bytes (the root)
in a message, and whoever has the root gets the file from any holders at once, each chunk of 64 KiB
checked when it arrives. It knows nothing of tasks or chains; who holds what is the caller's to say.

The folder, from the bytes up::

    errors      what can go wrong, with its cause and its cure
    limits      every number, with its reason; some are part of what a root means
    tree        pure: what a root is, and how a part is checked against it
    folder      one object's files: nothing is read or written unchecked
    store       all objects in a bounded folder: room, eviction, pins
    copying     between ordinary files and the store
    threads     disk and hashing beside the event loop
    messages    what is said on the wire
    serve       a holder's and a receiver's answers
    bucket      S3 and the like as a holder
    schedule    pure: which part is asked of which holder
    fetch       a transfer in, from several holders
    send        a transfer out, to a receiver that takes it
    client      ``Objects``: all of it for a task

What stands against whom
------------------------
=============================  ==================================================================
a holder sends wrong bytes     found before they are kept; the sender is named and asked no more
a holder lies from the start   the first ask is one chunk: that is what the lie costs
a holder stalls or is slow     its part is asked of an idle holder after two seconds
a holder sends endless bytes   replies are bounded by the wire; a reply is at most a range
a holder sends just enough     less than 2 MiB in two minutes ends a transfer: others get its place
a root stands for too much     ``get`` refuses more than its caller allows, before a byte has come
a head or an offer evicts      it evicts nothing: room is made for chunks that were found right
a stranger fills the disk      nobody may put by default; the store is bounded and evicts
a stranger names a path        roots are 32 bytes; no name on disk comes from anywhere else
our own disk damages a chunk   found when it is read; never sent, counted as missing, mended
``kill -9``, a power failure   what was checked is kept, and checked again before it is believed
=============================  ==================================================================
"""

from assay.objects.bucket import Bucket
from assay.objects.client import Objects, Progress
from assay.objects.serve import nobody_may_put
from assay.objects.store import ObjectStore, StoredObject
from assay.objects.tree import Root, parse_root

__all__ = [
    "Bucket",
    "ObjectStore",
    "Objects",
    "Progress",
    "Root",
    "StoredObject",
    "nobody_may_put",
    "parse_root",
]
