"""No limit of the node contradicts another: what one promises, no other takes back.

The longest block is the runtime's to say, so its size is read from the runtime's own source.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from assay.localnet.executor.machine.allocator import BLOCK_BYTES_MAX as ALLOCATION_BYTES_MAX
from assay.localnet.limits import CoreLimits
from assay.localnet.node import _WASM_BYTES_MAX, RUNTIME_PATH
from assay.localnet.pool.limits import PoolLimits
from assay.localnet.rpc.limits import RpcLimits

CORE, POOL, RPC = CoreLimits(), PoolLimits(), RpcLimits()
HEX = 2
"""Characters a byte."""
ENVELOPE = 64 * 2**10
"""Around what a request or a reply carries: names, quotes, headers."""
PAGE_BYTES = 64 * 2**10
ROOT = Path(__file__).parents[4]


def longest_block() -> int:
    config = (ROOT / "runtime" / "src" / "config.rs").read_text(encoding="utf-8")
    found = re.search(r"^const BLOCK_BYTES: u32 = ([\d* ]+);", config, re.MULTILINE)
    assert found is not None
    size = 1
    for factor in found[1].split("*"):
        size *= int(factor)
    return size


BLOCK = longest_block()
AT_MOST = {
    # What the runtime makes, the node can take, keep and hand out.
    "the longest block is an argument": (BLOCK + ENVELOPE, CORE.argument_bytes_max),
    "an argument can be written into memory": (CORE.argument_bytes_max, ALLOCATION_BYTES_MAX),
    "and leaves the runtime most of it": (
        CORE.argument_bytes_max * 4,
        CORE.memory_pages_max * PAGE_BYTES,
    ),
    "the longest block is a reply": (BLOCK * HEX + ENVELOPE, RPC.reply_bytes_max),
    "the largest extrinsic fits into a block": (CORE.extrinsic_bytes_max, BLOCK),
    "it comes in one frame": (CORE.extrinsic_bytes_max * HEX + ENVELOPE, RPC.frame_bytes_max),
    "and finds room in the pool": (CORE.extrinsic_bytes_max, POOL.ready_bytes),
    "the committed runtime is an extrinsic": (
        RUNTIME_PATH.stat().st_size + ENVELOPE,
        CORE.extrinsic_bytes_max,
    ),
    "and is read": (RUNTIME_PATH.stat().st_size, _WASM_BYTES_MAX),
    # A stranger gets less than who makes blocks, and one sort of stranger's question less again.
    "a query is shorter than a block": (CORE.fuel_per_query * 8, CORE.fuel_per_block_call),
    "also in host calls": (CORE.host_calls_per_query * 8, CORE.host_calls_per_block_call),
    "a check is no longer than a query": (CORE.fuel_per_validation, CORE.fuel_per_query),
    "nor in host calls": (CORE.host_calls_per_validation, CORE.host_calls_per_query),
    "the shortest slots can be told apart": (2, CORE.slot_ms_min),
    "the shortest is below the longest": (CORE.slot_ms_min * 1_000, CORE.slot_ms_max),
    "a trap's message is a reply": (
        CORE.logs_per_call_max * CORE.log_line_chars_max * 6,  # as escapes in JSON
        RPC.reply_bytes_max,
    ),
    # The pool: one sender leaves room for others, and the waiting for the ready.
    "one sender has a quarter of the places": (POOL.sender_ready_count * 4, POOL.ready_count),
    "and fewer of those that wait": (POOL.sender_future_count * 8, POOL.future_count),
    "those that wait are fewer": (POOL.future_count, POOL.ready_count),
    "and take less": (POOL.future_bytes, POOL.ready_bytes),
    "what is banned is remembered for a full pool": (POOL.ready_count, POOL.banned_count),
    "an old transaction is looked at before it expires": (
        POOL.revalidate_after_blocks * (POOL.ready_count // POOL.revalidate_per_block),
        POOL.longevity_blocks_max,
    ),
    # The RPC: one connection does not use up what all have.
    "some frames come at a time": (RPC.frame_bytes_max * 4, RPC.incoming_bytes_max),
    "what is not metered stays small": (
        RPC.incoming_unmetered_bytes * RPC.connections_max,
        RPC.incoming_bytes_max,
    ),
    "also on the way out": (
        RPC.outbox_unmetered_bytes * RPC.connections_max,
        RPC.outboxes_bytes_max,
    ),
    "an outbox holds the longest reply": (RPC.reply_bytes_max, RPC.outbox_bytes_max),
    "some outboxes may be full": (RPC.outbox_bytes_max * 2, RPC.outboxes_bytes_max),
    "an outbox takes the answers of a whole batch": (
        RPC.batch_calls_max,
        RPC.outbox_messages_max,
    ),
    "a batch's calls are values of its frame": (RPC.batch_calls_max * 4, RPC.frame_values_max),
    "so are the keys of one question": (RPC.storage_keys_max, RPC.frame_values_max),
    "one connection does not subscribe for all": (
        RPC.subscriptions_max * 8,
        RPC.subscriptions_of_all_max,
    ),
    "nor watch for all": (
        RPC.watched_keys_max * RPC.watched_key_bytes_max,
        RPC.watched_of_all_bytes_max,
    ),
    "a query over one block reads all its keys": (RPC.storage_keys_max, RPC.range_reads_max),
    "pages are smaller than what has none": (RPC.keys_page_max, RPC.keys_unpaged_max),
    # Time: whoever owes nothing runs at once, and nobody waits longer than clients do.
    "a cheap call fits into a slice": (RPC.cheap_s, RPC.slice_s),
    "a free call is one that may be made": (RPC.query_free_s, RPC.call_s_max),
    "the least share is a free call's": (RPC.query_free_s, RPC.query_least_share * RPC.call_s_max),
    "a debt is paid back before a turn is given up": (
        RPC.everybody_terms.debt_s_max / RPC.everybody_terms.payback,
        RPC.turn_wait_s,
    ),
    "a connection has less than its address": (
        RPC.connection_terms.payback,
        RPC.source_terms.payback,
    ),
    "an address has less than all": (RPC.source_terms.payback, RPC.everybody_terms.payback),
    "all have less than the node": (RPC.everybody_terms.payback, 1.0),
    "who is late for a turn is still there": (RPC.turn_wait_s, RPC.first_request_s),
    "a call ends before its peer counts as gone": (RPC.call_s_max, RPC.heartbeat_s / 2),
}


@pytest.mark.parametrize("why", AT_MOST)
def test_no_limit_contradicts_another(why: str) -> None:
    lower, upper = AT_MOST[why]
    assert 0 < lower <= upper, why
