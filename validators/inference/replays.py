"""The models on which a validator replays answers: one for each precision that it pays.

In comes a way to open the model in a precision; out comes the model, opened when its first answer
is judged. Each takes the memory of its parameters, so what nobody serves is never loaded.

This module knows no requests and no verdicts. Its methods may be called by several threads.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from assay.models.opening import FoundModel, OpenedModel
    from assay.scoring.inference.precision import Precision
    from assay.validators.inference.settings import ValidatorSettings


class Replays:
    """The models for ``paid``, the precisions that are paid. ``open_model`` opens one of them; it
    is called once for each that is needed, and may take seconds."""

    def __init__(
        self, paid: Sequence[Precision], open_model: Callable[[Precision], OpenedModel]
    ) -> None:
        self.paid = tuple(paid)
        self._open = open_model
        self._opened: dict[Precision, OpenedModel] = {}
        self._opening = threading.Lock()

    @classmethod
    def of(cls, found: FoundModel, settings: ValidatorSettings) -> Replays:
        """Return the models of ``found`` in the precisions that ``settings`` pay."""
        return cls(
            settings.pay_precision,
            lambda precision: found.open(
                precision,
                threads=settings.threads,
                tolerance=found.tolerance(precision, settings.tolerance),
            ),
        )

    @property
    def first(self) -> OpenedModel:
        """The model in the first precision that is paid: for what depends on no precision."""
        return self.at(self.paid[0])

    def at(self, precision: Precision) -> OpenedModel:
        """Return the model in ``precision``; LookupError for one that is not paid, UserError if the
        model cannot be opened in it."""
        if precision not in self.paid:
            raise LookupError(precision)
        with self._opening:
            if precision not in self._opened:
                self._opened[precision] = self._open(precision)
            return self._opened[precision]
