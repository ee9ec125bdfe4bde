"""Signature checks, against published vectors and signatures that other libraries made."""

from __future__ import annotations

import pytest
from bittensor_core import Keypair
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, decode_dss_signature

from assay.localnet.executor.host import crypto
from assay.localnet.executor.machine.call_meter import CallMeter, OutOfHostCalls

# RFC 8032, section 7.1, test 2.
ED25519_PUBLIC = bytes.fromhex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c")
ED25519_SIGNATURE = bytes.fromhex(
    "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
    "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
)
ED25519_MESSAGE = b"\x72"

# go-ethereum, crypto/signature_test.go: the message's hash, the signature, the uncompressed key.
RECOVER_DIGEST = bytes.fromhex("ce0677bb30baa8cf067c88db9811f4333d131bf8bcf12fe7065d211dce971008")
RECOVER_SIGNATURE = bytes.fromhex(
    "90f27b8b488db00b00606796d2987f6a5f59ae62ea05effe84fef5b8b0e54998"
    "4a691139ad57a3f0b906637673aa2f63d1f55cb1a69199d4009eea23ceaddc9301"
)
RECOVER_PUBLIC = bytes.fromhex(
    "e32df42865e97135acfb65f3bae71bdc86f4d49150ad6a440b6f15878109880a"
    "0a2b2667f7e725ceea70c673093bf67663e0312623c8e091b13cf2c0f11ef652"
)


def test_ed25519() -> None:
    check = crypto.check_ed25519
    assert check(ED25519_SIGNATURE, ED25519_MESSAGE, ED25519_PUBLIC)
    assert not check(ED25519_SIGNATURE, b"\x73", ED25519_PUBLIC)
    assert not check(bytes(64), ED25519_MESSAGE, ED25519_PUBLIC)
    assert not check(ED25519_SIGNATURE, ED25519_MESSAGE, b"\xff" * 32)


def test_sr25519_signatures_of_the_sdk() -> None:
    alice = Keypair.create_from_uri("//Alice")
    # Substrate's own test pins //Alice to this key.
    assert alice.public_key.hex() == (
        "d43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d"
    )
    signature = bytes(alice.sign(b"payload"))
    public = bytes(alice.public_key)
    assert crypto.check_sr25519(signature, b"payload", public)
    assert not crypto.check_sr25519(signature, b"payloae", public)
    assert not crypto.check_sr25519(bytes(64), b"payload", public)
    assert not crypto.check_sr25519(signature, b"payload", b"\xff" * 32)


def test_sr25519_refuses_the_old_context() -> None:
    """A signature of schnorrkel before 0.1.0, from sp-core's tests: version 2 says no."""
    public = bytes.fromhex("b4bfa1f7a5166695eb75299fd1c4c03ea212871c342f2c5dfea0902b2c246918")
    signature = bytes.fromhex(
        "5a9755f069939f45d96aaf125cf5ce7ba1db998686f87f2fb3cbdea922078741"
        "a73891ba265f70c31436e18a9acd14d189d73c12317ab6c313285cd938453202"
    )
    message = (
        b"Verifying that I am the owner of 5G9hQLdsKQswNPgB499DeA5PkFBbgkLPJWkkS6FAM6xGQ8xD. "
        b"Hash: 221455a3\n"
    )
    assert not crypto.check_sr25519(signature, message, public)


def test_recovery_of_a_key() -> None:
    assert crypto.recover_secp256k1(RECOVER_SIGNATURE, RECOVER_DIGEST) == b"\0" + RECOVER_PUBLIC
    as_ethereum = RECOVER_SIGNATURE[:64] + bytes((RECOVER_SIGNATURE[64] + 27,))
    assert crypto.recover_secp256k1(as_ethereum, RECOVER_DIGEST) == b"\0" + RECOVER_PUBLIC
    assert crypto.compress(RECOVER_PUBLIC) == b"\x02" + RECOVER_PUBLIC[:32]


@pytest.mark.parametrize(
    ("signature", "error"),
    [
        (b"\xff" * 32 + RECOVER_SIGNATURE[32:], b"\x01\x00"),
        (RECOVER_SIGNATURE[:64] + b"\x05", b"\x01\x01"),
        (bytes(65), b"\x01\x02"),
    ],
    ids=["BadRS", "BadV", "BadSignature"],
)
def test_recovery_says_what_is_wrong(signature: bytes, error: bytes) -> None:
    assert crypto.recover_secp256k1(signature, RECOVER_DIGEST) == error


def test_ecdsa_of_a_digest() -> None:
    key = ec.generate_private_key(ec.SECP256K1())
    digest = bytes(range(32))
    r, s = decode_dss_signature(key.sign(digest, ec.ECDSA(Prehashed(hashes.SHA256()))))
    order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
    low, high = min(s, order - s), max(s, order - s)
    numbers = key.public_key().public_numbers()
    public = bytes((2 + numbers.y % 2,)) + numbers.x.to_bytes(32, "big")

    def signature(of_s: int) -> bytes:
        return r.to_bytes(32, "big") + of_s.to_bytes(32, "big") + b"\0"

    assert crypto.check_ecdsa(signature(low), digest, public)
    assert not crypto.check_ecdsa(signature(high), digest, public)
    assert not crypto.check_ecdsa(signature(low), bytes(32), public)
    assert not crypto.check_ecdsa(signature(0), digest, public)
    assert not crypto.check_ecdsa(signature(low), digest, bytes(33))


def test_an_answer_is_remembered_and_charged_once() -> None:
    asked: list[bytes] = []

    def check(signature: bytes, message: bytes, public: bytes) -> bool:
        asked.append(message)
        return message == b"good" * 100

    meter = CallMeter()
    meter.begin(200)
    remembering = crypto._Remembering(check, meter.charge)
    for _ in range(3):
        assert remembering(bytes(64), b"good" * 100, bytes(32))
        assert not remembering(bytes(64), b"bad", bytes(32))
    assert asked == [b"good" * 100, b"bad"]
    with pytest.raises(OutOfHostCalls):
        remembering(bytes(64), b"one more", bytes(32))
