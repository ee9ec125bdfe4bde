"""Text to token ids and back, as a model's own tokenizer has it.

Adds to transformers' tokenizers one fixed way of calling them, so that a miner and a validator cut
the same prompt into the same tokens. It needs no torch: a miner in front of a foreign engine loads
this part of a model alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from assay.errors import UserError
from assay.models.source import inference_extra_missing

try:
    import transformers
    from safetensors import SafetensorError
except ImportError:
    raise inference_extra_missing() from None

LOADING_ERRORS: Final = (
    OSError,
    ValueError,
    KeyError,
    AttributeError,
    TypeError,
    ImportError,
    RuntimeError,
    SafetensorError,
)
"""What transformers raises for a folder that it cannot read; it has no class of its own."""


def ends_of(named: int | list[int] | None) -> frozenset[int]:
    """The end-of-text ids in a configuration's field, which holds one, several or none."""
    if named is None:
        return frozenset()
    return frozenset(named) if isinstance(named, list) else frozenset((named,))


class Tokens:
    """A model's tokenizer. Made by ``load``."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self.ends = ends_of(tokenizer.eos_token_id)

    @classmethod
    def load(cls, folder: Path) -> Tokens:
        """The tokenizer in a model's folder; UserError if there is none that loads."""
        try:
            tokenizer = transformers.AutoTokenizer.from_pretrained(
                folder, local_files_only=True, trust_remote_code=False
            )
        except LOADING_ERRORS as error:
            raise unloadable(folder, error) from error
        return cls(tokenizer)

    def encode(self, prompt: str) -> list[int]:
        """Ids of a prompt, with whatever the model puts before one.

        At least one: an empty prompt is the beginning of a document.
        """
        ids: list[int] = self._tokenizer(prompt, verbose=False)["input_ids"]
        if ids:
            return ids
        start = self._tokenizer.bos_token_id
        return [int(start) if start is not None else min(self.ends, default=0)]

    def encode_answer(self, text: str) -> list[int]:
        """Ids of a text that continues another: nothing is put before it."""
        ids: list[int] = self._tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]
        return ids

    def decode(self, tokens: Sequence[int]) -> str:
        """The text that tokens spell; special tokens spell nothing."""
        text: str = self._tokenizer.decode(
            list(tokens), skip_special_tokens=True, clean_up_tokenization_spaces=False
        )
        return text


def unloadable(folder: Path, error: Exception) -> UserError:
    """What a person is told whose folder looked like a model and is none."""
    first = (str(error).strip() or type(error).__name__).splitlines()[0][:200]
    return UserError(
        f"The model in {folder} cannot be loaded: {first.rstrip('.')}.",
        "Give a causal language model that transformers can load, with its tokenizer.",
    )
