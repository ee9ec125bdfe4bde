"""Evidence with any of its bits changed is refused: 10,000 mutations, and none passes."""

from __future__ import annotations

import random

import pytest

from assay.wire.evidence import EvidenceInvalid, pack, unpack, verify
from tests.unit.subnet.wire.test_evidence import ALL

EACH = 2_000


@pytest.mark.parametrize("kind", ALL)
def test_no_mutation_passes(kind: str) -> None:
    rng = random.Random(kind)
    true = pack(ALL[kind])
    verify(unpack(true))
    seen = set()
    while len(seen) < EACH:
        mutated = bytearray(true)
        for _ in range(rng.choice((1, 1, 1, 2, 5))):
            place = rng.randrange(len(mutated))
            how = rng.randrange(3)
            if how == 0:
                mutated[place] ^= 1 << rng.randrange(8)
            elif how == 1:
                mutated[place] = rng.randrange(256)
            else:
                mutated[place : place + 1] = rng.randbytes(rng.randrange(3))
        if bytes(mutated) == true or bytes(mutated) in seen:
            continue
        seen.add(bytes(mutated))
        with pytest.raises(EvidenceInvalid):
            verify(unpack(bytes(mutated)))
