"""A causal language model on one numeric path: generate token by token, or replay in one pass.

In come token ids; out come tokens, or the logits from which tokens are drawn. Answers can be
checked because nothing is left open: parameters are exact fp32 values, or these rounded to the
declared precision, one torch thread computes, and ``assay.scoring.inference.sampling`` draws each
token by a key. ``replay`` gives the logits of a finished answer in a single parallel pass.
Generating with a cache and replaying without one differ by rounding alone, which
``assay.scoring.inference.agreement`` tolerates.

This module knows no seeds, roots, requests or sockets. An instance serves one thread at a time.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from assay.models.drawing import Drawing, LastHidden
from assay.models.layout import read_layout
from assay.models.packed import PackedLinear
from assay.models.parameters import load_network
from assay.models.rows import Rows
from assay.models.source import inference_extra_missing
from assay.models.tokens import Tokens, ends_of, refusing_folder
from assay.scoring.inference.precision import Precision
from assay.scoring.inference.sampling import Sampling, choose

try:
    import torch
    import transformers
except ImportError:
    raise inference_extra_missing() from None

CONTEXT_UNKNOWN = 2048
"""The context, in tokens, of a model whose configuration names none. With more, a model could be
asked for positions that it has never seen."""


@dataclass(frozen=True, slots=True)
class Generated:
    """A continuation. The last token is an end-of-text token exactly if ``finish`` is ``stop``."""

    tokens: tuple[int, ...]
    finish: Literal["length", "stop"]


class LanguageModel:
    """A network and its tokenizer, which generate and replay. Made by ``load``."""

    def __init__(self, model: Any, tokens: Tokens) -> None:
        self.network = model
        self._replaying = threading.Lock()
        self.tokens = tokens
        config = model.config.get_text_config()
        self.context_tokens = int(
            getattr(config, "max_position_embeddings", None) or CONTEXT_UNKNOWN
        )
        self.vocabulary = int(config.vocab_size)
        self.parameters = sum(int(p.numel()) for p in model.parameters()) + sum(
            layer.in_features * layer.out_features
            for layer in model.modules()
            if isinstance(layer, PackedLinear)
        )
        self.ends = tokens.ends | ends_of(model.generation_config.eos_token_id)
        """Tokens that end a text: those of the tokenizer and those of the configuration."""
        self.cache_bytes = (
            self.context_tokens * _cache_numbers_a_token(config) * model.dtype.itemsize
        )
        """About how much memory an answer holds while it is made, if it fills the context."""

    @classmethod
    def load(
        cls, folder: Path, *, threads: int = 1, precision: Precision = "fp32"
    ) -> LanguageModel:
        """Return the model in ``folder``, computing in ``precision``; UserError if it is not a
        causal language model, whole and exact.

        torch computes with ``threads`` threads in the whole process; another number may round
        differently.
        """
        torch.set_num_threads(threads)
        quiet()
        layout = read_layout(folder)
        with refusing_folder(folder):
            return cls(load_network(layout, precision), Tokens.load(folder))

    def is_end(self, token: int) -> bool:
        """Return whether ``token`` ends a text."""
        return token in self.ends

    def stream(
        self,
        prompt: Sequence[int],
        max_tokens: int,
        sampling: Sampling,
        key: bytes,
        begun: Sequence[int] = (),
    ) -> Iterator[int]:
        """Yield the tokens that continue ``prompt``, each as it is drawn, up to an end-of-text
        token or ``max_tokens``. ``begun`` is the beginning of the answer where that is there
        already.

        Several streams may take turns on one thread: what one computes depends on no other.
        ValueError if prompt and answer exceed the context, or for a kind of model that keeps no
        attention cache, whose next token would not follow from the tokens before it.
        """
        before = [*prompt, *begun]
        if not prompt or len(before) + max_tokens > self.context_tokens:
            raise ValueError(f"{len(before)} + {max_tokens} tokens do not fit the context")
        drawn = [*begun]
        steps = self.steps(before)
        drawing = next(steps)
        for position in range(len(begun), len(begun) + max_tokens):
            token = choose(drawing.logits, sampling, key, position, prompt, drawn)
            yield token
            drawn.append(token)
            if token in self.ends or len(drawn) == len(begun) + max_tokens:
                return
            drawing = steps.send(token)

    def steps(self, ids: Sequence[int]) -> Generator[Drawing, int, None]:
        """Yield what the token after ``ids`` is drawn from, and then, for each token sent, what the
        next one is drawn from. ValueError for a kind of model that keeps no attention cache."""
        cache: Any = None
        step = torch.tensor([list(ids)])
        with contextlib.closing(LastHidden(self.network)) as hidden:
            while True:
                # Left before each ``yield``: the mode is the thread's, and another answer may be
                # next.
                with torch.inference_mode():
                    output = self.network(
                        input_ids=step, past_key_values=cache, use_cache=True, logits_to_keep=1
                    )
                    logits = output.logits[0, -1].float().numpy()
                    seen = hidden.take()
                    state = None if seen is None else seen[0, -1].float().numpy()
                cache = getattr(output, "past_key_values", None)
                if cache is None:
                    raise ValueError("this kind of model keeps no attention cache")
                step = torch.tensor([[(yield Drawing(logits, state))]])

    def by_rows(self) -> Rows | None:
        """Return this model's network as one that computes many answers at once; None for a kind
        that cannot. Of one model, either this or the methods here are used at a time."""
        return Rows.of(self.network, self.context_tokens, self.vocabulary)

    def generate(
        self, prompt: Sequence[int], max_tokens: int, sampling: Sampling, key: bytes
    ) -> Generated:
        """Return ``prompt``'s continuation by ``max_tokens`` tokens or up to an end-of-text token.

        ValueError if prompt and answer exceed the context.
        """
        return self.finished(self.stream(prompt, max_tokens, sampling, key))

    def finished(self, drawn: Iterable[int]) -> Generated:
        """Return the tokens that a ``stream`` has drawn, and why it ended."""
        tokens = tuple(drawn)
        return Generated(tokens, "stop" if tokens[-1] in self.ends else "length")

    def replay(self, prompt: Sequence[int], answer: Sequence[int]) -> NDArray[np.float32]:
        """Return the logits from which each token of ``answer`` had to be drawn after ``prompt``,
        of shape (tokens of the answer, vocabulary). As ``replay_whole``."""
        return self.replay_whole(prompt, answer).logits

    def replay_whole(self, prompt: Sequence[int], answer: Sequence[int]) -> Drawing:
        """Return what each token of ``answer`` had to be drawn from after ``prompt``: a row of
        logits and one of the hidden state for each token, computed in one forward pass.

        ValueError for ids outside the vocabulary, or for a text that exceeds the context."""
        ids = [*prompt, *answer[:-1]]
        if not prompt or not answer or len(ids) + 1 > self.context_tokens:
            raise ValueError(f"{len(prompt)} + {len(answer)} tokens do not fit the context")
        if not all(0 <= token < self.vocabulary for token in ids):
            raise ValueError("a token lies outside the vocabulary")
        with (
            self._replaying,  # a hook sees the passes of all threads
            torch.inference_mode(),
            contextlib.closing(LastHidden(self.network)) as hidden,
        ):
            output = self.network(
                input_ids=torch.tensor([ids]), use_cache=False, logits_to_keep=len(answer)
            )
            logits: NDArray[np.float32] = output.logits[0, -len(answer) :].float().numpy()
            seen = hidden.take()
            states = None if seen is None else seen[0, -len(answer) :].float().numpy()
        return Drawing(logits, states)


def quiet() -> None:
    """Keep transformers from writing warnings and progress bars to this process's error stream."""
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()


def _cache_numbers_a_token(config: Any) -> int:
    """Return how many numbers of keys and values all layers keep for one token; 0 for a model
    without attention. transformers maps the names that kinds of models use to the ones read
    here."""
    heads = int(getattr(config, "num_attention_heads", None) or 0)
    if not heads:
        return 0
    head_size = getattr(config, "head_dim", None) or int(config.hidden_size) // heads
    kept = int(getattr(config, "num_key_value_heads", None) or heads)
    return 2 * int(config.num_hidden_layers) * kept * int(head_size)
