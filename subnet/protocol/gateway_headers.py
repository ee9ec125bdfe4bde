"""The headers by which a gateway and its clients say what OpenAI's interface has no word for.

This module knows no gateway and no client.
"""

from __future__ import annotations

from typing import Final

MINER: Final = "x-assay-miner"
"""In a reply the miner that began the answer, in a request the one that has to begin it."""
NOT_MINERS: Final = "x-assay-not-miners"
"""In a request, the hotkeys of miners that are not to be asked, with commas between them."""
RECEIPT: Final = "x-assay-receipt"
"""In a reply, the name under which the gateway keeps the answer's receipt."""
