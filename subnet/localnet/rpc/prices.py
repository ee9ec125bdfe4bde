"""What a call is estimated to cost before it is made, in seconds of the node's thread.

A call queues by what its payer owes and by this estimate (``fair_queue``); what the call really
took is charged afterwards (``call_budget``). So an estimate need only be of the right size, above
all for what a client can make dear: long requests, many keys, many blocks, a full pool. Pure data,
measured on the machine of ``docs/chain-core.md``.
"""

from __future__ import annotations

from typing import Final

FRAME_BYTE_S: Final = 1e-9
"""Splitting a byte of a frame into its calls."""

REQUEST_BYTE_S: Final = 6e-9
"""Taking a byte of a request out of its JSON: 9 MiB take 50 ms."""

CALL_S: Final = 3e-4
"""Any call: envelope, table, parameters, reply."""

RUNTIME_CALL_S: Final = 2e-3
"""A call into the runtime: a nonce takes 0.2 ms, metadata 2 ms, a metagraph 6 ms."""

ARGUMENT_BYTE_S: Final = 2e-7
"""A byte of a runtime call's argument, where the runtime works off a list: 7 microseconds for each
account of 32 bytes at the head, four times as much at an old block."""

EXTRINSIC_BYTE_S: Final = 8e-9
"""A byte of an extrinsic: hashed, and validated by the runtime. 4 MiB take 30 ms."""

READ_S: Final = 9e-6
"""A value of an old state, read from the database."""

PENDING_S: Final = 2e-5
"""A transaction of the pool, put in order and written as hex."""

KEY_S: Final = 1e-6
"""A key of the head's state in an answer."""
