"""What a miner signed to a client convicts it exactly if it is not the model's answer.

The honest answer through the gateway's own router; the cheats are convicted however they end; and
no request, however it was chosen, convicts a miner that answers truly.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from assay.cli.app import app
from assay.gateway.openai.meaning import AnswerOptions
from assay.protocol.client_receipts import CallRecord, ClientReceipt, read_call
from assay.protocol.inference import ModelCommitment, Piece, noise_key
from assay.validators.inference.answers import Finding
from assay.validators.inference.client_calls import judge_call
from assay.wire.synapse import Synapse
from tests.unit.subnet.gateway.miners import GATEWAY, GENESIS, key
from tests.unit.validators.inference.client_answers import (
    ENGINE,
    ROOT,
    SEEDED,
    ServingMiner,
    ask_miners,
    demo,
    judge,
    pieces,
    request,
)
from tests.unit.validators.inference.signed_calls import signed

pytestmark = pytest.mark.inference


def found(call: CallRecord) -> Finding:
    return judge_call(judge(), read_call(call), SEEDED)


def other_token(number: int, piece: Piece) -> Piece:
    """The piece with its last token replaced by the next id."""
    tokens = [*piece.tokens[:-1], (piece.tokens[-1] + 1) % 1000] if piece.tokens else []
    return msgspec.structs.replace(piece, tokens=tokens)


OPTIONS = {
    "plain": AnswerOptions(),
    "greedy": AnswerOptions(temperature=0.0),
    "filters": AnswerOptions(temperature=0.9, top_k=40, top_p=0.9, min_p=0.02),
    "penalties": AnswerOptions(repetition_penalty=1.3, presence_penalty=0.5, frequency_penalty=0.5),
    "bias": AnswerOptions(bias={5: 4.0, 9: -100.0}),
    "logprobs": AnswerOptions(logprobs=5),
    "stop": AnswerOptions(stop=("(", "\n")),
}


@pytest.mark.parametrize("name", OPTIONS)
async def test_an_honest_answer_in_pieces_is_verified(name: str, tmp_path: Path) -> None:
    [call] = await ask_miners(tmp_path, ServingMiner(key(1)), options=OPTIONS[name])
    finding = found(call)
    assert finding.verified, finding.reasons


async def test_who_broke_off_owes_nothing_and_who_goes_on_is_verified(tmp_path: Path) -> None:
    first = ServingMiner(key(1), incentive=2000, dies_at=4)
    calls = await ask_miners(tmp_path, first, ServingMiner(key(2)))
    assert [call.miner for call in calls] == [key(1).address, key(2).address]
    broken, whole = map(found, calls)
    assert (broken.verified, broken.convicted) == (False, False)
    assert broken.reasons[-1] == "broke off"
    assert whole.verified, whole.reasons


@pytest.mark.parametrize("dies_at", [None, 4], ids=["whole", "broken off"])
async def test_wrong_tokens_convict_however_the_answer_ends(
    dies_at: int | None, tmp_path: Path
) -> None:
    lying = ServingMiner(key(1), incentive=2000, changes=other_token, dies_at=dies_at)
    calls = await ask_miners(tmp_path, lying, ServingMiner(key(2)))
    assert calls[0].miner == key(1).address
    assert found(calls[0]).convicted
    assert not any(found(call).convicted for call in calls[1:])


class Junk(Synapse, frozen=True):
    """What is no piece."""

    junk: int = 1


async def test_words_that_are_signed_together_with_what_is_no_piece_convict() -> None:
    """The client has read them by then; a gateway that kept only pieces could show none of them."""
    wrong = Piece(tokens=[1, 2, 3], text="")
    call = read_call(await signed(request(), [wrong, Junk(), wrong]))
    assert (len(call.pieces), call.whole) == (1, False)
    assert judge_call(judge(), call, SEEDED).convicted


async def test_a_text_that_its_tokens_do_not_spell_convicts(tmp_path: Path) -> None:
    def another_text(_: int, piece: Piece) -> Piece:
        return msgspec.structs.replace(piece, text="x")

    [call] = await ask_miners(tmp_path, ServingMiner(key(1), changes=another_text))
    assert found(call).convicted


async def test_a_fingerprint_is_owed_to_gateways_with_a_permit_alone(tmp_path: Path) -> None:
    def without(_: int, piece: Piece) -> Piece:
        end = piece.end
        return piece if end is None else msgspec.structs.replace(
            piece, end=msgspec.structs.replace(end, fingerprint=b"")
        )  # fmt: skip

    def wrong(_: int, piece: Piece) -> Piece:
        end = piece.end
        return piece if end is None else msgspec.structs.replace(
            piece, end=msgspec.structs.replace(end, fingerprint=bytes(128))
        )  # fmt: skip

    [silent] = await ask_miners(tmp_path / "a", ServingMiner(key(1), changes=without))
    [lying] = await ask_miners(tmp_path / "b", ServingMiner(key(1), changes=wrong))
    for call, owed, is_right in (
        (silent, False, True),
        (silent, True, False),
        (lying, False, False),
    ):
        finding = judge_call(judge(), read_call(call), SEEDED, owed)
        assert (finding.verified, finding.convicted) == (is_right, not is_right)


async def test_made_up_probabilities_convict(tmp_path: Path) -> None:
    def surer(_: int, piece: Piece) -> Piece:
        logprobs = [msgspec.structs.replace(each, logprob=-0.01) for each in piece.logprobs]
        return msgspec.structs.replace(piece, logprobs=logprobs)

    lying = ServingMiner(key(1), changes=surer)
    [call] = await ask_miners(tmp_path, lying, options=AnswerOptions(logprobs=1))
    assert found(call).convicted


# -- requests that were chosen to convict an honest miner


def true_tokens(miner: str, begun: list[int], count: int = 4) -> list[int]:
    ids = demo().tokens.encode(request().prompt)
    drawn = demo().stream(ids, count, request().sampling(), noise_key(5, ROOT, miner), begun)
    return list(drawn)


async def test_a_request_that_names_another_miner_convicts_nobody() -> None:
    """Its answer is wrong for the noise that it names; an honest miner would not have given it."""
    call = await signed(request(miner=key(2).address), pieces(true_tokens(key(1).address, [])))
    finding = judge_call(judge(), read_call(call), SEEDED)
    assert not finding.convicted
    assert "names another miner" in finding.reasons[0]


async def test_a_made_up_beginning_is_not_the_miners_fault(tmp_path: Path) -> None:
    """A gateway says that another miner began with nonsense; the miner goes on from that truly."""
    begun = [7, 7, 7]
    ask = request(miner=key(2).address, begun=begun)
    tokens = true_tokens(key(2).address, begun)
    call = await signed(ask, [Piece(tokens=tokens, text="")])
    finding = judge_call(judge(), read_call(call), SEEDED)
    assert not finding.convicted, finding.reasons
    assert finding.reasons[0] == "4/4 tokens agree"


@pytest.mark.parametrize(
    "changes",
    [
        lambda: {"model": bytes(32)},
        lambda: {"max_tokens": 4096},
        lambda: {"begun": [2**24]},
        lambda: {"begun": [min(demo().ends)]},
        lambda: {"begun": demo().tokens.encode("x(y"), "stop": ["("]},
    ],
    ids=["other model", "too long", "no token", "ended", "stopped"],
)
async def test_what_an_honest_miner_refuses_convicts_nobody(
    changes: Callable[[], dict[str, object]],
) -> None:
    call = await signed(request(**changes()), pieces([1, 2, 3, 4]))
    finding = judge_call(judge(), read_call(call), SEEDED)
    assert (finding.verified, finding.convicted) == (False, False)
    assert "an honest miner refuses" in finding.reasons[0]


async def test_a_miner_of_another_model_or_behind_an_engine_is_not_held_to_this_path() -> None:
    call = read_call(await signed(request(), pieces([1, 2, 3, 4])))
    assert judge_call(judge(), call, SEEDED).convicted
    assert not judge_call(judge(), call, None).convicted
    assert not judge_call(judge(), call, ENGINE).convicted
    assert not judge_call(judge(accept_engines=True), call, ENGINE).convicted, "not greedy"
    assert not judge_call(judge(), call, ModelCommitment(bytes(32), SEEDED.path)).convicted


# -- the command


def receipt(path: Path, calls: list[CallRecord]) -> Path:
    made = ClientReceipt(
        id=f"rcpt-{1:032x}", created=1, genesis=GENESIS, netuid=1, gateway=GATEWAY.address,
        model=ROOT, key="0badcafe", calls=calls,
    )  # fmt: skip
    path.write_bytes(msgspec.json.encode(made))
    return path


def told(path: Path) -> tuple[int, list[str]]:
    """The command's exit code, and what it says of each call."""
    done = CliRunner().invoke(app, ["receipt", "judge", str(path), "--json"])
    code = getattr(done.exception, "exit_code", done.exit_code)
    calls = json.loads(done.stdout) if done.stdout else []
    return code, [call["verdict"] for call in calls]


async def test_the_command_says_what_was_found_call_by_call(tmp_path: Path) -> None:
    lying = ServingMiner(key(1), incentive=2000, changes=other_token, dies_at=4)
    wrong = await ask_miners(tmp_path, lying, ServingMiner(key(2)))
    broken = await ask_miners(
        tmp_path, ServingMiner(key(1), incentive=2000, dies_at=4), ServingMiner(key(2))
    )
    file = tmp_path / "receipt.json"
    said = await asyncio.to_thread(told, receipt(file, broken))
    assert said == (4, ["cannot be judged", "verified"])
    code, verdicts = await asyncio.to_thread(told, receipt(file, wrong))
    assert (code, verdicts[0]) == (3, "convicted")
    [right] = await ask_miners(tmp_path, ServingMiner(key(1)))
    assert await asyncio.to_thread(told, receipt(file, [right])) == (0, ["verified"])
    forged = msgspec.structs.replace(right, frames=right.frames[:-1])
    assert await asyncio.to_thread(told, receipt(file, [forged])) == (3, [])
    file.write_text("{}")
    assert await asyncio.to_thread(told, file) == (2, [])
