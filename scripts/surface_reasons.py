"""Why an item of the chain's surface is present only: nothing writes it, so no test shows it.

In: nothing. Out: ``REASONS``, by kind and path as on the page. An item with a reason is one that
clients need and that is empty for good until its feature arrives; a test refuses a reason for an
item that a test names by now. It does not know the metadata.
"""

from __future__ import annotations

from typing import Final

REASONS: Final = {
    "storage Balances.Account": (
        "accounts are kept in `System.Account`, as publicly; the pallet has the item all the same"
    ),
    "storage SubtensorModule.ChildkeyThresholdSuspended": (
        "no child key is suspended: whoever has too little stake lends nothing anew, and what is "
        "lent stays; empty tells a client so"
    ),
    "storage SubtensorModule.BasketRate": (
        "shares of a fund that trades; what is earned on root is alpha owed to each staker"
    ),
}
