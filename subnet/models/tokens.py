"""Text to token ids and back, as a model's own tokenizer has it.

In comes a model's folder; out comes its tokenizer, called in one fixed way, so that a miner and a
validator cut the same prompt into the same tokens. This module needs no torch: a miner in front of
a foreign engine loads this part of a model alone.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from assay.errors import UserError
from assay.models.layout import (
    TEXT_BYTES_MAX,
    TOKENIZER_CONFIG,
    Layout,
    read_layout,
    read_object,
)
from assay.models.source import inference_extra_missing
from assay.models.spelling import UNFINISHED

try:
    import transformers
except ImportError:
    raise inference_extra_missing() from None

SAID_CHARS_MAX: Final = 200
"""Of a library's own message: its cause stands at the beginning, and pages of advice may follow."""
LOADABLE: Final = "Give a causal language model that transformers can load, with its tokenizer."
FILE_FIELD: Final = "_file"
"""End of the names of fields that name files, in old configurations by where they once lay."""
POSITIONAL: Final = "init_inputs"
"""The field whose items become a tokenizer's first arguments, which may be files as well."""


def ends_of(named: object) -> frozenset[int]:
    """Return the end-of-text ids in the field ``named`` of a configuration: one, several or none.

    ValueError for anything but token ids.
    """
    ends = named if isinstance(named, list) else [] if named is None else [named]
    if not all(type(end) is int and end >= 0 for end in ends):
        raise ValueError(f"the end of a text is named by {str(named)[:80]!r}, not by token ids")
    return frozenset(ends)


class Tokens:
    """A model's tokenizer. Made by ``load``."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self.ends = ends_of(tokenizer.eos_token_id)
        self._longest = _longest_piece(tokenizer)

    @classmethod
    def load(cls, folder: Path) -> Tokens:
        """Return the tokenizer in ``folder``; UserError if there is none that can be loaded."""
        layout = read_layout(folder)
        with refusing_folder(folder), _staged(layout) as alone:
            return cls(
                transformers.AutoTokenizer.from_pretrained(
                    alone, local_files_only=True, trust_remote_code=False
                )
            )

    def encode(self, prompt: str) -> list[int]:
        """Return the ids of ``prompt``, with whatever the model puts before a prompt.

        There is at least one id: an empty prompt is the beginning of a document.
        """
        ids: list[int] = self._tokenizer(prompt, verbose=False)["input_ids"]
        if ids:
            return ids
        start = self._tokenizer.bos_token_id
        return [int(start) if start is not None else min(self.ends, default=0)]

    def least(self, prompt: str) -> int:
        """Return a number of tokens that ``prompt`` has at least, without cutting it; 0 for a
        tokenizer that may leave out characters. So a prompt that is far too long is told at once,
        where cutting 65,536 characters can take a tenth of a second."""
        size = len(prompt.encode("utf-8", "replace"))
        return -(-size // self._longest) if self._longest else 0

    def encode_answer(self, text: str) -> list[int]:
        """Return the ids of ``text``, which continues another text: nothing is put before it."""
        ids: list[int] = self._tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]
        return ids

    def decode(self, tokens: Sequence[int]) -> str:
        """Return the text that ``tokens`` spell. Special tokens spell nothing."""
        text: str = self._tokenizer.decode(
            list(tokens), skip_special_tokens=True, clean_up_tokenization_spaces=False
        )
        return text

    @property
    def has_chat(self) -> bool:
        """Whether the model's folder has a template for conversations."""
        return bool(self._tokenizer.chat_template)

    @property
    def writes_tool_calls(self) -> bool:
        """Whether the template tells the model to put calls of tools between the tags
        ``<tool_call>`` and ``</tool_call>``, as those of the Qwen and Hermes families do."""
        template = self._tokenizer.chat_template or ""
        named = template.values() if isinstance(template, dict) else [template]
        return any("<tool_call>" in each for each in named)

    def render_chat(
        self, messages: Sequence[Mapping[str, Any]], tools: Sequence[Mapping[str, Any]] | None
    ) -> str:
        """Return the prompt that a conversation is to the model, by the model's own template, up to
        where the answer begins.

        ValueError for a conversation that the template does not take, such as two messages of a
        user in a row. Without a template see ``has_chat``.
        """
        try:
            prompt = str(
                self._tokenizer.apply_chat_template(
                    [dict(message) for message in messages],
                    tools=None if tools is None else [dict(tool) for tool in tools],
                    tokenize=False,
                    add_generation_prompt=True,
                )
            )
        except Exception as error:  # a template may raise what it likes; messages are a stranger's
            raise ValueError("the model's chat template does not take it") from error
        start = self._tokenizer.bos_token
        put_there: list[int] = self._tokenizer("", verbose=False)["input_ids"]
        if start and put_there[:1] == [self._tokenizer.bos_token_id]:
            return prompt.removeprefix(start)  # else it would stand there twice once encoded
        return prompt

    def token_bytes(self, token: int) -> bytes:
        """Return the bytes that one token stands for, also where they are part of a character."""
        text: str = self._tokenizer.decode([token], clean_up_tokenization_spaces=False)
        if UNFINISHED not in text:
            return text.encode()
        piece: str = self._tokenizer.convert_ids_to_tokens(token) or ""
        if (byte := BYTE_PIECE.fullmatch(piece)) is not None:
            return bytes.fromhex(byte[1])
        if all(char in BYTES_BY_CHAR for char in piece):
            return bytes(BYTES_BY_CHAR[char] for char in piece)
        return text.encode()


def _longest_piece(tokenizer: Any) -> int:
    """Return the most bytes that one token stands for; 0 where characters may be left out, as
    by a normalizer, by an unknown token for several of them, or by a token that takes the white
    space beside it."""
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        return 0
    rules = json.loads(backend.to_str())
    pre = rules.get("pre_tokenizer") or {}
    kinds = {step.get("type") for step in (pre, *pre.get("pretokenizers", ()))}
    stripping = any(one["lstrip"] or one["rstrip"] for one in rules.get("added_tokens", ()))
    if rules.get("normalizer") or rules.get("truncation") or "ByteLevel" not in kinds or stripping:
        return 0
    # A piece has a character for each byte; a token that was added stands for itself.
    added = tokenizer.get_added_vocab()
    sizes = (len(text.encode() if text in added else text) for text in tokenizer.get_vocab())
    return max(sizes, default=0)


def _bytes_by_char() -> dict[str, int]:
    """The alphabet in which byte-level tokenizers write bytes: those that show stand for
    themselves, the others, in their order, for the characters from U+0100 on."""
    shown = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    rest = [byte for byte in range(256) if byte not in shown]
    return {chr(byte): byte for byte in shown} | {
        chr(0x100 + place): byte for place, byte in enumerate(rest)
    }


BYTES_BY_CHAR: Final = _bytes_by_char()
BYTE_PIECE: Final = re.compile(r"<0x([0-9A-F]{2})>")
"""A token for one byte, as SentencePiece writes it."""


@contextmanager
def _staged(layout: Layout) -> Iterator[Path]:
    """Yield a folder with the files of ``layout`` that are not tensors, and nothing else.

    Which tokenizer transformers makes follows from what lies in a folder, from the folder's name,
    and from fields that name files; here none of that is left but what the root covers.
    """
    with TemporaryDirectory(prefix="assay-model-") as home:
        alone = Path(home, "model")
        alone.mkdir()
        for path in layout.others:
            if path.name == TOKENIZER_CONFIG:
                fields = read_object(path, TEXT_BYTES_MAX)
                for name in [*fields]:
                    if name.endswith(FILE_FIELD) or name == POSITIONAL:
                        del fields[name]
                (alone / path.name).write_text(json.dumps(fields), encoding="utf-8")
            else:
                (alone / path.name).symlink_to(path.resolve())
        yield alone


@contextmanager
def refusing(what: str, cure: str) -> Iterator[None]:
    """Turn whatever the body raises into a UserError: ``what`` fails, why, and its ``cure``.

    transformers has no error class of its own for a model that it cannot take, and its libraries
    in Rust raise what is not even an ``Exception`` where they panic. A UserError passes unchanged.
    """
    try:
        yield
    except UserError:
        raise
    except BaseException as error:
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        said = " ".join(str(error).split())[:SAID_CHARS_MAX] or type(error).__name__
        raise UserError(f"{what}: {said.rstrip('.')}.", cure) from error


def refusing_folder(folder: Path) -> AbstractContextManager[None]:
    """``refusing`` for a folder that looked like a model and cannot be loaded as one."""
    return refusing(f"The model in {folder} cannot be loaded", LOADABLE)
