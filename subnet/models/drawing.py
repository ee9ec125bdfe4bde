"""What a token is drawn from: the logits, and the hidden state whose linear image they are.

In comes a network; out comes, after each of its passes, the state that its output layer was given.
This module knows no tokens.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Drawing:
    """What one token is drawn from, or some, with a row for each. ``hidden`` is None for a network
    whose output layer cannot be found."""

    logits: Floats
    hidden: Floats | None


class LastHidden:
    """Remembers what the output layer of ``network`` was given last, until it is closed."""

    def __init__(self, network: Any) -> None:
        self._seen: Any = None
        output = network.get_output_embeddings()
        self._hook = None if output is None else output.register_forward_pre_hook(self._see)

    def _see(self, _: object, args: tuple[Any, ...]) -> None:
        self._seen = args[0]

    def take(self) -> Any:
        """Return the state of the latest pass, and forget it; None if there is none."""
        seen, self._seen = self._seen, None
        return seen

    def close(self) -> None:
        """See no further passes."""
        if self._hook is not None:
            self._hook.remove()
