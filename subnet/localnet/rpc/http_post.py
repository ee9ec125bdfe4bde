"""One ``POST`` of JSON: its body is read within its limits, answered, and sent.

In comes an HTTP request with its connection; out goes an HTTP response. Calls are answered as on a
WebSocket, but without subscriptions. A client that asks first whether it may send its body
(``Expect: 100-continue``, RFC 9110 10.1.1; curl does from a megabyte on) is told so once its head
is found right, and else gets its final answer without sending it.
"""

from __future__ import annotations

import asyncio
from typing import Final

from aiohttp import HttpVersion11, web

from assay.localnet.rpc.answers import FrameAnswerer, RpcCaller
from assay.localnet.rpc.frames import HeldBytes, IncomingBytes
from assay.localnet.rpc.limits import RpcLimits

_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"


class HttpPost:
    """Serves the ``POST`` requests of one server."""

    def __init__(self, answerer: FrameAnswerer, incoming: IncomingBytes, limits: RpcLimits) -> None:
        self._answerer = answerer
        self._incoming = incoming
        self._limits = limits

    async def serve(
        self, request: web.BaseRequest, caller: RpcCaller, headers: dict[str, str]
    ) -> web.Response:
        """Answer ``request``, which ``caller`` sent; ``headers`` belong on an answer of JSON."""
        refusal = self._head_refused(request)
        if refusal is not None:
            return refusal
        held = HeldBytes(self._incoming, caller.connection.source)
        try:
            async with asyncio.timeout(self._limits.body_s):
                body = await self._read_body(request, held)
            if not isinstance(body, bytes):
                return body
            reply = (await self._answerer.answer(body, caller)).reply
        except TimeoutError:
            return web.Response(status=408, text="the body took too long\n")
        except ConnectionError:  # gone before it was all there: nobody will read this
            return web.Response(status=400)
        finally:
            held.close()
        if reply is None:
            return web.Response(status=204, headers=headers)
        return json_response(reply, headers)

    def _head_refused(self, request: web.BaseRequest) -> web.Response | None:
        """What to answer to a request whose head is enough to refuse it; None if it may go on."""
        if request.content_type != "application/json":
            # A page's plain form can be posted anywhere without asking; JSON cannot.
            return web.Response(status=415, text="Content-Type must be application/json\n")
        if (request.content_length or 0) > self._limits.frame_bytes_max:
            return _too_large()
        expected = request.headers.get("Expect")
        if expected is not None and request.version >= HttpVersion11:
            if expected.strip().lower() != "100-continue":
                return web.Response(status=417, text="only 100-continue may be expected\n")
            if request.transport is not None:
                request.transport.write(_CONTINUE)
        return None

    async def _read_body(self, request: web.BaseRequest, held: HeldBytes) -> bytes | web.Response:
        """The body, or what to say of one that is not taken."""
        body = bytearray()
        async for chunk in request.content.iter_any():
            body += chunk
            if len(body) > self._limits.frame_bytes_max:
                return _too_large()
            if not held.add(len(chunk)):
                return web.Response(status=503, text="too much comes at once; try again later\n")
        return bytes(body)


def json_response(body: bytes, headers: dict[str, str]) -> web.Response:
    """An answer of JSON."""
    return web.Response(body=body, content_type="application/json", headers=headers)


def _too_large() -> web.Response:
    return web.Response(status=413, text="the body is too large\n")
