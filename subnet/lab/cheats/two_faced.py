"""Two faces: honest to whoever asks for one reply, as validators do, and garbage to whoever reads
an answer as it grows, as clients do.

It hopes that nobody looks at what clients get. It saves the work of all clients' answers.
"""

from __future__ import annotations

from assay.lab.around import AnyMethod, Serve
from assay.lab.cheats.garbage import Garbage
from assay.neuron import Synapse


class TwoFaced(Garbage):
    """Answers streamed methods with garbage."""

    async def answer(self, method: AnyMethod, request: Synapse, serve: Serve) -> Synapse:
        honest: Synapse = await serve(request)
        return honest
