"""Open a chain by its name or address.

Importing the SDK takes 0.8 s of CPU and 60 MB, so ``connect`` imports it when it is called, and
importing this module costs nothing. It knows neither how an address is read (``address``) nor what
a chain answers.
"""

from __future__ import annotations

import random
from pathlib import Path

from assay.chain.address import resolve
from assay.chain.deadlines import Deadlines
from assay.chain.interface import Chain
from assay.clock import Clock, SystemClock
from assay.metrics import NO_METRICS, Metrics


async def connect(
    network: str,
    *,
    cache_dir: Path,
    clock: Clock | None = None,
    rng: random.Random | None = None,
    deadlines: Deadlines | None = None,
    patience_s: float | None = None,
    metrics: Metrics = NO_METRICS,
) -> Chain:
    """Connect to the chain at ``network``, a name of ``NETWORKS`` or an address, and return it.

    ``ChainUnavailable`` if no chain answers within ``patience_s``, by default the deadline of a
    read. The SDK keeps the chain's metadata in ``cache_dir``. Close the chain after use.
    """
    import assay.chain.sdk_import  # noqa: F401  (before the SDK's parts)
    from assay.chain.sdk import SdkChain

    limits = deadlines or Deadlines()
    chain = SdkChain(
        resolve(network), cache_dir, clock or SystemClock(), rng or random.Random(), limits, metrics
    )
    try:
        await chain.open(patience_s or limits.read_s)
    except BaseException:
        await chain.close()
        raise
    return chain
