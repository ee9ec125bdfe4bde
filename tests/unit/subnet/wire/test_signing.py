"""btauth/1 against the SDK's own module, and every line of what we sign."""

from __future__ import annotations

from hashlib import sha256

import msgspec
import pytest
from bittensor import http_auth
from bittensor.sp_core import Keypair
from blake3 import blake3

from assay.wire import keys, signing
from assay.wire.errors import Code, RequestRefused
from assay.wire.exchange import Nonces, prepare
from assay.wire.interface import Peer
from assay.wire.memory import raw_headers
from tests.unit.subnet.wire.world import ALICE, BOB, MALLORY, Question

NOW = 1_800_000_000_000_000_000
BODY = b"\x81\xa4text\xa2hi"
TARGET = "/v1/echo?budget_ms=5000"


def sdk_headers(**changes: object) -> dict[str, str]:
    options: dict[str, object] = {
        "method": "POST",
        "path": TARGET,
        "body": BODY,
        "receiver_ss58": BOB.address,
        "nonce_ns": NOW,
    }
    return http_auth.sign(Keypair.create_from_seed(b"\x01" * 32), **(options | changes))


def head_of(
    headers: dict[str, str], method: str = "POST", target: str = TARGET
) -> signing.RequestHead:
    return signing.parse_head(method, target, raw_headers(tuple(headers.items())))


# -- both directions


def test_the_sdks_seed_is_ours() -> None:
    assert Keypair.create_from_seed(b"\x01" * 32).ss58_address == ALICE.address


def test_what_the_sdk_signs_verifies_here() -> None:
    head = head_of(sdk_headers())
    claim = signing.read_claim(head, BOB.address)
    assert (claim.sender, claim.nonce_ns, claim.receiver) == (ALICE.address, NOW, BOB.address)
    signing.verify_request(head, claim, sha256(BODY).hexdigest())


def test_what_the_sdk_signs_unbound_verifies_where_allowed() -> None:
    head = head_of(sdk_headers(receiver_ss58=None))
    claim = signing.read_claim(head, BOB.address, accept_unbound=True)
    signing.verify_request(head, claim, sha256(BODY).hexdigest())


def test_what_we_sign_verifies_with_the_sdk() -> None:
    sent = prepare(
        ALICE,
        Peer(BOB.address, "127.0.0.1", 1),
        "echo",
        Question(text="hi"),
        nonce_ns=NOW,
        budget_s=5.0,
    )
    caller = http_auth.verify(
        sent.headers,
        sent.body,
        method="POST",
        path=sent.target,
        self_hotkey_ss58=BOB.address,
        nonce_store=http_auth.InMemoryNonceStore(),
        now_ns=NOW + 1,
    )
    assert (caller.hotkey_ss58, caller.nonce_ns) == (ALICE.address, NOW)


def test_what_we_sign_does_not_verify_with_the_sdk_once_changed() -> None:
    sent = prepare(ALICE, Peer(BOB.address, "h", 1), "echo", Question(), nonce_ns=NOW, budget_s=5.0)
    with pytest.raises(http_auth.BadSignature):
        http_auth.verify(
            sent.headers,
            sent.body + b"!",
            method="POST",
            path=sent.target,
            self_hotkey_ss58=BOB.address,
            nonce_store=http_auth.InMemoryNonceStore(),
            now_ns=NOW,
        )


@pytest.mark.parametrize("method", ["POST", "get"])
@pytest.mark.parametrize("path", ["/", "/v1/a?b=c&d=%20e", "/ä"])
@pytest.mark.parametrize("receiver", [None, BOB.address])
def test_payload_is_the_sdks_byte_for_byte(method: str, path: str, receiver: str | None) -> None:
    theirs = http_auth.build_payload(
        scheme="sr25519",
        method=method,
        path=path,
        body=BODY,
        nonce_ns=NOW,
        sender_ss58=ALICE.address,
        receiver_ss58=receiver,
    )
    ours = signing.request_payload(
        method, path, sha256(BODY).hexdigest(), NOW, ALICE.address, receiver or "-"
    )
    assert ours == theirs


# -- the form of a claim


def test_header_names_are_the_sdks() -> None:
    ours = {
        name: getattr(signing, f"H_{name}")
        for name in ("VERSION", "HOTKEY", "RECEIVER", "NONCE", "CRYPTO", "SIGNATURE")
    }
    assert ours == {name: getattr(http_auth, f"HEADER_{name}") for name in ours}


@pytest.mark.parametrize("crypto", ["sr25519", "SR25519", "1"])
def test_sr25519_by_any_of_the_sdks_names(crypto: str) -> None:
    head = head_of(sdk_headers() | {"X-Bittensor-Crypto": crypto})
    signing.verify_request(head, signing.read_claim(head, BOB.address), sha256(BODY).hexdigest())


@pytest.mark.parametrize("crypto", ["ed25519", "0", "", "rsa"])
def test_other_schemes_are_refused_by_name(crypto: str) -> None:
    head = head_of(sdk_headers() | {"X-Bittensor-Crypto": crypto})
    with pytest.raises(RequestRefused) as caught:
        signing.read_claim(head, BOB.address)
    assert caught.value.code == Code.UNSUPPORTED_CRYPTO


def test_an_ed25519_request_of_the_sdk_is_refused_by_name() -> None:
    signer = Keypair.create_from_seed(b"\x01" * 32, 0)
    headers = http_auth.sign(
        signer, method="POST", path=TARGET, body=BODY, receiver_ss58=BOB.address, nonce_ns=NOW
    )
    with pytest.raises(RequestRefused) as caught:
        signing.read_claim(head_of(headers), BOB.address)
    assert caught.value.code == Code.UNSUPPORTED_CRYPTO


@pytest.mark.parametrize("length", [0, 1, 63, 65, 1000])
def test_signature_of_another_length_is_malformed(length: int) -> None:
    head = head_of(sdk_headers() | {"X-Bittensor-Signature": "0x" + "ab" * length})
    with pytest.raises(RequestRefused) as caught:
        signing.read_claim(head, BOB.address)
    assert caught.value.code == Code.MALFORMED_AUTH


@pytest.mark.parametrize("digits", [19, 20])
def test_nonce_of_up_to_twenty_digits_is_a_number(digits: int) -> None:
    head = head_of(sdk_headers() | {"X-Bittensor-Nonce": "1" * digits})
    assert signing.read_claim(head, BOB.address).nonce_ns == int("1" * digits)


def test_nonce_of_more_digits_is_malformed() -> None:
    head = head_of(sdk_headers() | {"X-Bittensor-Nonce": "1" * 21})
    with pytest.raises(RequestRefused):
        signing.read_claim(head, BOB.address)


def refused(head: signing.RequestHead, **options: bool) -> Code:
    with pytest.raises(RequestRefused) as caught:
        signing.read_claim(head, BOB.address, **options)
    assert isinstance(caught.value.code, Code)
    return caught.value.code


@pytest.mark.parametrize("name", ["X-Bittensor-Nonce", "x-bittensor-SIGNATURE", "Content-Length"])
def test_a_header_that_comes_twice_is_malformed(name: str) -> None:
    """Two readers of it could read two requests."""
    lines = raw_headers((*sdk_headers().items(), ("Content-Length", "9"), ("Date", "now")))
    twice = [*lines, (name.encode(), b"1"), (b"date", b"then"), (b"Server", b"x")]
    assert signing.parse_head("POST", TARGET, [*lines, (b"date", b"then")]).repeated is False
    assert refused(signing.parse_head("POST", TARGET, twice)) == Code.MALFORMED_AUTH


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("X-Bittensor-Version", "2", Code.MALFORMED_AUTH),
        ("X-Bittensor-Version", None, Code.MALFORMED_AUTH),
        ("X-Bittensor-Hotkey", None, Code.MALFORMED_AUTH),
        ("X-Bittensor-Hotkey", "", Code.MALFORMED_AUTH),
        ("X-Bittensor-Hotkey", "5nobody", Code.MALFORMED_AUTH),
        ("X-Bittensor-Nonce", None, Code.MALFORMED_AUTH),
        ("X-Bittensor-Signature", None, Code.MALFORMED_AUTH),
        ("X-Bittensor-Receiver", None, Code.WRONG_RECEIVER),
        ("X-Bittensor-Receiver", MALLORY.address, Code.WRONG_RECEIVER),
    ],
)
def test_what_a_claim_lacks_is_refused_by_name(name: str, value: str | None, code: Code) -> None:
    headers = {**{k: v for k, v in sdk_headers().items() if k.lower() != name.lower()}}
    assert len(headers) == len(sdk_headers()) - 1
    assert refused(head_of(headers if value is None else headers | {name: value})) == code


def test_where_unbound_requests_are_allowed_those_for_others_are_not() -> None:
    head = head_of(sdk_headers() | {"X-Bittensor-Receiver": MALLORY.address})
    assert refused(head, accept_unbound=True) == Code.WRONG_RECEIVER


@pytest.mark.parametrize("part", ["method", "target", "body", "nonce", "sender", "receiver"])
def test_a_signature_holds_for_its_own_request_alone(part: str) -> None:
    head = head_of(sdk_headers())
    claim = signing.read_claim(head, BOB.address)
    body_hash = sha256(BODY + (b"!" if part == "body" else b"")).hexdigest()
    if part in ("method", "target"):
        head = msgspec.structs.replace(head, **{part: "/other"})
    elif part == "nonce":
        claim = msgspec.structs.replace(claim, nonce_ns=NOW + 1)
    elif part != "body":
        claim = msgspec.structs.replace(claim, **{part: MALLORY.address})
    with pytest.raises(RequestRefused) as caught:
        signing.verify_request(head, claim, body_hash)
    assert caught.value.code == Code.BAD_SIGNATURE


# -- the hash of a request


def test_the_hash_of_a_request_is_that_of_its_lines() -> None:
    lines = ["assay-request/1", "POST", TARGET, "-", "", "", "", "", ""]
    empty = signing.RequestHead(method="POST", target=TARGET)
    assert signing.request_hash(empty, "-") == sha256("\n".join(lines).encode()).digest()
    lines[4:] = ["7", "5sender", "5receiver", "sr25519", "0xab"]
    full = signing.RequestHead(
        method="POST",
        target=TARGET,
        nonce="7",
        hotkey="5sender",
        receiver="5receiver",
        crypto="sr25519",
        signature="0xab",
    )
    assert signing.request_hash(full, "-") == sha256("\n".join(lines).encode()).digest()


def test_bytes_that_are_no_text_are_signed_as_they_came() -> None:
    """An HTTP server hands over such a byte as a lone surrogate."""
    path, raw = "/\udce4", b"/\xe4"
    payload = signing.request_payload("POST", path, "0", NOW, ALICE.address, BOB.address)
    assert payload.split(b"\n")[3] == raw
    lines = b"\n".join([b"assay-request/1", b"POST", raw, b"-", b"", b"", b"", b"", b""])
    head = signing.RequestHead(method="POST", target=path)
    assert signing.request_hash(head, "-") == sha256(lines).digest()
    digest = signing.headers_digest((("Location", path),))
    assert digest == sha256(b"location:" + raw + b"\n").hexdigest()
    reply = signing.reply_payload(**(REPLY | {"receiver": path}))  # type: ignore[arg-type]
    assert reply.split(b"\n")[-1] == raw
    stream = signing.stream_payload(**(STREAM | {"receiver": path}))  # type: ignore[arg-type]
    assert stream.split(b"\n")[-1] == raw


def test_every_part_of_a_request_changes_its_hash() -> None:
    head = head_of(sdk_headers() | {"X-Bittensor-Crypto": "sr25519"})
    body_hash = sha256(BODY).hexdigest()
    seen = {signing.request_hash(head, body_hash), signing.request_hash(head, "-")}
    for field in ("method", "target", "hotkey", "receiver", "nonce", "crypto", "signature"):
        changed = msgspec.structs.replace(head, **{field: "other"})
        seen.add(signing.request_hash(changed, body_hash))
    assert len(seen) == 9


# -- replies

REPLY = {
    "scope": "full",
    "request_hash": b"\x07" * 32,
    "status": 200,
    "headers": (("Content-Type", "application/msgpack"), ("X-Assay-Scope", "full")),
    "body": BODY,
    "sender": BOB.address,
    "receiver": ALICE.address,
}


STREAM = {
    "word": "whole",
    "request_hash": b"\x07" * 32,
    "status": 200,
    "headers": (("Content-Type", "a"),),
    "frames": 3,
    "running_hash": b"\x09" * 32,
    "sender": BOB.address,
    "receiver": ALICE.address,
}


def test_the_signed_lines_of_replies_and_streams_are_as_documented() -> None:
    headers = sha256(b"content-type:application/msgpack\nx-assay-scope:full\n").hexdigest()
    body = sha256(BODY).hexdigest()
    people = [BOB.address, ALICE.address]
    assert signing.reply_payload(**REPLY).decode().split("\n") == [  # type: ignore[arg-type]
        "assay-reply/1", "full", "07" * 32, "200", headers, body, *people
    ]  # fmt: skip
    headers = sha256(b"content-type:a\n").hexdigest()
    assert signing.stream_payload(**STREAM).decode().split("\n") == [  # type: ignore[arg-type]
        "assay-stream/1", "whole", "07" * 32, "200", headers, "3", "09" * 32, *people
    ]  # fmt: skip


def test_a_bodys_hash_is_the_one_that_the_headers_name() -> None:
    assert signing.body_digest(BODY, ()) == sha256(BODY).digest()
    assert signing.body_digest(BODY, (("x-assay-digest", "blake3 "),)) == blake3(BODY).digest()
    for names in (["md5"], [""], ["blake3", "blake3"], ["blake3", "md5"]):
        with pytest.raises(ValueError, match="unknown here"):
            signing.body_digest(BODY, tuple(("X-Assay-Digest", name) for name in names))


def test_every_part_of_a_reply_is_signed() -> None:
    changes: list[dict[str, object]] = [
        {"scope": "head"},
        {"request_hash": b"\x08" * 32},
        {"status": 429},
        {"headers": (("Content-Type", "text/html"), ("X-Assay-Scope", "full"))},
        {"headers": (*REPLY["headers"], ("Retry-After", "1"))},  # type: ignore[misc]
        {"headers": (*REPLY["headers"], ("Content-Encoding", "gzip"))},  # type: ignore[misc]
        {"headers": (*REPLY["headers"], ("X-Assay-Receipt", "1"))},  # type: ignore[misc]
        {"headers": (*REPLY["headers"], ("Location", "/"))},  # type: ignore[misc]
        {"headers": (*REPLY["headers"], ("x-assay-scope", "full"))},  # type: ignore[misc]
        {"body": b""},
        {"sender": MALLORY.address},
        {"receiver": MALLORY.address},
    ]
    payloads = [signing.reply_payload(**(REPLY | change)) for change in [{}, *changes]]  # type: ignore[arg-type]
    assert len(set(payloads)) == len(payloads)


def test_headers_that_mean_nothing_are_not_signed() -> None:
    """Proxies add their own; a reply must survive that."""
    plain = signing.headers_digest((("Content-Type", "a"),))
    assert plain == signing.headers_digest(
        (
            ("date", "now"),
            ("Server", "x"),
            ("content-type", " a "),
            ("Content-Length", "3"),
            ("X-Assay-Signature", "0xab"),
        )
    )


def test_a_request_can_never_pass_for_a_reply() -> None:
    request = signing.request_payload("POST", TARGET, "0" * 64, NOW, ALICE.address, BOB.address)
    reply = signing.reply_payload(**REPLY)  # type: ignore[arg-type]
    assert request.split(b"\n")[0] == b"btauth/1"
    assert reply.split(b"\n")[0] == b"assay-reply/1"


def test_a_stream_can_never_pass_for_a_reply() -> None:
    said = {name: value for name, value in REPLY.items() if name not in ("scope", "body")}
    stream = signing.stream_payload(word="full", frames=1, running_hash=bytes(32), **said)  # type: ignore[arg-type]
    reply = signing.reply_payload(**REPLY)  # type: ignore[arg-type]
    assert stream.split(b"\n")[0] == b"assay-stream/1"
    assert reply.split(b"\n")[0] == b"assay-reply/1"


# -- keys


def test_signatures_hold_across_both_packages() -> None:
    """The ``substrate`` context: py-sr25519-bindings and the SDK's core agree."""
    theirs = Keypair.create_from_seed(b"\x01" * 32)
    assert keys.verify(bytes(theirs.sign(b"message")), b"message", ALICE.public_key)
    assert theirs.verify(b"message", ALICE.sign(b"message"))


@pytest.mark.parametrize("signature", [b"", b"x" * 63, b"\0" * 64, b"\xff" * 64, b"x" * 65])
def test_an_odd_signature_is_a_plain_no(signature: bytes) -> None:
    assert not keys.verify(signature, b"message", ALICE.public_key)


@pytest.mark.parametrize("key", [b"", b"\xff" * 32, b"x" * 31])
def test_an_odd_key_is_a_plain_no(key: bytes) -> None:
    assert not keys.verify(ALICE.sign(b"message"), b"message", key)


def test_a_signer_does_not_show_its_secret() -> None:
    assert repr(ALICE) == f"SeedSigner({ALICE.address})"


def test_nonces_never_repeat_and_never_fall() -> None:
    nonces = Nonces()
    assert [nonces.next(now) for now in (5, 5, 3, 6, 9)] == [5, 6, 7, 8, 9]


def test_a_clock_that_was_set_back_is_believed() -> None:
    # Else every call would be "from the future" for as long as the clock had been ahead.
    hour_ns, now_ns = 3_600 * 10**9, 1_700_000_000 * 10**9
    nonces = Nonces()
    assert nonces.next(now_ns + hour_ns) == now_ns + hour_ns
    assert [nonces.next(now_ns + later) for later in (0, 0, 5)] == [now_ns, now_ns + 1, now_ns + 5]
