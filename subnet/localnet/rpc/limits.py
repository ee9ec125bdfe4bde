"""The RPC's limits, each with its reason. Pure data.

Whoever can open the port can send anything: each limit bounds memory or time that one client could
take from the others. A client that meets one gets a standard error, or its connection is closed.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountTerms:
    """The rules of one level of accounts of time (``call_budget.py``)."""

    free_s: float
    """A debt up to this has no consequence."""

    payback: float
    """Seconds of debt that fall in a second: the share of the node's time that is always free."""

    debt_s_max: float
    """No debt grows beyond this, so that it is paid back within seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RpcLimits:
    """What clients may ask of one server."""

    connections_max: int = 256
    """Open sockets. A supervisor, a dozen neurons and a dashboard take some twenty."""

    frame_bytes_max: int = 13 * 2**20
    """One request or batch. The largest extrinsic that the node takes, 6 MiB, has twelve in hex; a
    runtime upgrade has nine. To decode so much takes 25 to 50 ms."""

    incoming_bytes_max: int = 64 * 2**20
    """Of all connections together: what has come, whole frames or not, and is not answered yet.
    Seven runtime upgrades at once."""

    incoming_unmetered_bytes: int = 64 * 2**10
    """A connection that holds no more is served even then: 16 MiB for all that there may be. What
    neurons send, a row of weights or a query of many keys, is below it."""

    frame_values_max: int = 16_384
    """Values in one frame, whatever holds them: decoding so many takes 25 ms. The largest honest
    frame, 1,024 keys in one question, is far below."""

    batch_calls_max: int = 1_000
    """Calls in one frame; the SDK sends some tens."""

    reply_bytes_max: int = 22 * 2**20
    """One reply. The longest block of the runtime, 10 MiB (``BLOCK_BYTES`` in ``runtime``), has
    twenty in hex: with less room a block could be made that no client can read."""

    outbox_messages_max: int = 4_096
    """Messages that a client has not read yet: minutes of heads, and a full batch of watches."""

    outbox_bytes_max: int = 44 * 2**20
    """The same in bytes: two replies of the largest size."""

    outboxes_bytes_max: int = 128 * 2**20
    """Of all connections together: what clients that do not read can make the node hold, what is
    being sent included. That has a copy in the socket's buffer, so twice as much in memory."""

    outbox_unmetered_bytes: int = 512 * 2**10
    """A connection that holds no more is served even then: another 128 MiB for all that there may
    be. Metadata, the longest reply that ordinary clients need, fits in twice."""

    subscriptions_max: int = 1_024
    """On one connection, as Substrate's nodes have it."""

    subscriptions_of_all_max: int = 16_384
    """Of all connections together. A block tells each of its head: 13 ms for so many, before any
    of it is sent."""

    storage_keys_max: int = 1_024
    """Keys in one query or storage subscription."""

    watched_keys_max: int = 16_384
    """Keys in all storage subscriptions of one connection: they are kept for as long as it lives.
    The SDK watches one at a time."""

    watched_of_all_bytes_max: int = 64 * 2**20
    """The keys that all connections watch, with what the tables take for each."""

    watched_key_bytes_max: int = 1_024
    """Of a key that is subscribed to. The longest of the runtime have about 200."""

    keys_page_max: int = 1_000
    """Keys in one page, as Substrate's nodes have it; clients page by it."""

    keys_unpaged_max: int = 50_000
    """``state_getKeys`` and ``state_getPairs`` answer at most so many: about 10 MB in hex."""

    block_range_max: int = 1_024
    """Blocks that ``state_queryStorage`` walks over in one call."""

    range_reads_max: int = 16_384
    """Keys times blocks in one such call: each is a read of the database, 0.2 s in all."""

    range_bytes_max: int = 64 * 2**20
    """What is read for one such call: 20 ms. Over a thousand blocks the runtime's code alone would
    be two gigabytes."""

    hashes_max: int = 1_024
    """Numbers in one ``chain_getBlockHash``."""

    query_free_s: float = 0.05
    """A runtime call that takes no longer is nobody's concern: the ordinary ones take 10 ms."""

    call_s_max: float = 0.25
    """What one call may take of the node's only thread, whatever its arguments: nobody else is
    answered meanwhile, and no block is made."""

    query_least_share: float = 0.26
    """Of its budget, what a runtime call may always use: 65 ms. A metagraph of 256 neurons takes a
    tenth of that; half of it (0.15 of the budget) with as many lenders to each as may be."""

    query_debt_s_max: float = 2.0
    """So much time of long calls leaves the next one the least share; as much rest, all of it."""

    dev_blocks_max: int = 1_000
    """Blocks that one ``dev_newBlock`` makes: they are made at a stretch, with no other client
    served, at about a millisecond each."""

    first_request_s: float = 20.0
    """A connection that asks for nothing so long is closed: idle ones must not use up the limit."""

    body_s: float = 30.0
    """How long an HTTP body may take to arrive."""

    send_s: float = 60.0
    """How long one message may take to be read by its client; then the connection is cut."""

    heartbeat_s: float = 120.0
    """A WebSocket peer that does not answer a ping within half of this is gone. Long, because a
    client that computes in its own loop answers late and is not gone."""

    slice_s: float = 0.01
    """How long a connection that queued for its turn goes on with cheap calls before it queues
    again: queueing costs two turns of the event loop, a hundredth of this."""

    cheap_s: float = 0.005
    """A call with an estimate up to this need not queue while its payer owes nothing; a dearer one
    always does, so that no two dear ones follow each other unseen."""

    turn_wait_s: float = 10.0
    """How long a call waits for its turn before it is refused: clients give up after some tens of
    seconds, and what nobody waits for need not be done."""

    connection_terms: AccountTerms = AccountTerms(free_s=0.01, payback=0.1, debt_s_max=2.0)
    """A neuron asks for some milliseconds a second. A tenth of the node's time is free for one
    connection; one that takes more goes after those that do not."""

    source_terms: AccountTerms = AccountTerms(free_s=0.05, payback=0.5, debt_s_max=2.0)
    """One address may have all neurons of a machine behind it: half of the node's time."""

    everybody_terms: AccountTerms = AccountTerms(free_s=0.1, payback=0.8, debt_s_max=2.0)
    """With all clients together above this, every call queues. Until they owe as much, a block may
    be late by ``free_s``."""
