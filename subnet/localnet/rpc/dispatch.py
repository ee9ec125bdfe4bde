"""Answers one call: from the call's bytes to the reply's bytes, in two steps.

``prepare`` checks in order the envelope, the method and the parameters, and estimates what the call
will cost; ``run`` makes it, within the share of the node's time that its source has left. Whatever
a method raises becomes a standard error: the known ones by ``rpc/errors.py``, the rest -32603 with
a log entry, and the service lives on. Only a failed disk, a damaged chain and a block that could
not be finished pass through, because nothing that is told to a client afterwards could be trusted.

This module knows no socket and no event loop; whoever calls it decides when a call may run.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import msgspec
from loguru import logger

from assay.localnet.errors import BudgetSpent, ChainDamaged, StorageFailed, TimeSpent
from assay.localnet.rpc.call_budget import Source
from assay.localnet.rpc.envelope import Id, Request, failure, id_of, read_request, success
from assay.localnet.rpc.errors import (
    INTERNAL_ERROR,
    METHOD_NOT_FOUND,
    RpcError,
    busy,
    invalid_params,
    of_read,
    reply_too_big,
)
from assay.localnet.rpc.node import RpcNode
from assay.localnet.rpc.params import ParamsOf
from assay.localnet.rpc.prices import CALL_S
from assay.localnet.rpc.registry import Registry, Subscribe, Unsubscribe
from assay.localnet.rpc.subscriptions import Opened, Subscriber
from assay.metrics import NO_METRICS, Metrics


@dataclass(frozen=True, slots=True)
class CallResult:
    """What to send for one call: first ``reply`` (None for a notification), then ``then``."""

    reply: bytes | None
    then: Sequence[bytes] = ()


@dataclass(frozen=True, slots=True)
class PreparedCall:
    """A call whose parameters are decoded. ``price_s`` is what it is estimated to take."""

    method: str
    id: Id
    silent: bool
    """The client sent no id, so it must get no reply."""
    price_s: float
    function: Callable[[], object]


def _close_params(subscription: str | int) -> None:
    """The schema of every unsubscribe method."""


_CLOSE_PARAMS = ParamsOf(_close_params, skip=0)


class RpcDispatcher:
    """Answers calls for one node."""

    def __init__(self, registry: Registry, node: RpcNode, metrics: Metrics = NO_METRICS) -> None:
        self._registry = registry
        self._node = node
        self._metrics = metrics

    def count(self, method: str, outcome: str) -> None:
        """Count a call by its method's prefix; a client may choose any other name."""
        known = self._registry.get(method) is not None
        self._metrics.count(
            "assay_rpc_calls_total",
            group=method.partition("_")[0] if known else "unknown",
            outcome=outcome,
        )

    def prepare(self, call: bytes, subscriber: Subscriber | None) -> PreparedCall | CallResult:
        """Decode ``call``. Returns what to run, or the result at once if there is nothing to run.

        ``subscriber`` is None for a transport that cannot be notified (HTTP).
        """
        try:
            request = read_request(call)
        except RpcError as error:
            self.count("", str(error.code))
            return CallResult(failure(id_of(call), error))
        silent = request.id is msgspec.UNSET
        call_id: Id = None if isinstance(request.id, msgspec.UnsetType) else request.id
        try:
            price_s, function = self._function(request, subscriber, silent=silent)
        except RpcError as error:
            self.count(request.method, str(error.code))
            return CallResult(None if silent else failure(call_id, error))
        return PreparedCall(request.method, call_id, silent, price_s, function)

    def _function(
        self, request: Request, subscriber: Subscriber | None, *, silent: bool
    ) -> tuple[float, Callable[[], object]]:
        """The function that ``request`` asks for, and its estimated price in seconds."""
        entry = self._registry.get(request.method)
        if entry is None:
            raise RpcError(METHOD_NOT_FOUND, "Method not found", request.method)
        params = None if isinstance(request.params, msgspec.UnsetType) else request.params
        node = self._node
        if isinstance(entry, Unsubscribe | Subscribe) and subscriber is None:
            raise RpcError(
                METHOD_NOT_FOUND, "Method not found", f"{request.method} needs a WebSocket"
            )
        if isinstance(entry, Unsubscribe):
            assert subscriber is not None
            (subscription,) = _CLOSE_PARAMS.decode(params)
            return CALL_S, partial(node.hub.close, subscriber, str(subscription))
        if isinstance(entry, Subscribe) and silent:
            raise invalid_params("a subscription's id must reach the client: send an id")
        arguments: tuple[Any, ...] = entry.params.decode(params)
        price_s = CALL_S if entry.price is None else CALL_S + entry.price(node, *arguments)
        if isinstance(entry, Subscribe):
            function = partial(entry.function, node, subscriber, entry.notification, *arguments)
        else:
            function = partial(entry.function, node, *arguments)
        return price_s, function

    def run(self, prepared: PreparedCall, source: Source) -> CallResult:
        """Make a prepared call for a connection from ``source``."""
        node = self._node
        share = node.begin(source)
        outcome = "reply"
        try:
            then: Sequence[bytes] = ()
            result = prepared.function()
            if isinstance(result, Opened):
                reply, then = success(prepared.id, result.id), result.first
            else:
                reply = success(prepared.id, result)
            if len(reply) > node.limits.reply_bytes_max:
                raise reply_too_big(node.limits.reply_bytes_max)
        except RpcError as error:
            outcome = str(error.code)
            reply, then = failure(prepared.id, error), ()
        except (StorageFailed, ChainDamaged):
            raise
        except Exception as error:
            if share < 1.0 and isinstance(error, BudgetSpent | TimeSpent):
                known: RpcError | None = busy(share)
            else:
                known = of_read(error)
            if known is None:
                logger.exception("{} failed", prepared.method)
                known = RpcError(INTERNAL_ERROR, "Internal error", type(error).__name__)
            outcome = str(known.code)
            reply, then = failure(prepared.id, known), ()
        finally:
            node.end()
        self.count(prepared.method, outcome)
        return CallResult(None if prepared.silent else reply, then)
