"""From one call's bytes to its answer's bytes. Pure: no socket, no loop.

Adds the order of checks: envelope, then method, then parameters, then logic. Whatever a method
raises becomes a standard error: the known ones by ``rpc/errors.py``, the rest -32603 with a log
entry, and the service lives on. Only a failed disk, a damaged chain and a block that could not be
finished pass through, because nothing that is told to a client afterwards could be trusted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
from loguru import logger

from assay.localnet.errors import ChainDamaged, StorageFailed
from assay.localnet.rpc.envelope import Id, Request, failure, id_of, read_request, success
from assay.localnet.rpc.errors import (
    INTERNAL_ERROR,
    METHOD_NOT_FOUND,
    RpcError,
    invalid_params,
    of_read,
    reply_too_big,
)
from assay.localnet.rpc.node import RpcNode
from assay.localnet.rpc.params import ParamsOf
from assay.localnet.rpc.registry import Registry, Subscribe, Unsubscribe
from assay.localnet.rpc.subscriptions import Opened, Session


@dataclass(frozen=True, slots=True)
class Answer:
    """``reply`` None: a notification, not to be answered. ``then``: to be sent after the reply."""

    reply: bytes | None
    then: Sequence[bytes] = ()


def _close_params(subscription: str | int) -> None:
    """The schema of every unsubscribe method."""


_CLOSE_PARAMS = ParamsOf(_close_params, skip=0)


class Dispatcher:
    """Answers calls for one node."""

    def __init__(self, registry: Registry, node: RpcNode) -> None:
        self._registry = registry
        self._node = node

    def answer(self, call: bytes, session: Session | None) -> Answer:
        """Answer one call. ``session`` None: a transport that cannot be notified (HTTP).

        A block that is due comes first: calls may take seconds, and many clients may make them.
        """
        self._node.service.keep_up()
        try:
            request = read_request(call)
        except RpcError as error:
            return Answer(failure(id_of(call), error))
        silent = request.id is msgspec.UNSET
        call_id: Id = None if isinstance(request.id, msgspec.UnsetType) else request.id
        try:
            then: Sequence[bytes] = ()
            result = self._run(request, session, silent=silent)
            if isinstance(result, Opened):
                reply, then = success(call_id, result.id), result.first
            else:
                reply = success(call_id, result)
            if len(reply) > self._node.limits.reply_bytes_max:
                raise reply_too_big(self._node.limits.reply_bytes_max)
        except RpcError as error:
            reply, then = failure(call_id, error), ()
        except (StorageFailed, ChainDamaged):
            raise
        except Exception as error:
            known = of_read(error)
            if known is None:
                logger.exception("{} failed", request.method)
                known = RpcError(INTERNAL_ERROR, "Internal error", type(error).__name__)
            reply, then = failure(call_id, known), ()
        return Answer(None if silent else reply, then)

    def _run(self, request: Request, session: Session | None, *, silent: bool) -> object:
        entry = self._registry.get(request.method)
        if entry is None:
            raise RpcError(METHOD_NOT_FOUND, "Method not found", request.method)
        params = None if isinstance(request.params, msgspec.UnsetType) else request.params
        if isinstance(entry, Unsubscribe):
            if session is None:
                raise _needs_websocket(request.method)
            (subscription,) = _CLOSE_PARAMS.decode(params)
            return self._node.hub.close(session, str(subscription))
        if isinstance(entry, Subscribe):
            if session is None:
                raise _needs_websocket(request.method)
            if silent:
                raise invalid_params("a subscription's id must reach the client: send an id")
            arguments = entry.params.decode(params)
            return entry.function(self._node, session, entry.notification, *arguments)
        return entry.function(self._node, *entry.params.decode(params))


def _needs_websocket(method: str) -> RpcError:
    return RpcError(METHOD_NOT_FOUND, "Method not found", f"{method} needs a WebSocket")
