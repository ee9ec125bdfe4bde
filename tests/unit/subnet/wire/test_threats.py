"""Every line of the wire's table of threats has a test that would fail without its defence."""

from __future__ import annotations

import ast
from pathlib import Path

import assay.wire

HERE = Path(__file__).parent
ROOT = HERE.parents[3]
SUITES = (
    *HERE.glob("test_*.py"),
    *(ROOT / "tests/conformance/wire").glob("test_*.py"),
    ROOT / "tests/property/test_wire_fuzz.py",
)

TESTED_BY = {
    "a caller claims a hotkey": ("test_foreign_signature", "test_missing_header"),
    "somebody answers as a miner": (
        "test_reply_by_somebody_else",
        "test_reply_without_a_signature",
    ),
    "a request for A sent to B": ("test_wrong_receiver", "test_absent_receiver"),
    "a source address is faked": ("test_no_header_changes_the_source",),
    "body, path, query, method": (
        "test_tampered_body",
        "test_tampered_path",
        "test_tampered_query",
        "test_tampered_method",
    ),
    "a reply's body or status": ("test_tampered_reply_body", "test_tampered_reply_status"),
    "a reply to another request": ("test_reply_to_another_request",),
    "a signature used elsewhere": ("test_a_request_can_never_pass_for_a_reply",),
    "frames of a stream": (
        "test_each_damage_is_one_clear_error",
        "test_a_stream_is_bound_to_all_of_its_call",
    ),
    "a stream cut short": (
        "test_cut_at_each_of_100_points_is_told_as_cut",
        "test_a_seal_cannot_pass_for_an_end",
    ),
    "a miner denies its answer": (
        "test_every_part_of_a_reply_is_signed",
        "test_every_field_is_under_a_signature",
    ),
    "errors tell too much": (
        "test_a_broken_handler_is_a_signed_500_without_its_words",
        "test_the_error_holds_no_word_of_a_stranger",
    ),
    "secrets in logs": ("test_a_signer_does_not_show_its_secret",),
    "floods of cheap requests": ("test_a_flooding_source_is_refused_before_cryptography",),
    "emptying a victim's bucket": ("test_victims_bucket_cannot_be_emptied_by_others",),
    "floods that buy signatures": (
        "test_a_flood_cannot_buy_signatures",
        "test_a_forgery_buys_no_signature_beyond_the_budget",
    ),
    "connections held by a crowd": (
        "test_strangers_cannot_take_every_place",
        "test_validators_get_in_through_a_silent_crowd",
        "test_nobody_who_is_being_answered_gives_way",
        "test_descriptors_are_left_for_the_rest_of_the_process",
        "test_a_refused_head_keeps_no_connection",
    ),
    "requests sent ahead": ("test_requests_sent_ahead_wait_unread",),
    "peers that answer much": (
        "test_oversized_reply_is_stopped_while_streaming",
        "test_large_replies_at_once_are_bounded_and_small_ones_still_read",
    ),
    "tiny chunks, empty replies": (
        "test_a_reply_that_is_mostly_overhead_is_cut_off",
        "test_what_comes_unasked_ends_an_idle_connection",
    ),
    "huge or compressed bodies": (
        "test_oversized_without_a_length_is_stopped_while_streaming",
        "test_compressed_bomb",
        "test_compressed_bomb_in_a_reply_is_not_unpacked",
    ),
    "slow senders, slow readers": (
        "test_slow_head",
        "test_slow_body",
        "test_a_caller_that_does_not_read_its_reply_is_cut",
    ),
    "a stream that nobody reads": ("test_a_slow_reader_costs_a_mebibyte_at_most",),
    "a stream without end": (
        "test_a_stream_that_never_falls_silent_ends_with_its_budget",
        "test_silence_ends_a_stream_on_the_axons_side",
        "test_a_stream_has_so_many_frames_at_most",
    ),
    "many nonces, many sources": (
        "test_memory_is_bounded_and_full_memory_lets_no_replay_in",
        "test_tables_are_bounded_and_forget_the_longest_unused",
        "test_a_crowd_of_new_addresses_does_not_make_a_proven_one_be_forgotten",
    ),
    "deep or odd messages": ("test_depth_is_no_crash", "test_what_is_not_messagepack_is_refused"),
    "places held by rivals": (
        "test_two_rivals_with_long_requests_do_not_keep_validators_out",
        "test_half_of_the_places_belong_to_permit_holders",
    ),
    "slow handlers": (
        "test_the_queue_is_bounded_and_says_when_to_come_back",
        "test_a_callers_budget_ends_the_handler",
    ),
    "unknown keys get service": (
        "test_unknown_caller_gets_a_signed_403",
        "test_registered_without_permit_is_told_so",
    ),
    "an address points inward": (
        "test_private_targets_can_be_refused",
        "test_no_row_of_the_special_purpose_registries_is_public",
        "test_no_wrapping_of_an_inner_address_is_called",
    ),
    "replays, also after a crash": (
        "test_replayed",
        "test_restart_after_a_crash_refuses_what_was_accepted",
    ),
}
ACCEPTED = {"bodies are in clear"}
"""Stands in the table as a decision, not as a defence."""


def threats() -> set[str]:
    table = (assay.wire.__doc__ or "").split("====\n", 2)[1].rsplit("\n====", 1)[0]
    return {
        line[:28].strip()
        for line in table.splitlines()
        if line[:1].isalpha() and line[28:30] == "  "
    }


def test_every_line_of_the_table_names_its_tests() -> None:
    assert threats() == set(TESTED_BY) | ACCEPTED


def test_the_tests_exist() -> None:
    found = {
        node.name
        for suite in SUITES
        for node in ast.walk(ast.parse(suite.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    assert {name for names in TESTED_BY.values() for name in names} <= found
