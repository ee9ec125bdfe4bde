"""A long reply while it is put together: bounded in bytes and in time, from item to item.

In come the bytes of keys, values and extrinsics; out goes their hex. It knows no method, and
nothing of how the reply is sent.
"""

from __future__ import annotations

from assay.localnet.rpc.encoding import hex_of, hex_or_none
from assay.localnet.rpc.errors import reply_too_big
from assay.localnet.rpc.node import RpcNode


class ReplyRoom:
    """What is left of the largest reply, and of the time of the call in progress.

    Each item raises RpcError once the reply could not be sent any more, and TimeSpent once the call
    has taken too long.
    """

    def __init__(self, node: RpcNode) -> None:
        self._node = node
        self._limit = self._left = node.limits.reply_bytes_max

    def _take(self, size_bytes: int) -> None:
        self._left -= size_bytes
        if self._left < 0:
            raise reply_too_big(self._limit)
        self._node.check_time()

    def hex(self, data: bytes) -> str:
        """``data`` in hex."""
        self._take(2 * len(data))
        return hex_of(data)

    def pair(self, key: bytes, value: bytes | None) -> list[str | None]:
        """``key`` and ``value`` in hex."""
        self._take(2 * (len(key) + len(value or b"")))
        return [hex_of(key), hex_or_none(value)]
