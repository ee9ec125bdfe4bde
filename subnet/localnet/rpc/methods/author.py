"""``author_*``: takes extrinsics into the pool, and tells clients what becomes of them.

The framing of the bytes is checked here; the runtime judges their content, through the pool.
Refusals get the codes of Substrate's nodes (1001 to 1019).
"""

from __future__ import annotations

from collections.abc import Sequence

from assay.localnet.errors import RuntimeTrap, TransactionRefused
from assay.localnet.pool import Event, Submitted
from assay.localnet.pool.errors import PoolRefused
from assay.localnet.primitives.scale import ScaleError, decode_compact
from assay.localnet.rpc.encoding import hex_of
from assay.localnet.rpc.errors import BAD_FORMAT, RpcError, of_submission
from assay.localnet.rpc.node import RpcNode
from assay.localnet.rpc.params import Hex
from assay.localnet.rpc.prices import EXTRINSIC_BYTE_S, PENDING_S
from assay.localnet.rpc.registry import Methods
from assay.localnet.rpc.reply_room import ReplyRoom
from assay.localnet.rpc.subscriptions import Opened, Subscriber

methods = Methods("author")


def check_framing(extrinsic: bytes) -> None:
    """Raise RpcError unless ``extrinsic`` is a compact length and that many bytes, at least one."""
    try:
        length, start = decode_compact(extrinsic)
    except ScaleError as error:
        raise RpcError(BAD_FORMAT, f"Extrinsic has invalid format: {error}") from None
    if not length or start + length != len(extrinsic):
        told = f"it announces {length} bytes and has {len(extrinsic) - start}"
        raise RpcError(BAD_FORMAT, f"Extrinsic has invalid format: {told}")


def submission_price(node: RpcNode, extrinsic: bytes) -> float:
    """The estimated seconds for taking in ``extrinsic``."""
    return len(extrinsic) * EXTRINSIC_BYTE_S


def _pending_price(node: RpcNode) -> float:
    return node.pool.ready_count * PENDING_S


def _submit(node: RpcNode, extrinsic: bytes) -> Submitted:
    check_framing(extrinsic)
    try:
        return node.service.submit(extrinsic)
    except (PoolRefused, TransactionRefused, RuntimeTrap) as refusal:
        raise of_submission(refusal) or refusal from None


@methods.call("author_submitExtrinsic", price=submission_price)
def submit_extrinsic(node: RpcNode, extrinsic: Hex) -> str:
    return hex_of(_submit(node, extrinsic).hash)


@methods.subscription(
    "author_submitAndWatchExtrinsic",
    notification="author_extrinsicUpdate",
    unsubscribe=("author_unwatchExtrinsic",),
    price=submission_price,
)
def submit_and_watch_extrinsic(
    node: RpcNode, subscriber: Subscriber, notification: str, extrinsic: Hex
) -> Opened:
    # Before, or the transaction would be in the pool although the client saw an error.
    node.hub.check_room(subscriber)
    submitted = _submit(node, extrinsic)
    events: Sequence[Event] = submitted.events
    return node.hub.watch(subscriber, notification, events, submitted.hash)


@methods.call("author_pendingExtrinsics", price=_pending_price)
def pending_extrinsics(node: RpcNode) -> list[str]:
    """The ready extrinsics in the order of inclusion; an error where a reply cannot hold them."""
    room = ReplyRoom(node)
    return [room.hex(extrinsic) for _, extrinsic in node.pool.best()]


@methods.call("author_hasKey")
def has_key(node: RpcNode, public_key: Hex, key_type: str) -> bool:
    """Always False: there is no keystore, because one author's blocks need no seal."""
    return False


@methods.call("author_hasSessionKeys")
def has_session_keys(node: RpcNode, session_keys: Hex) -> bool:
    return False
