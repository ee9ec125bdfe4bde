"""A real S3 server for a test, on this machine: s3s-fs, as `scripts/s3_server` builds it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[4]
KEY, SECRET = "assay-test", "assay-test-secret"  # of a server that lives as long as a test


def _program() -> str:
    named = os.environ.get("ASSAY_S3_SERVER")
    built = sorted(ROOT.glob(".cache/s3/*/bin/s3s-fs"))
    if named is None and not built:
        pytest.skip("the S3 server is not built: scripts/s3_server")
    return named or str(built[-1])


@contextlib.asynccontextmanager
async def s3_bucket(folder: Path, setenv: Callable[[str, str], None]) -> AsyncIterator[str]:
    """Run the server over ``folder``, with one bucket, and yield the bucket's address; what a
    client reads from its environment is set by ``setenv``."""
    program = _program()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    root = folder / "s3"
    (root / "objects").mkdir(parents=True)
    server = await asyncio.create_subprocess_exec(
        program, "--host", "127.0.0.1", "--port", str(port),
        "--access-key", KEY, "--secret-key", SECRET, str(root),
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        await asyncio.wait_for(_listening(port), 20)
        for name, value in {
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
            "AWS_REGION": "us-east-1",
            "AWS_ALLOW_HTTP": "true",
        }.items():
            setenv(name, value)
        yield "s3://objects/run-1"
    finally:
        server.terminate()
        await server.wait()


async def _listening(port: int) -> None:
    while True:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.05)
        else:
            writer.close()
            return
