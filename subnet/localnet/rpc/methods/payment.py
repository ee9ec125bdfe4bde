"""``payment_*``: what a transaction would cost, by the runtime's own fee rules.

The runtime's ``TransactionPaymentApi`` answers, and this module decodes. Amounts are texts or hex,
as in Substrate's nodes, because they may exceed what a JSON number holds for many clients.
"""

from __future__ import annotations

from typing import Any

from assay.localnet.primitives.scale import Reader
from assay.localnet.rpc.methods.author import check_framing, submission_price
from assay.localnet.rpc.node import RpcNode
from assay.localnet.rpc.params import Hash, Hex
from assay.localnet.rpc.prices import RUNTIME_CALL_S
from assay.localnet.rpc.registry import Methods

methods = Methods("payment")

_CLASSES = ("normal", "operational", "mandatory")
_BALANCE_BYTES = 8
"""``Balance`` is u64 on this network; a public Substrate chain has mostly u128."""


def _price(node: RpcNode, extrinsic: bytes, at: bytes | None) -> float:
    return RUNTIME_CALL_S + submission_price(node, extrinsic)


def _ask(node: RpcNode, method: str, extrinsic: bytes, at: bytes | None) -> Reader:
    check_framing(extrinsic)
    length = len(extrinsic).to_bytes(4, "little")
    return Reader(node.call(method, extrinsic + length, at))


@methods.call("payment_queryInfo", price=_price)
def query_info(node: RpcNode, extrinsic: Hex, at: Hash | None = None) -> Any:
    """``RuntimeDispatchInfo``: weight, class and the fee without a tip."""
    reader = _ask(node, "TransactionPaymentApi_query_info", extrinsic, at)
    ref_time, proof_size = reader.compact(), reader.compact()
    kind = _CLASSES[reader.uint(1)]
    fee = reader.uint(_BALANCE_BYTES)
    reader.end()
    return {
        "weight": {"ref_time": ref_time, "proof_size": proof_size},
        "class": kind,
        "partialFee": str(fee),
    }


@methods.call("payment_queryFeeDetails", price=_price)
def query_fee_details(node: RpcNode, extrinsic: Hex, at: Hash | None = None) -> Any:
    """``FeeDetails``: the parts of the inclusion fee, as hex numbers; null if it pays none."""
    reader = _ask(node, "TransactionPaymentApi_query_fee_details", extrinsic, at)
    if not reader.option():
        return {"inclusionFee": None}
    base, length, weight = (reader.uint(_BALANCE_BYTES) for _ in range(3))
    return {
        "inclusionFee": {
            "baseFee": hex(base),
            "lenFee": hex(length),
            "adjustedWeightFee": hex(weight),
        }
    }
