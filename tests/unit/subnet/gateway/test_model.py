"""Chats become prompts by the model's own template, and tokens have bytes."""

from __future__ import annotations

import asyncio
import json
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from assay.gateway.model import SHORT_CHARS, OfferedModel, Prompt
from assay.gateway.openai.errors import ApiError
from assay.gateway.openai.meaning import ClientRequest, chat_request, completion_request
from assay.models.root import model_root
from assay.models.source import DEMO, resolve
from assay.models.tokens import Tokens
from tests.unit.subnet.gateway.desks import ChatSpelling
from tests.unit.subnet.gateway.miners import ROOT

pytestmark = pytest.mark.inference

TEMPLATE = (
    "{{ bos_token }}{% for tool in tools or [] %}<tool>{{ tool.function.name }}{% endfor %}"
    "{% for m in messages %}{% if m.role == 'tool' and loop.first %}"
    "{{ raise_exception('a tool has not been called') }}{% endif %}"
    "<{{ m.role }}>{{ m.content }}{% endfor %}{% if add_generation_prompt %}<assistant>{% endif %}"
)


@pytest.fixture(scope="module")
def demo() -> Iterator[OfferedModel]:
    model = OfferedModel.load(DEMO)
    yield model
    model.close()


def with_template(folder: Path) -> Path:
    """A copy of the demo model that has a chat template."""
    shutil.copytree(resolve(DEMO), folder)
    path = folder / "tokenizer_config.json"
    config = json.loads(path.read_text())
    path.write_text(json.dumps(config | {"chat_template": TEMPLATE}))
    return folder


@pytest.fixture
def chatting(tmp_path: Path) -> Tokens:
    """The demo model's tokenizer with a template."""
    return Tokens.load(with_template(tmp_path / "model"))


def chat(*contents: str) -> bytes:
    messages = [{"role": "user", "content": content} for content in contents]
    return json.dumps({"model": "demo", "messages": messages}).encode()


async def cut(model: OfferedModel, wanted: ClientRequest, whose: str = "ada") -> list[Prompt]:
    return [prompt async for prompt in model.prompts(wanted, whose)]


class Listed(ChatSpelling):
    """A tokenizer that notes what it cuts."""

    def __init__(self) -> None:
        self.cut: list[str] = []

    def encode(self, prompt: str) -> list[int]:
        self.cut.append(prompt)
        return super().encode(prompt)


class Threaded(ChatSpelling):
    """A tokenizer that notes in which thread it cuts, and that takes its time with long texts."""

    def __init__(self) -> None:
        self.cut_in: dict[str, threading.Thread] = {}
        self.may_end = threading.Event()

    def encode(self, prompt: str) -> list[int]:
        self.cut_in[prompt] = threading.current_thread()
        if len(prompt) > SHORT_CHARS:
            assert self.may_end.wait(20.0)
        return super().encode(prompt)


def texts(*prompts: str) -> ClientRequest:
    return completion_request(json.dumps({"model": "demo", "prompt": prompts}).encode())


async def test_keys_take_turns_prompt_by_prompt() -> None:
    spelling, long, other = Listed(), "l" * (SHORT_CHARS + 1), "o" * (SHORT_CHARS + 1)
    model = OfferedModel("demo", ROOT, spelling, 3_000)
    hogs = [cut(model, texts(*[long] * 16), "hog") for _ in range(8)]
    await asyncio.gather(*hogs, cut(model, texts(other), "ada"))
    assert len(spelling.cut) == 8 * 16 + 1
    assert spelling.cut.index(other) <= 2
    model.close()


async def test_a_short_prompt_does_not_wait_for_the_thread_that_cuts_long_ones() -> None:
    spelling = Threaded()
    model = OfferedModel("demo", ROOT, spelling, 3_000)
    long = asyncio.create_task(cut(model, texts("l" * (SHORT_CHARS + 1)), "hog"))
    async with asyncio.timeout(10):
        assert await cut(model, texts("s"), "ada") == [("s", 1)]
        assert not long.done()
        spelling.may_end.set()
        await long
    here = threading.current_thread()
    assert [thread is here for _, thread in sorted(spelling.cut_in.items())] == [False, True]
    model.close()


async def test_what_is_too_long_by_its_characters_is_not_cut() -> None:
    spelling = Listed()
    model = OfferedModel("demo", ROOT, spelling, 300)
    with pytest.raises(ApiError) as caught:
        await cut(model, texts("short", "x" * 300))
    assert (caught.value.param, caught.value.code) == ("prompt", "context_length_exceeded")
    assert spelling.cut == []
    model.close()


async def test_the_demo_model_goes_on_with_texts(demo: OfferedModel) -> None:
    assert (demo.name, demo.root, demo.context_tokens) == ("demo", model_root(resolve(DEMO)), 512)
    [(prompt, count)] = await cut(demo, chat_request(chat("import os", "def walk(")))
    assert prompt == "import os\n\ndef walk("
    assert count == len(demo.spelling.encode(prompt))
    prompts = await cut(demo, completion_request(b'{"model": "demo", "prompt": ["a", ""]}'))
    assert prompts == [("a", 1), ("", 1)]


async def test_a_prompt_that_the_wire_cannot_carry_is_refused(demo: OfferedModel) -> None:
    with pytest.raises(ApiError) as caught:
        await cut(demo, chat_request(chat("x" * 40_000, "y" * 40_000)))
    assert (caught.value.param, caught.value.code) == ("messages", "string_above_max_length")


def test_the_models_own_template_makes_the_prompt(chatting: Tokens) -> None:
    assert chatting.has_chat
    prompt = chatting.render_chat(
        [{"role": "system", "content": "s"}, {"role": "user", "content": "u"}],
        [{"type": "function", "function": {"name": "f"}}],
    )
    assert prompt == "<|endoftext|><tool>f<system>s<user>u<assistant>"


def test_the_beginning_of_a_text_does_not_stand_there_twice(tmp_path: Path) -> None:
    folder = with_template(tmp_path / "model")
    path = folder / "tokenizer.json"
    start = {"SpecialToken": {"id": "<|endoftext|>", "type_id": 0}}
    parts = [start, {"Sequence": {"id": "A", "type_id": 0}}]
    special = {"id": "<|endoftext|>", "ids": [0], "tokens": ["<|endoftext|>"]}
    config = json.loads(path.read_text())
    config["post_processor"] = {
        "type": "TemplateProcessing",
        "single": parts,
        "pair": parts,
        "special_tokens": {"<|endoftext|>": special},
    }
    path.write_text(json.dumps(config))
    tokens = Tokens.load(folder)
    prompt = tokens.render_chat([{"role": "user", "content": "u"}], None)
    assert prompt == "<user>u<assistant>"
    assert tokens.encode(prompt).count(0) == 1


def test_what_the_template_does_not_take_is_a_value_error(chatting: Tokens) -> None:
    with pytest.raises(ValueError, match="chat template does not take it"):
        chatting.render_chat([{"role": "tool", "content": "42"}], None)


def test_the_bytes_of_tokens_are_the_texts_own(demo: OfferedModel) -> None:
    text = "naïve €5 → 日本\t\x00🎈 done"
    tokens = demo.spelling.encode(text)
    assert b"".join(map(demo.spelling.token_bytes, tokens)) == text.encode()
    assert any("\ufffd" in demo.spelling.decode([token]) for token in tokens), "parts are tried"
