"""What an engine's answer must be to be paid: greedy, whole, and not of what any model expects.

Honest engines are played by the demo model itself, at temperature 0, with their text alone handed
on; cheats need no model at all.
"""

from __future__ import annotations

import copy
from typing import Any, Final

import numpy as np
import pytest

from assay.protocol.inference import Complete, Completion
from assay.scoring.inference.agreement import ENGINE_WORST, compare
from assay.scoring.inference.sampling import GREEDY
from assay.validators.inference.answers import Finding
from tests.unit.validators.inference.judges import judge_of
from tests.unit.validators.inference.test_judgement import (
    ENGINE,
    MINER,
    ROOT,
    completion,
    demo,
    honest,
    judge,
)

pytestmark = pytest.mark.inference

PROMPTS: Final = (
    "import os\nimport sys\n\n\ndef read(path):\n    with open(path) as stream:\n        ",
    "class Reader:\n    def __init__(self, path):\n        self.path = path\n\n    def ",
    "def test_minus(self):\n        self.assertEqual(",
)
NO_MODEL: Final = {"noughts": " 0,", "escapes": "\\x00", "hex": " 0x00,"}


def ask(prompt: str, tokens: int = 48) -> Complete:
    return Complete(
        model=ROOT, prompt=prompt, max_tokens=tokens, seed=3, temperature=0.0, miner=MINER
    )


def say(text: str, finish: Any = "length") -> Completion:
    return completion((1,), finish, text)


def examine(request: Complete, reply: Completion) -> Finding:
    return judge(True).examine(request, reply, ENGINE)


@pytest.mark.parametrize("prompt", PROMPTS, ids=["function", "class", "call"])
@pytest.mark.parametrize("unit", NO_MODEL.values(), ids=list(NO_MODEL))
def test_a_text_that_repeats_itself_is_not_paid(prompt: str, unit: str) -> None:
    """The model expects more of it from the third time on; only how it begins tells."""
    assert not examine(ask(prompt), say(unit * 48)).verified


def test_nor_does_it_convict_where_one_token_lies_far_off() -> None:
    """It may be an engine's own, cut otherwise; sixteen unpaid answers would be too much for it."""
    finding = examine(ask(PROMPTS[0]), say("\\x00" * 48))
    assert not finding.convicted
    assert "logits away" in finding.reasons[0]


@pytest.mark.parametrize("prompt", PROMPTS, ids=["function", "class", "call"])
def test_half_an_answer_is_not_paid(prompt: str) -> None:
    whole = honest(ask(prompt))
    assert examine(ask(prompt), say(whole.text, whole.finish)).verified
    half = demo().tokens.decode(whole.tokens[: len(whole.tokens) // 2 + 1])
    finding = examine(ask(prompt), say(half))
    assert not finding.verified
    assert not finding.convicted


def ending_at_once() -> Complete:
    """A prompt after which the model ends the text."""
    for lines in range(1, 40):
        request = ask("if __name__ == '__main__':\n    unittest.main()\n" * lines, 24)
        if honest(request).tokens == list(sorted(demo().ends)[:1]):
            return request
    raise AssertionError("the model goes on after all of them")


def test_an_engine_may_end_before_the_first_token() -> None:
    finding = examine(ending_at_once(), say("", "stop"))
    assert finding.verified
    assert finding.tokens == 1
    assert examine(ending_at_once(), say("", "length")).convicted
    finding = examine(ask(PROMPTS[0]), say("", "stop"))
    assert finding.convicted
    assert "where the model goes on" in finding.reasons[0]


def test_half_a_character_at_the_end_convicts_nobody() -> None:
    """An engine that is told to stop inside a character spells its bytes with a replacement."""
    prompt = "\u00e9\u00e8\u00ea\u00eb"
    # Greedy: a shorter answer is how the longest begins.
    longest = honest(ask(prompt))
    assert len(longest.tokens) == 48
    cut_off = 0
    for tokens in range(8, 49):
        reply = completion(longest.tokens[:tokens])
        finding = examine(ask(prompt, tokens), say(reply.text, reply.finish))
        cut_off += reply.text.endswith("\ufffd")
        assert not finding.convicted, (reply.text, finding.reasons)
    assert cut_off
    assert not examine(ask(prompt), say("\ufffd" * 48)).verified


def test_a_text_that_its_tokenizer_cuts_otherwise_is_judged_by_the_engines_cut() -> None:
    """The engine went on from "fo" by "reg" and "round"; the tokenizer has its own way there."""
    request = ask("        }\n        fo", 32)
    reply = honest(request)
    again = demo().tokens.encode_answer(reply.text)
    logits = demo().replay(demo().tokens.encode(request.prompt), again)
    assert compare(logits, np.array(again), GREEDY, bytes(16)).worst > ENGINE_WORST
    assert examine(request, say(reply.text, reply.finish)).verified


def test_another_cut_keeps_to_the_context() -> None:
    """The text above, followed by more than the context has room for."""
    request = ask("        }\n        fo", 32)
    long = honest(request).text + " x = 1" * 200
    small = copy.copy(demo())
    small.context_tokens = len(demo().tokens.encode(request.prompt)) + 40
    judge_of_small = judge_of(small, ROOT, accept_engines=True)
    assert judge_of_small.examine(request, say(long), ENGINE).tokens <= request.max_tokens
