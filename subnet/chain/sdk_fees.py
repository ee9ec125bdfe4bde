"""A fee that could not be paid: who has to be funded, and with how much.

A pool says of such a call no more than that its fee cannot be paid. ``unpaid`` asks the chain for
the rest: the fee of these very bytes, the account that pays it, and what that account can spend.
Most of what a hotkey signs is paid by the coldkey that owns it. An account never spends its last
TAO: the existential deposit stays, and what is locked.

A signed extrinsic that the pool refused comes in, and a ``TooLittleBalance`` goes out. This module
sends nothing and signs nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from bittensor.fee_filters import charges_coldkey_fee

from assay.chain.errors import TooLittleBalance
from assay.chain.sdk_parse import uint
from assay.chain.sdk_session import SdkSession
from assay.types import Rao, ss58_encode

UNPAYABLE: Final = "Payment"
"""The pool's word for a fee that the payer cannot pay."""
_NOBODY: Final = ss58_encode(bytes(32))
"""The owner that a chain tells of a hotkey which has none."""


async def unpaid(
    session: SdkSession, extrinsic: bytes, call: Any, signer: str, what: str
) -> TooLittleBalance:
    """The refusal of ``extrinsic``, which holds ``call`` and is signed by ``signer``, to do
    ``what``."""
    block = await session.head_hash(finalized=False)
    payer = await _payer(session, call, signer, block)
    told = await session.request("payment_queryInfo", ["0x" + extrinsic.hex(), block])
    fee = int(told["partialFee"])
    account = await session.query("System", "Account", [payer], block_hash=block)
    deposit = uint(await session.constant("Balances", "ExistentialDeposit"), "ExistentialDeposit")
    return TooLittleBalance.fee(payer, what, Rao(fee), *_spendable(account["data"], deposit))


async def _payer(session: SdkSession, call: Any, signer: str, block: str) -> str:
    if not charges_coldkey_fee(await session.decode_call(call)):
        return signer
    owner = await session.query("SubtensorModule", "Owner", [signer], block_hash=block)
    return signer if owner in (None, _NOBODY) else str(owner)


def _spendable(data: Mapping[str, Any], deposit: int) -> tuple[Rao, Rao]:
    """What an account has, and what of it has to stay."""
    free, reserved, frozen = (
        uint(data.get(name), f"System.Account.{name}") for name in ("free", "reserved", "frozen")
    )
    return Rao(free), Rao(max(deposit, frozen - reserved))
