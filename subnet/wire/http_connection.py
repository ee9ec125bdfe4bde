"""What the HTTP servers of this project, axon and gateway, hold a stranger's connection to.

``GuardedConnection`` is aiohttp's connection with bounds on a head, without compression and without
a log. It reads one request at a time: who sends the next one before the last one's reply must wait.
It knows no requests, and no budgets of time: a server adds its own.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

from aiohttp import web, web_protocol

CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
"""The interim reply of HTTP/1.1, which every client passes over."""
_LINGER_S: Final = 0.2  # to read on after a refusal, so that the reply is not lost to a reset


class GuardedConnection(web_protocol.RequestHandler):
    """One connection of a server that strangers reach."""

    __slots__ = ()

    def __init__(
        self,
        server: web.Server,
        loop: asyncio.AbstractEventLoop,
        *,
        idle_s_max: float,
        head_bytes_max: int,
        headers_max: int,
    ) -> None:
        super().__init__(
            server,
            loop=loop,
            keepalive_timeout=idle_s_max,
            access_log=None,  # type: ignore[arg-type]  # aiohttp's own way to have none
            max_line_size=head_bytes_max,
            max_field_size=head_bytes_max,
            max_headers=headers_max,
            lingering_time=_LINGER_S,
            auto_decompress=False,
        )
        self._msg_queue_resume_size = 0  # read on when nothing waits any more

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._messages and self._current_request is not None and not self._buffer_paused:
            # Ours never send a request before the last one's reply: who does must wait, and holds
            # one read (256 KiB) of memory and not 32 requests with half a megabyte each.
            self._pause_reading_for_buffer()

    def log_exception(self, *args: Any, **kw: Any) -> None:
        """Log nothing: aiohttp's tracebacks quote what was received."""


def cut(request: web.BaseRequest) -> web.Response:
    """Abort the connection of ``request``. aiohttp then writes nothing of the response that this
    function returns."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=400)
