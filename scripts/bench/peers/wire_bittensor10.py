"""Signed echo over bittensor 10.5's axon and dendrite, in its own environment.

Used as its documentation shows: an axon with one attached function, a dendrite that calls it; the
request is signed by the dendrite and verified by the axon (replies are not signed there). A
dendrite's nonces must rise in order of arrival, so each of the concurrent callers has one of its
own. Its look-up of an external address is answered locally: nothing leaves the machine. It reads
annotations at run time and would not understand postponed ones.
"""

import asyncio
import socket
import sys
import tempfile

from bittensor.utils import networking

networking.get_external_ip = lambda: "127.0.0.1"

import bittensor as bt  # noqa: E402
from load import CALLERS_MAX, measure, say  # noqa: E402


class Echo(bt.Synapse):
    text: str = ""


def echo(synapse: Echo) -> Echo:
    return synapse


def wallet(folder: str) -> bt.Wallet:
    made = bt.Wallet(name="bench", hotkey="default", path=folder)
    made.create_if_non_existent(coldkey_use_password=False, hotkey_use_password=False)
    return made


def serve() -> None:
    with tempfile.TemporaryDirectory() as folder:
        key = wallet(folder)
        with socket.socket() as probe:  # its axon cannot choose a free port itself
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        axon = bt.Axon(wallet=key, ip="127.0.0.1", port=port, external_ip="127.0.0.1")
        axon.attach(forward_fn=echo)
        axon.start()
        say({"port": port, "hotkey": key.hotkey.ss58_address})
        sys.stdin.read()
        axon.stop()


async def call(port: int, seconds: float, size: int, hotkey: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        key = wallet(folder)
        dendrites = [bt.Dendrite(wallet=key) for _ in range(CALLERS_MAX)]
        target = bt.AxonInfo(
            version=1, ip="127.0.0.1", port=port, ip_type=4, hotkey=hotkey, coldkey=hotkey
        )
        text = "x" * size

        async def once(caller: int) -> bool:
            reply = await dendrites[caller].forward(
                target, Echo(text=text), timeout=30, deserialize=False
            )
            return bool(reply.dendrite.status_code == 200 and reply.text == text)

        say(await measure(once, seconds))
        for dendrite in dendrites:
            await dendrite.aclose_session()


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        serve()
    else:
        asyncio.run(call(int(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4]), sys.argv[5]))
