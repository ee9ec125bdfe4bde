"""The wire's defences one by one: which tests try each, and the change that takes it away.

A row of the table of threats has one or more defences. Each is a list of tests and a few changes
of the source: text that stands exactly once in a file of ``subnet/wire``, and what replaces it. A
change takes the defence away, or raises its bound far beyond what the tests ask for where a missing
one would fill the memory of the machine that runs them.
"""

from __future__ import annotations

from typing import Final, NamedTuple


class Change(NamedTuple):
    """``new`` in the place of ``old`` in ``subnet/wire/<file>.py``."""

    file: str
    old: str
    new: str


class Defence(NamedTuple):
    """Each of ``tests`` fails where ``changes`` are made."""

    tests: tuple[str, ...]
    changes: tuple[Change, ...]


def without(tests: str, *changes: tuple[str, str, str]) -> Defence:
    """A defence: the names of its ``tests``, and what takes it away."""
    return Defence(tuple(tests.split()), tuple(Change(*change) for change in changes))


_PAYLOAD: Final = r'f"{REQUEST_DOMAIN}\n{SCHEME}\n{method.upper()}\n{target}\n{body_hash}\n'
_REPLY: Final = r'f"{REPLY_DOMAIN}\n{scope}\n{request_hash.hex()}\n{status}\n'
_REPLY_END: Final = r'f"{body_digest.hex()}\n{sender}\n{receiver}"'

DEFENCES: Final[dict[str, tuple[Defence, ...]]] = {
    "a caller claims a hotkey": (
        without("test_foreign_signature", (
            "signing", "if not keys.verify(claim.signature, payload, claim.public_key):",
            "if False:",
        )),
        without("test_missing_header", ("signing", "if head.version != VERSION:", "if False:")),
    ),
    "somebody answers as a miner": (
        without("test_reply_by_somebody_else", (
            "exchange", 'match is None or ours.get("hotkey") != address:', "match is None:",
        )),
        without("test_reply_without_a_signature", (
            "exchange", 'if "signature" not in ours:', "if False:",
        )),
    ),
    "a request for A sent to B": (
        without("test_wrong_receiver", (
            "signing", "elif head.receiver != self_address:", "elif False:",
        )),
        without("test_absent_receiver", ("signing", "if not accept_unbound:", "if False:")),
    ),
    "a source address is faked": (
        without("test_no_header_changes_the_source", (
            "axon", "self.dispatcher.open(head, connection.source)",
            'self.dispatcher.open(head, request.headers.get("X-Forwarded-For", "?"))',
        )),
    ),
    "body, path, query, method": (
        without("test_tampered_body", (
            "signing", _PAYLOAD, _PAYLOAD.replace("{body_hash}", "-"),
        )),
        without("test_tampered_path", (
            "signing", _PAYLOAD, _PAYLOAD.replace("{target}", "{target.partition('?')[2]}"),
        )),
        without("test_tampered_query", (
            "signing", _PAYLOAD, _PAYLOAD.replace("{target}", "{target.partition('?')[0]}"),
        )),
        without("test_tampered_method", (
            "signing", _PAYLOAD, _PAYLOAD.replace("{method.upper()}", "-"),
        )),
    ),
    "a reply's body or status": (
        without("test_tampered_reply_body", (
            "signing", _REPLY_END, _REPLY_END.replace("{body_digest.hex()}", "-"),
        )),
        without("test_tampered_reply_status", (
            "signing", _REPLY, _REPLY.replace("{status}", "-"),
        )),
    ),
    "a reply to another request": (
        without("test_reply_to_another_request", (
            "signing", _REPLY, _REPLY.replace("{request_hash.hex()}", "-"),
        )),
    ),
    "a signature used elsewhere": (
        without("test_a_request_can_never_pass_for_a_reply", (
            "signing", 'REPLY_DOMAIN: Final = "assay-reply/1"', 'REPLY_DOMAIN: Final = "btauth/1"',
        )),
        without("test_a_stream_can_never_pass_for_a_reply", (
            "signing", 'STREAM_DOMAIN: Final = "assay-stream/1"',
            'STREAM_DOMAIN: Final = "assay-reply/1"',
        )),
    ),
    "frames of a stream": (
        without(
            "test_each_damage_is_one_clear_error test_a_stream_is_bound_to_all_of_its_call",
            ("stream", "if self._holds(seals[-1].seal):", "if True:"),
        ),
    ),
    "a stream cut short": (
        without("test_cut_at_each_of_100_points_is_told_as_cut", (
            "stream_client", "        if reader.state is not StreamState.ENDED:",
            "        if False:",
        )),
        without("test_a_seal_cannot_pass_for_an_end", (
            "stream", "word = PART if kind == SEAL else FAILED if failing else WHOLE",
            "word = PART",
        )),
    ),
    "a miner denies its answer": (
        without("test_every_part_of_a_reply_is_signed", (
            "signing", _REPLY_END, _REPLY_END.replace("{receiver}", "-"),
        )),
        without("test_every_field_is_under_a_signature", (
            "evidence",
            "if not keys.verify(evidence.reply_signature, payload, _key(evidence.peer)):",
            "if False:",
        )),
    ),
    "answers nobody can be shown": (
        without(
            "test_a_signed_answer_that_nobody_could_be_shown_is_none"
            " test_a_stream_that_nobody_could_be_shown_is_none",
            ("evidence", "    check_headers(signed)", "    pass"),
        ),
    ),
    "evidence that fills a disk": (
        without("test_signed_headers_may_have_so_many_bytes_and_no_more", (
            "evidence",
            "if sum(len(name) + len(value) for name, value in headers) > SIGNED_HEADERS_BYTES_MAX:",
            "if False:",
        )),
        without("test_signed_headers_may_be_so_many_and_no_more", (
            "evidence", "if len(headers) > SIGNED_HEADERS_MAX:", "if False:",
        )),
    ),
    "errors tell too much": (
        without("test_a_broken_handler_is_a_signed_500_without_its_words", (
            "dispatch", 'UnsendableAnswer) else "the handler failed"',
            "UnsendableAnswer) else str(error)",
        )),
        without("test_the_error_holds_no_word_of_a_stranger", (
            "synapse", "MessageInvalid(_without_content(str(error)))", "MessageInvalid(str(error))",
        )),
    ),
    "secrets in logs": (
        without("test_a_signer_does_not_show_its_secret", (
            "keys", 'return f"SeedSigner({self.address})"', "return repr(self._pair)",
        )),
    ),
    "floods of cheap requests": (
        without("test_a_flooding_source_is_refused_before_cryptography", (
            "admission", "if not source.bucket.take(now_s):", "if False:",
        )),
    ),
    "emptying a victim's bucket": (
        without("test_victims_bucket_cannot_be_emptied_by_others", (
            "dispatch", "        signing.verify_request(ticket.head, claim, body_hash)\n",
            "        self._admission.debit(claim.public_key, ticket.source, ticket.opened_s)\n"
            "        signing.verify_request(ticket.head, claim, body_hash)\n",
        )),
    ),
    "floods that buy signatures": (
        without(
            "test_a_flood_cannot_buy_signatures"
            " test_a_forgery_buys_no_signature_beyond_the_budget",
            ("admission", "return self._refusals.take(now_s)", "return True"),
        ),
    ),
    "connections held by a crowd": (
        without("test_strangers_cannot_take_every_place", (
            "connections", "STRANGERS_SHARE: Final = 0.75", "STRANGERS_SHARE: Final = 1.0",
        )),
        without("test_validators_get_in_through_a_silent_crowd", (
            "connections", "kept = self._drop_a_stranger() or self._drop_of_greediest(own)",
            "kept = False",
        )),
        without("test_nobody_who_is_being_answered_gives_way", (
            "connections", "elif connection.is_serving:", "elif False:",
        )),
        without("test_descriptors_are_left_for_the_rest_of_the_process", (
            "axon", "descriptors - _DESCRIPTORS_KEPT", "descriptors",
        )),
        without("test_a_refused_head_keeps_no_connection", (
            "axon", "kept only for who was let in.\n        response.force_close()",
            "kept only for who was let in.",
        )),
    ),
    "requests sent ahead": (
        without("test_requests_sent_ahead_wait_unread", (
            "http_connection", "            self._pause_reading_for_buffer()", "            pass",
        )),
    ),
    "peers that answer much": (
        without("test_oversized_reply_is_stopped_while_streaming", (
            "dendrite", "if size > size_max:", "if False:",
        )),
        without("test_large_replies_at_once_are_bounded_and_small_ones_still_read", (
            "dendrite", "return self._replies_bytes > limits.replies_bytes_max and size > share",
            "return False",
        )),
    ),
    "tiny chunks, empty replies": (
        without("test_a_reply_that_is_mostly_overhead_is_cut_off", (
            "dendrite", "return overhead > self._overhead_bytes_max + body // _OVERHEAD_SHARE",
            "return False",
        )),
        without(
            "test_what_comes_unasked_ends_an_idle_connection",
            ("dendrite", "if piece and self._has_answered():", "if False:"),
            ("dendrite", "            if self._is_mostly_overhead():", "            if False:"),
        ),
    ),
    "huge or compressed bodies": (
        without(
            "test_oversized_without_a_length_is_stopped_while_streaming",
            ("dispatch", "if size > size_max:", "if False:"),
            ("limits", "bodies_bytes_max: int = 256 * 2**20", "bodies_bytes_max: int = 2**24"),
        ),
        without("test_compressed_bomb", (
            "dispatch", "if head.content_encoding is not None:", "if False:",
        )),
        without("test_compressed_bomb_in_a_reply_is_not_unpacked", (
            "dendrite", "auto_decompress=False", "auto_decompress=True",
        )),
    ),
    "slow senders, slow readers": (
        without("test_slow_head", (
            "axon", "                        connection.force_close()",
            "                        pass",
        )),
        without("test_slow_body", (
            "axon", "asyncio.timeout(min(self._limits.body_s_max, ticket.budget_s))",
            "asyncio.timeout(None)",
        )),
        without("test_a_caller_that_does_not_read_its_reply_is_cut", (
            "axon", "                        connection.abort_unsent()",
            "                        pass",
        )),
    ),
    "a stream that nobody reads": (
        without(
            "test_a_slow_reader_costs_a_mebibyte_at_most"
            " test_a_handler_waits_for_the_reader_that_never_reads",
            ("stream_server", "_AHEAD_BYTES_MAX: Final = 2**16", "_AHEAD_BYTES_MAX: Final = 2**24"),
            ("stream_server", "_AHEAD_FRAMES_MAX: Final = 512", "_AHEAD_FRAMES_MAX: Final = 2**15"),
        ),
        without("test_a_handler_waits_for_the_reader_that_never_reads", (
            "axon", "            connection.keep_little_unsent()\n", "",
        )),
        without("test_a_slow_reader_costs_a_mebibyte_at_most", (
            "dendrite",
            "end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _STREAM_RECEIVING_BYTES)", "",
        )),
    ),
    "a stream without end": (
        without("test_a_stream_that_never_falls_silent_ends_with_its_budget", (
            "stream_server", "await bounded(self._clock, self._budget_s, self._make())",
            "await self._make()",
        )),
        without("test_silence_ends_a_stream_on_the_axons_side", (
            "stream_server",
            "await bounded(self._clock, max(left_s, 0.0), self._something())",
            "await self._something()",
        )),
        without("test_a_stream_has_so_many_frames_at_most", (
            "stream_server", "if self._made >= self._frames_max:", "if False:",
        )),
    ),
    "many nonces, many sources": (
        without("test_memory_is_bounded_and_full_memory_lets_no_replay_in", (
            "replay", "if self._count > self._nonces_max:", "if False:",
        )),
        without("test_tables_are_bounded_and_forget_the_longest_unused", (
            "admission", "if len(self) > self._entries_max:", "if False:",
        )),
        without("test_a_crowd_of_new_addresses_does_not_make_a_proven_one_be_forgotten", (
            "admission", "self._proven_sources.keep(key, source)",
            "self._sources.keep(key, source)",
        )),
    ),
    "deep or odd messages": (
        without("test_depth_is_no_crash", (
            "synapse", "except RecursionError:", "except ZeroDivisionError:",
        )),
        without("test_what_is_not_messagepack_is_refused", (
            "synapse", "except (msgspec.DecodeError, UnicodeDecodeError):",
            "except ZeroDivisionError:",
        ), (
            "synapse", "except Exception as error:  # of a builder's own class",
            "except ZeroDivisionError as error:  # of a builder's own class",
        )),
    ),
    "places held by rivals": (
        without("test_half_of_the_places_belong_to_permit_holders", (
            "concurrency", "half = 2 if ranked else 1", "half = 1",
        )),
        without(
            "test_two_rivals_with_long_requests_do_not_keep_validators_out",
            ("concurrency", "half = 2 if ranked else 1", "half = 1"),
            ("concurrency", "self._kept = places_max // KEPT_PART", "self._kept = 0"),
        ),
    ),
    "places held by streams": (
        without("test_streams_hold_half_of_the_places_and_no_more", (
            "concurrency", "        if stream:", "        if False:",
        )),
    ),
    "places held by a few callers": (
        without(
            "test_the_last_quarter_is_for_hotkeys_that_run_few"
            " test_two_permit_holders_with_slow_streams_do_not_keep_a_third_out",
            ("concurrency", "KEPT_PART: Final = 4", "KEPT_PART: Final = 1_000"),
        ),
    ),
    "slow handlers": (
        without("test_the_queue_is_bounded_and_says_when_to_come_back", (
            "concurrency", "elif self.waiting >= limits.waiting_max or (", "elif False and (",
        )),
        without("test_a_callers_budget_ends_the_handler", (
            "dispatch", "await bounded(self._clock, caller.budget_s, handler(message, caller))",
            "await handler(message, caller)",
        )),
    ),
    "unknown keys get service": (
        without(
            "test_unknown_caller_gets_a_signed_403 test_registered_without_permit_is_told_so",
            ("admission", "if membership < (self._serve if least is None else least):",
             "if False:"),
        ),
    ),
    "an address points inward": (
        without(
            "test_private_targets_can_be_refused"
            " test_no_row_of_the_special_purpose_registries_is_public",
            ("address_check", "return not _within(address, SPECIAL)", "return True"),
        ),
        without("test_the_metadata_of_clouds_is_never_called", (
            "address_check", "_within(address, _LAN) and not _within(address, _NOT_LAN)",
            "_within(address, _LAN)",
        )),
        without("test_no_wrapping_of_an_inner_address_is_called", (
            "address_check",
            "isinstance(address, ipaddress.IPv6Address) and address not in _IPV6_UNICAST", "False",
        )),
    ),
    "replays, also after a crash": (
        without("test_replayed", (
            "replay", "if bucket is not None and (public_key, nonce_ns) in bucket:", "if False:",
        )),
        without("test_restart_after_a_crash_refuses_what_was_accepted", (
            "replay", "return now_ns - 1 if saved is None else saved", "return now_ns - 1",
        )),
    ),
}  # fmt: skip
"""By the threat's line in the table of ``subnet/wire/__init__.py``."""
