"""Malformed extrinsics and runtime calls on the real runtime: a standard error, and it lives on.

The bytes are a valid transfer's, cut, flipped and stretched, or plain noise with a right length
prefix; the calls are every runtime API with arguments of noise.
"""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assay.localnet.primitives.scale import encode_bytes
from assay.localnet.testing import NodeProcess, node_process
from tests.unit.subnet.localnet.core_chain import open_chain, transfer

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]

REFUSALS = {1001, 1002, 1010, 1011, 1012, 1016}
APIS = (
    "Core_execute_block",
    "Core_initialize_block",
    "BlockBuilder_apply_extrinsic",
    "BlockBuilder_inherent_extrinsics",
    "TaggedTransactionQueue_validate_transaction",
    "TransactionPaymentApi_query_info",
    "AccountNonceApi_account_nonce",
    "Metadata_metadata_at_version",
    "GenesisBuilder_build_state",
    "NeuronInfoRuntimeApi_get_neurons",
    "SubnetInfoRuntimeApi_get_metagraph",
    "StakeInfoRuntimeApi_get_stake_info_for_coldkey",
    "SwapRuntimeApi_sim_swap_tao_for_alpha",
    "no_such_api",
)


@pytest.fixture(scope="module")
def node() -> Iterator[NodeProcess]:
    with node_process("--in-memory", "--log-level", "ERROR") as started:
        yield started


@pytest.fixture(scope="module")
def valid() -> bytes:
    """A transfer for the same chain: the runtime and the preset are the same, so the genesis is."""
    chain = open_chain(None)
    try:
        return transfer(chain, 0)
    finally:
        chain.close()


def ask(node: NodeProcess, method: str, *params: Any) -> Any:
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
    request = urllib.request.Request(
        node.url.replace("ws", "http", 1), body, {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=20) as reply:
        return json.load(reply)


relaxed = settings(
    max_examples=80,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@given(data=st.data())
@relaxed
def test_a_mutilated_extrinsic_is_refused(
    node: NodeProcess, valid: bytes, data: st.DataObject
) -> None:
    body = valid[2:]
    at = data.draw(st.integers(0, len(body) - 1))
    kind = data.draw(st.sampled_from(["flip", "cut", "noise", "stretch", "frame"]))
    if kind == "flip":
        body = body[:at] + bytes((body[at] ^ data.draw(st.integers(1, 255)),)) + body[at + 1 :]
    elif kind == "cut":
        body = body[:at]
    elif kind == "noise":
        body = data.draw(st.binary(min_size=1, max_size=300))
    elif kind == "stretch":
        body = body + data.draw(st.binary(min_size=1, max_size=50))
    sent = valid[at:] if kind == "frame" and at else encode_bytes(body)
    if sent == valid:
        return
    told = ask(node, "author_submitExtrinsic", "0x" + sent.hex())
    assert told["error"]["code"] in REFUSALS, (sent.hex(), told)


@given(method=st.sampled_from(APIS), arguments=st.binary(max_size=200))
@relaxed
def test_a_runtime_call_with_noise_answers_or_is_refused(
    node: NodeProcess, method: str, arguments: bytes
) -> None:
    told = ask(node, "state_call", method, "0x" + arguments.hex())
    assert "result" in told or told["error"]["code"] == 4003, told


def test_the_node_lived_through_it(node: NodeProcess) -> None:
    height = int(ask(node, "chain_getHeader")["result"]["number"], 16)
    assert ask(node, "system_health")["result"]["isSyncing"] is False
    assert height >= 0
    assert node.process.poll() is None
