"""``author_*``: extrinsics come in, wait in the pool, and are followed until they are final.

Checks the framing of the bytes; whether they mean anything is for the runtime to say, through the
pool. Refusals get the codes of Substrate's nodes (1001 to 1019).
"""

from __future__ import annotations

from collections.abc import Sequence

from assay.localnet.errors import RuntimeTrap, TransactionRefused
from assay.localnet.pool import Event, Submitted
from assay.localnet.pool.errors import PoolRefused
from assay.localnet.rpc.encoding import hex_of
from assay.localnet.rpc.errors import BAD_FORMAT, RpcError, of_submission
from assay.localnet.rpc.node import RpcNode
from assay.localnet.rpc.params import Hex
from assay.localnet.rpc.registry import Methods
from assay.localnet.rpc.subscriptions import Opened, Session
from assay.localnet.scale import ScaleError, decode_compact

methods = Methods("author")


def check_framing(extrinsic: bytes) -> None:
    """An opaque extrinsic is its compact length and exactly so many bytes, at least one."""
    try:
        length, start = decode_compact(extrinsic)
    except ScaleError as error:
        raise RpcError(BAD_FORMAT, f"Extrinsic has invalid format: {error}") from None
    if not length or start + length != len(extrinsic):
        told = f"it announces {length} bytes and has {len(extrinsic) - start}"
        raise RpcError(BAD_FORMAT, f"Extrinsic has invalid format: {told}")


def _submit(node: RpcNode, extrinsic: bytes) -> Submitted:
    check_framing(extrinsic)
    try:
        return node.service.submit(extrinsic)
    except (PoolRefused, TransactionRefused, RuntimeTrap) as refusal:
        raise of_submission(refusal) or refusal from None


@methods.call("author_submitExtrinsic")
def submit_extrinsic(node: RpcNode, extrinsic: Hex) -> str:
    return hex_of(_submit(node, extrinsic).hash)


@methods.subscription(
    "author_submitAndWatchExtrinsic",
    notification="author_extrinsicUpdate",
    unsubscribe=("author_unwatchExtrinsic",),
)
def submit_and_watch_extrinsic(
    node: RpcNode, session: Session, notification: str, extrinsic: Hex
) -> Opened:
    # Before, or the transaction would be in the pool although the client saw an error.
    node.hub.check_room(session)
    submitted = _submit(node, extrinsic)
    events: Sequence[Event] = submitted.events
    return node.hub.watch(session, notification, events, submitted.hash)


@methods.call("author_pendingExtrinsics")
def pending_extrinsics(node: RpcNode) -> list[str]:
    return [hex_of(extrinsic) for extrinsic in node.pool.pending()]


@methods.call("author_hasKey")
def has_key(node: RpcNode, public_key: Hex, key_type: str) -> bool:
    """There is no keystore: blocks need no seal on a chain with one author."""
    return False


@methods.call("author_hasSessionKeys")
def has_session_keys(node: RpcNode, session_keys: Hex) -> bool:
    return False
