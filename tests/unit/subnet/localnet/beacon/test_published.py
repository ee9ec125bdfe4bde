"""Pulses as drand writes them, from a server and from a file."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import pytest
from aiohttp import web

from assay.errors import UserError
from assay.localnet.beacon.published import PublishedPulses, PulsesGone, RecordedPulses, read_round
from assay.localnet.beacon.pulse import SIGNATURE_BYTES, Pulse

TOLD: Final = {
    "round": 1_000,
    "randomness": "fe290beca10872ef2fb164d2aa4442de4566183ec51c56ff3cd603d930e54fdd",
    "signature": "b44679b9a59af2ec876b1a6b1ad52ea9b1615fc3982b19576350f93447cb1125"
    "e342b73a8dd2bacbe47e4b6b63ed5e39",
}
"""Quicknet's round 1000, as drand publishes it."""
NOTHING_OF_THE_KIND: Final = [
    b"",
    b"null",
    b"[" * 100_000,
    b'{"round": 1}',
    json.dumps(TOLD | {"signature": "00" * (SIGNATURE_BYTES - 1)}).encode(),
    json.dumps(TOLD | {"signature": "zz" * SIGNATURE_BYTES}).encode(),
    json.dumps(TOLD | {"round": 0}).encode(),
    json.dumps(TOLD | {"round": 2**64}).encode(),
]


def test_a_round_is_read_as_drand_writes_it() -> None:
    pulse = read_round(json.dumps(TOLD).encode())
    assert pulse == Pulse(1_000, bytes.fromhex(str(TOLD["signature"])))
    assert pulse.randomness.hex() == TOLD["randomness"]


@pytest.mark.parametrize("data", NOTHING_OF_THE_KIND)
def test_what_is_no_round_is_refused(data: bytes) -> None:
    with pytest.raises((ValueError, RecursionError)):
        read_round(data)


class Server:
    """A drand server with one round."""

    reply: tuple[int, bytes] | None = None
    """What it answers whatever it is asked, if that is set."""

    async def answer(self, request: web.Request) -> web.Response:
        if self.reply is not None:
            return web.Response(status=self.reply[0], body=self.reply[1])
        known = request.match_info["round"] == str(TOLD["round"])
        return web.json_response(TOLD) if known else web.json_response({}, status=425)


@pytest.fixture
async def server() -> AsyncIterator[tuple[Server, PublishedPulses]]:
    served, app = Server(), web.Application()
    app.router.add_get("/chain/public/{round}", served.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    (address,) = runner.addresses
    pulses = PublishedPulses(f"http://127.0.0.1:{address[1]}/chain/")
    yield served, pulses
    await pulses.close()
    await runner.cleanup()


async def test_a_server_has_a_round_or_not_yet(server: tuple[Server, PublishedPulses]) -> None:
    _, pulses = server
    assert await pulses.pulse(1_000) == read_round(json.dumps(TOLD).encode())
    assert await pulses.pulse(1_001) is None


@pytest.mark.parametrize("reply", [(200, data) for data in NOTHING_OF_THE_KIND] + [(500, b"no")])
async def test_a_server_that_is_none_is_away(
    server: tuple[Server, PublishedPulses], reply: tuple[int, bytes]
) -> None:
    served, pulses = server
    served.reply = reply
    with pytest.raises(PulsesGone, match="as drand does"):
        await pulses.pulse(1_000)


async def test_another_round_than_was_asked_for_is_none(
    server: tuple[Server, PublishedPulses],
) -> None:
    served, pulses = server
    served.reply = (200, json.dumps(TOLD).encode())
    assert await pulses.pulse(999) is None


async def test_nobody_answers() -> None:
    pulses = PublishedPulses("http://127.0.0.1:9")
    with pytest.raises(PulsesGone, match="does not answer"):
        await pulses.pulse(1)
    await pulses.close()


async def test_a_file_has_the_first_round_at_or_after_one(tmp_path: Path) -> None:
    path = tmp_path / "rounds"
    rounds = [TOLD | {"round": number} for number in (30, 10)]
    path.write_text("\n\n".join(map(json.dumps, rounds)) + "\n")
    pulses = RecordedPulses.read(path)
    found = [await pulses.pulse(number) for number in (1, 10, 11, 30, 31)]
    assert [None if each is None else each.round for each in found] == [10, 10, 30, 30, None]


@pytest.mark.parametrize(
    ("content", "told"), [(b'{"round": 1}\n', "Line 1 of"), (None, "cannot be read")]
)
def test_a_file_without_rounds_is_refused(tmp_path: Path, content: Any, told: str) -> None:
    path = tmp_path / "rounds"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError, match=told):
        RecordedPulses.read(path)
