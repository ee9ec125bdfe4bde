"""``ext_crypto_*``: signature checks. No keystore: this host signs for nobody.

sr25519 by py-sr25519-bindings (schnorrkel), ed25519 and ECDSA by ``cryptography``, recovery of
secp256k1 keys by eth-keys, which comes with the SDK. Two differences to Parity's node are known and
concern crafted signatures only: OpenSSL's ed25519 is stricter than the ZIP-215 rules of
``ed25519-zebra``, and recovery ids 2 and 3, which no wallet makes, are refused.

The libraries that few chains ever need are imported when they are: a start counts milliseconds.

Runtimes of before 2023 wrap a block's checks into a batch, whose answer counts in place of each
check's; that each check is answered truly and at once is one way to serve it.

A signature is checked when a transaction enters the pool and again when it enters a block; since
the answer can only be the same, the last answers are remembered.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from hashlib import blake2b
from typing import Any, Final

import sr25519

from assay.localnet.executor.host.context import HostCallError, HostContext

SIGNATURE_BYTES: Final = 64
RECOVERABLE_BYTES: Final = 65
PUBLIC_BYTES: Final = 32
COMPRESSED_BYTES: Final = 33

_REMEMBERED_MAX: Final = 8_192
"""Answers kept: a few blocks' worth of signatures, about 2 MB."""

_CHECK_COST: Final = 80
"""Host calls charged for a signature check: it takes 50 to 100 microseconds."""
_RECOVER_COST: Final = 8_000
"""Recovery is pure Python: about nine milliseconds."""

# EcdsaVerifyError in the order of its variants.
_BAD_RS: Final = b"\x01\x00"
_BAD_V: Final = b"\x01\x01"
_BAD_SIGNATURE: Final = b"\x01\x02"
_OK: Final = b"\x00"

Check = Callable[[bytes, bytes, bytes], bool]


def check_sr25519(signature: bytes, message: bytes, public: bytes) -> bool:
    try:
        return bool(sr25519.verify(signature, message, public))
    except ValueError:  # not a signature, or not a point
        return False


class Sr25519Key:
    """A key of sr25519 that is made of 32 bytes, for what the host itself signs."""

    def __init__(self, seed: bytes) -> None:
        self.public, self._secret = sr25519.pair_from_seed(seed)

    def sign(self, message: bytes) -> bytes:
        return bytes(sr25519.sign((self.public, self._secret), message))


def check_ed25519(signature: bytes, message: bytes, public: bytes) -> bool:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def check_ecdsa(signature: bytes, digest: bytes, public: bytes) -> bool:
    """Over secp256k1, of a 32-byte digest. As libsecp256k1 does, a high s is refused."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric import ec, utils
    from cryptography.hazmat.primitives.hashes import SHA256

    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:64], "big")
    if not (0 < r < _GROUP_ORDER and 0 < s <= _GROUP_ORDER // 2):
        return False
    # SHA256 stands for a hash of 32 bytes, whichever it was: the digest is made already.
    algorithm = ec.ECDSA(utils.Prehashed(SHA256()))
    try:
        key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256K1(), public)
        key.verify(utils.encode_dss_signature(r, s), digest, algorithm)
    except (InvalidSignature, ValueError):
        return False
    return True


_GROUP_ORDER: Final = 0xFFFFFFFF_FFFFFFFF_FFFFFFFF_FFFFFFFE_BAAEDCE6_AF48A03B_BFD25E8C_D0364141


def recover_secp256k1(signature: bytes, digest: bytes) -> bytes:
    """``Result<[u8; 64], EcdsaVerifyError>``, encoded: the key that made the signature."""
    try:
        from eth_keys.datatypes import Signature
        from eth_keys.exceptions import BadSignature
        from eth_utils.exceptions import ValidationError
    except ImportError:
        raise HostCallError("key recovery is not available: eth-keys is not installed") from None
    recovery = signature[64] - 27 if signature[64] > 26 else signature[64]
    if recovery > 3:
        return _BAD_V
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:64], "big")
    if not (r < _GROUP_ORDER and s < _GROUP_ORDER):
        return _BAD_RS
    if recovery > 1 or not r or not s:
        return _BAD_SIGNATURE
    try:
        signed = Signature(vrs=(recovery, r, s))
        return _OK + signed.recover_public_key_from_msg_hash(digest).to_bytes()
    except (BadSignature, ValidationError, ValueError):
        return _BAD_SIGNATURE


def compress(public: bytes) -> bytes:
    """A 64-byte secp256k1 key in its 33-byte form."""
    return bytes((2 + (public[63] & 1),)) + public[:32]


class _Remembering:
    """A check that remembers its last answers, the oldest forgotten first."""

    def __init__(self, check: Check, charge: Callable[[int], None]) -> None:
        self._check = check
        self._charge = charge
        self._answers: dict[bytes, bool] = {}

    def __call__(self, signature: bytes, message: bytes, public: bytes) -> bool:
        # Fixed lengths first, so that no two questions share a key.
        question = signature + public + (message if len(message) <= 256 else _digest(message))
        answer = self._answers.get(question)
        if answer is None:
            self._charge(_CHECK_COST)
            answer = self._check(signature, message, public)
            if len(self._answers) >= _REMEMBERED_MAX:
                del self._answers[next(iter(self._answers))]
            self._answers[question] = answer
        return answer


def _digest(message: bytes) -> bytes:
    """Longer than any message that is kept whole, so the two kinds cannot meet."""
    return blake2b(message, digest_size=64).digest() * 5


def crypto_functions(context: HostContext) -> Mapping[str, Callable[..., Any]]:
    """The table of this file's functions."""
    memory = context.memory
    sr25519_check = _Remembering(check_sr25519, context.charge)
    ed25519_check = _Remembering(check_ed25519, context.charge)

    def verify(check: Check, public_bytes: int) -> Callable[[int, int, int], int]:
        def function(signature: int, message: int, public: int) -> int:
            context.charge_bytes(message >> 32)
            return int(
                check(
                    memory.read_at(signature, SIGNATURE_BYTES),
                    memory.read(message),
                    memory.read_at(public, public_bytes),
                )
            )

        return function

    def ecdsa_verify(signature: int, message: int, public: int) -> int:
        context.charge_bytes(message >> 32)
        digest = blake2b(memory.read(message), digest_size=32).digest()
        return _ecdsa(signature, digest, public)

    def ecdsa_verify_prehashed(signature: int, digest: int, public: int) -> int:
        return _ecdsa(signature, memory.read_at(digest, 32), public)

    def _ecdsa(signature: int, digest: bytes, public: int) -> int:
        context.charge(_CHECK_COST)
        signed = memory.read_at(signature, RECOVERABLE_BYTES)
        return int(check_ecdsa(signed, digest, memory.read_at(public, COMPRESSED_BYTES)))

    def recover(signature: int, digest: int) -> int:
        context.charge(_RECOVER_COST)
        signed = memory.read_at(signature, RECOVERABLE_BYTES)
        return memory.give(recover_secp256k1(signed, memory.read_at(digest, 32)))

    def recover_compressed(signature: int, digest: int) -> int:
        context.charge(_RECOVER_COST)
        signed = memory.read_at(signature, RECOVERABLE_BYTES)
        found = recover_secp256k1(signed, memory.read_at(digest, 32))
        return memory.give(_OK + compress(found[1:]) if found.startswith(_OK) else found)

    def start_batch() -> None:
        """Begin a batch. Each check in it is answered at once, so there is nothing to gather."""

    def finish_batch() -> int:
        """Whether no check of the batch failed that its caller was not told of: there is none."""
        return 1

    return {
        "ext_crypto_start_batch_verify_version_1": start_batch,
        "ext_crypto_finish_batch_verify_version_1": finish_batch,
        "ext_crypto_sr25519_verify_version_2": verify(sr25519_check, PUBLIC_BYTES),
        "ext_crypto_ed25519_verify_version_1": verify(ed25519_check, PUBLIC_BYTES),
        "ext_crypto_ecdsa_verify_version_2": ecdsa_verify,
        "ext_crypto_ecdsa_verify_prehashed_version_1": ecdsa_verify_prehashed,
        "ext_crypto_secp256k1_ecdsa_recover_version_2": recover,
        "ext_crypto_secp256k1_ecdsa_recover_compressed_version_2": recover_compressed,
        **{name: _no_keystore(name) for name in _KEYSTORE_FUNCTIONS},
    }


_KEYSTORE_FUNCTIONS: Final = tuple(
    f"ext_crypto_{scheme}_{action}_version_1"
    for scheme in ("sr25519", "ed25519", "ecdsa")
    for action in ("generate", "sign", "public_keys")
)


def _no_keystore(name: str) -> Callable[..., Any]:
    def refuse(*_values: int) -> int:
        raise HostCallError(f"{name}: this node has no keystore")

    return refuse
