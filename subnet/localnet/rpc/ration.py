"""How much of a runtime call's budget the next call may use, after what the last ones took. Pure.

One thread answers everybody and makes the blocks, so a call that runs for a second holds all up for
a second. One such call is somebody's right (all metagraphs of a full chain need it); a row of them
is not. Long calls therefore run up a *debt* of time, and the time between them pays it back, second
for second. The deeper the debt, the less of its budget a call may use, whoever makes it; never less
than ``query_least_share``, in which everything fits that ordinary clients ask for. So where long
calls take more than half of the time they become shorter, and under any load at all each next one
holds up the others for the least share only.

The time is passed in. What a budget is, and what happens to a call that uses it up, is not known
here.
"""

from __future__ import annotations

from assay.localnet.rpc.limits import RpcLimits


class Ration:
    """One for all clients of a node: who opens ten connections must not have ten times as much."""

    def __init__(self, limits: RpcLimits) -> None:
        self._limits = limits
        self._debt_s = 0.0
        self._settled_s = 0.0

    def share(self, now_s: float) -> float:
        """The share of its budget that a call may use now: from ``query_least_share`` to 1."""
        limits = self._limits
        self._debt_s = max(self._debt_s - (now_s - self._settled_s), 0.0)
        self._settled_s = now_s
        return max(1.0 - self._debt_s / limits.query_debt_s_max, limits.query_least_share)

    def charge(self, now_s: float, taken_s: float) -> None:
        """A call took so long until now. The debt has a limit, so that it is paid back soon."""
        if taken_s > self._limits.query_free_s:
            self._settled_s = now_s
            self._debt_s = min(self._debt_s + taken_s, self._limits.query_debt_s_max)
