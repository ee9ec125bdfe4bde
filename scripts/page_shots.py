"""Open a gateway's chat page in a real browser, ask one question, and keep pictures of it.

    scripts/page_shots.py http://127.0.0.1:9949/#key=sk-assay-... FOLDER

The page is taken at the widths of a desk and of a phone, light and dark. Fails if the browser tells
an error, if no answer comes, if the page is wider than its window, or if parts of it are out of
line. It needs Chromium on the path, and drives it by its DevTools protocol.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import shutil
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp

WINDOWS = {"desk": (1280, 800, False), "phone": (390, 800, True)}
SCHEMES = ("light", "dark")
START_S_MAX = 30.0
ANSWER_S_MAX = 60.0
ASK = """(() => {
    document.getElementById("text").value = "import os\\n\\n\\ndef walk(";
    document.getElementById("most").value = 60;
    document.getElementById("ask").requestSubmit();
})()"""
READY = """!["", "not connected"].includes(
    document.getElementById("model")?.textContent ?? "")"""
SAID = """(() => {
    const said = document.querySelector("article.assistant footer")?.textContent ?? "";
    return said.includes(" tokens") ? said : "";
})()"""
WIDE = "document.documentElement.scrollWidth > innerWidth"
CROOKED = """(() => {
    const at = name => document.querySelector(name).getBoundingClientRect();
    const middle = name => (at(name).top + at(name).bottom) / 2;
    const apart = [
        middle("header button") - middle("#model"), at("#send").bottom - at("#text").bottom];
    return apart.some(far => Math.abs(far) > 1) ? apart.join(" and ") : "";
})()"""
"""How far the heading's parts, and the message and its button, are out of line, in pixels."""
TROUBLE = ("Runtime.exceptionThrown", "Log.entryAdded")


class Tab:
    """One tab of a browser, and what it had to complain of."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._number = 0
        self.trouble: list[Any] = []

    async def do(self, method: str, **params: Any) -> Any:
        """One command of the protocol; its result."""
        self._number += 1
        await self._socket.send_json({"id": self._number, "method": method, "params": params})
        while True:
            said = await self._socket.receive_json()
            if said.get("method") in TROUBLE:
                self.trouble.append(said["params"])
            if said.get("id") == self._number:
                return said["result"]

    async def value(self, expression: str) -> Any:
        """What the page says to an expression."""
        found = await self.do("Runtime.evaluate", expression=expression, returnByValue=True)
        return found["result"].get("value")


def started(command: list[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)


def port_in(file: Path) -> str | None:
    """The port in the file that a browser writes when it listens; None until then."""
    return file.read_text().split()[0] if file.exists() else None


async def until(look: Callable[[], Awaitable[Any]]) -> Any:
    """The first true value of ``look()``. The browser is another program: it can only be asked."""
    while True:
        if found := await look():
            return found
        await asyncio.sleep(0.1)


@contextlib.asynccontextmanager
async def browser() -> AsyncIterator[Tab]:
    """A browser with one tab; it ends with the block."""
    program = shutil.which("chromium") or shutil.which("google-chrome")
    assert program, "there is no Chromium on the path"
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:
        options = ("--headless=new", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0")
        command = [program, *options, f"--user-data-dir={home}", "about:blank"]
        process = started(command)
        try:
            port_file = Path(home, "DevToolsActivePort")
            async with asyncio.timeout(START_S_MAX), aiohttp.ClientSession() as session:
                port = await until(lambda: asyncio.to_thread(port_in, port_file))
                async with session.get(f"http://127.0.0.1:{port}/json") as reply:
                    (page,) = [tab for tab in await reply.json() if tab["type"] == "page"]
            async with (
                aiohttp.ClientSession() as session,
                session.ws_connect(page["webSocketDebuggerUrl"], max_msg_size=0) as socket,
            ):
                tab = Tab(socket)
                for domain in ("Page", "Runtime", "Log"):
                    await tab.do(f"{domain}.enable")
                yield tab
        finally:
            process.terminate()
            process.wait()


async def shoot(tab: Tab, url: str, window: str, scheme: str, folder: Path) -> str:
    """Ask in one window and keep its picture; what the page says of the answer."""
    width, height, mobile = WINDOWS[window]
    await tab.do(
        "Emulation.setDeviceMetricsOverride",
        width=width, height=height, deviceScaleFactor=1, mobile=mobile,
    )  # fmt: skip
    feature = {"name": "prefers-color-scheme", "value": scheme}
    await tab.do("Emulation.setEmulatedMedia", features=[feature])
    at, _, key = url.partition("#")
    await tab.do("Page.navigate", url=f"{at}?{window}-{scheme}#{key}")
    async with asyncio.timeout(ANSWER_S_MAX):
        await until(lambda: tab.value(READY))
        await tab.value(ASK)
        said = await until(lambda: tab.value(SAID))
    assert not await tab.value(WIDE), "the page is wider than its window"
    assert not (crooked := await tab.value(CROOKED)), f"parts are {crooked} pixels out of line"
    picture = await tab.do("Page.captureScreenshot", format="png")
    (folder / f"{window}-{scheme}.png").write_bytes(base64.b64decode(picture["data"]))
    return str(said)


async def main(url: str, folder: Path) -> None:
    async with browser() as tab:
        for window in WINDOWS:
            for scheme in SCHEMES:
                print(f"{window}-{scheme}.png: {await shoot(tab, url, window, scheme, folder)}")
        assert not tab.trouble, tab.trouble


if __name__ == "__main__":
    pictures = Path(sys.argv[2])
    pictures.mkdir(parents=True, exist_ok=True)
    asyncio.run(main(sys.argv[1], pictures))
