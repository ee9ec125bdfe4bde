"""What happens to a neuron on its chain, as events: what ``--json`` prints of a running neuron.

A view of a subnet and a hotkey come in; events go out, each a mapping that becomes one JSON
document on one line. All but the first one, ``ready``, are read off the chain, so that they say
what took effect and not what was tried; what was tried stands in the log. docs/events.md lists
them. Nothing here knows a task, a signal or a stream.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from typing import Any

from assay.chain.errors import ChainUnavailable
from assay.chain.interface import Moment
from assay.chain.view import ChainView
from assay.types import Ss58

Event = Mapping[str, Any]
Tell = Callable[[Event], None]


@contextlib.asynccontextmanager
async def telling(
    view: ChainView, hotkey: Ss58, tell: Tell | None, stop: asyncio.Event
) -> AsyncIterator[None]:
    """Hand the events of ``hotkey`` to ``tell`` meanwhile, if anybody wants them.

    An error of ``tell`` (nobody reads any more) sets ``stop``, and is raised once the neuron that
    runs meanwhile has ended.
    """
    if tell is None:
        yield
        return
    task = asyncio.create_task(_tell_all(view, hotkey, tell))
    task.add_done_callback(lambda _: stop.set())
    try:
        yield
    finally:
        task.cancel()
        (ended,) = await asyncio.gather(task, return_exceptions=True)
    if isinstance(ended, Exception):
        raise ended


async def _tell_all(view: ChainView, hotkey: Ss58, tell: Tell) -> None:
    before: Moment | None = None
    while True:
        # An outage ends no neuron by itself, and is told in the log.
        with contextlib.suppress(ChainUnavailable):
            async with contextlib.aclosing(view.blocks()) as moments:
                async for moment in moments:
                    for event in events_between(before, moment, hotkey):
                        tell(event)
                    before = moment


def events_between(before: Moment | None, now: Moment, hotkey: Ss58) -> Iterator[Event]:
    """What happened to ``hotkey`` from the moment ``before`` to the moment ``now``.

    ``before`` None: nothing was seen yet, and what holds now is told as if it had just begun.
    """
    head = {"netuid": now.metagraph.netuid, "block": now.at.number}
    old = before.metagraph.by_hotkey(hotkey) if before is not None else None
    own = now.metagraph.by_hotkey(hotkey)
    if own is None:
        if old is not None:
            yield {"event": "deregistered", **head, "uid": old.uid}
        return
    registered = old is None or old.block_at_registration != own.block_at_registration
    if old is None or registered:
        yield {"event": "registered", **head, "uid": own.uid}
    if own.axon != (None if registered or old is None else old.axon):
        yield {"event": "axon", **head, "address": str(own.axon) if own.axon else None}
    if old is not None and not registered and own.last_update != old.last_update:
        yield {"event": "weights", **head, "since_block": own.last_update}
    if before is None or before.epoch.index != now.epoch.index:
        yield {
            "event": "epoch",
            **head,
            "epoch": now.epoch.index,
            "uid": own.uid,
            "incentive": own.incentive,
            "dividends": own.dividends,
            "emission_alpha_rao": own.emission,
            "alpha_stake_rao": own.alpha_stake,
            "validator_permit": own.validator_permit,
        }
