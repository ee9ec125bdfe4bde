#!/usr/bin/env python3
"""Train the small language model that ships with Assay, from nothing but this Python installation.

The corpus is the standard library's own source, which every machine that runs Assay already has;
the result is a folder in the Hugging Face layout (Llama architecture, about 5 million parameters,
byte-level BPE) that `assay.models` loads by default. The script trains the tokenizer, then the
model, and writes docs/demo-model.md with the loss curve and the figures it saw.

Training is one loop that can be killed at any moment and resumed: all state lies in one safetensors
file that is replaced atomically, and batch k is drawn from a counter-based generator keyed
(seed, k), so no generator state needs saving. With `--budget-minutes` the learning rate follows
the wall clock and reaches zero when the budget ends; with `--steps` it follows the step count, and
two runs on one machine profile are then the same run. It knows nothing of subnets.

    scripts/train_demo_model.py --work /tmp/demo --budget-minutes 100
    scripts/train_demo_model.py --work /tmp/demo --export-only      # from the last checkpoint
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import os
import sysconfig
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812  the name that every torch reader knows
from demo_model_page import Facts, write_page
from safetensors import safe_open
from safetensors.torch import save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from assay.models.root import model_root
from assay.scoring.inference.sampling import Sampling, choose

ROOT = Path(__file__).resolve().parent.parent
EOT = "<|endoftext|>"

VOCAB = 4096  # at this size a token covers about 3.5 characters of Python; the embedding stays 1 M
CONTEXT = 512  # a long function with its class header fits
BATCH = 8  # x CONTEXT = 4,096 tokens a step: a short budget wants many small steps
MICRO_BATCH = 4  # rows a pass: activations that stay near the cache are a fifth faster
LIBRARY_SHARE = 0.7  # the rest of each batch comes from the library's tests: three times the text
HELD_OUT_EVERY = 16  # one library file in 16, chosen by the hash of its path
FILE_BYTES_MAX = 400_000  # larger ones are generated tables
PEAK_LR_MATRICES = 0.012  # Muon, rms-matched; found by short trials, flat within a factor of 1.5
PEAK_LR_OTHERS = 0.004  # AdamW on embedding and norms
WARMUP_FRACTION = 0.02
WEIGHT_DECAY = 0.1
EVAL_TOKENS = 65_536  # per evaluation while training; the last one reads every held-out token
EVAL_EVERY_S = 300.0
SAMPLE_TOKENS = 64
SAMPLE_TEMPERATURE = 0.4  # cool, but warm enough not to run in circles as small models do
CHECKPOINT_EVERY_S = 60.0


# --- corpus -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Corpus:
    """Token streams, documents joined by the end-of-text token."""

    library: np.ndarray
    tests: np.ndarray
    held_out: np.ndarray
    held_out_bytes: int
    files: dict[str, int]


def is_table(text: str) -> bool:
    """Generated tables (code pages, unicode data) teach nothing about code: mostly non-letters."""
    letters = sum(map(str.isalpha, text)) + text.count(" ")
    return letters < 0.55 * len(text)


def read_sources() -> dict[str, list[str]]:
    """The standard library's files, each once, split by file into three sets."""
    root = Path(sysconfig.get_path("stdlib"))
    sets: dict[str, list[str]] = {"library": [], "tests": [], "held_out": []}
    seen: set[bytes] = set()
    for path in sorted(root.rglob("*.py")):
        parts = path.relative_to(root).parts
        if {"site-packages", "dist-packages"} & set(parts) or path.stat().st_size > FILE_BYTES_MAX:
            continue
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue  # a few files of the library are in other encodings on purpose
        digest = hashlib.sha256(text.encode()).digest()
        if len(text) < 64 or digest in seen or is_table(text):
            continue
        seen.add(digest)
        if {"test", "tests", "idle_test"} & set(parts):
            sets["tests"].append(text)
        elif hashlib.sha256("/".join(parts).encode()).digest()[0] % HELD_OUT_EVERY == 0:
            sets["held_out"].append(text)
        else:
            sets["library"].append(text)
    return sets


def train_tokenizer(texts: list[str]) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCAB,
        special_tokens=[EOT],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def prepare(work: Path) -> tuple[Corpus, Tokenizer]:
    """Corpus and tokenizer, kept in ``work`` so that a resumed run sees the same ones."""
    tokenizer_file, stream_file = work / "tokenizer.json", work / "corpus.npz"
    if not stream_file.exists():
        sets = read_sources()
        tokenizer = train_tokenizer(sets["library"] + sets["tests"][::4])
        tokenizer.save(str(tokenizer_file))
        eot = tokenizer.token_to_id(EOT)
        arrays: dict[str, Any] = {}
        for name, texts in sets.items():
            ids: list[int] = []
            for encoding in tokenizer.encode_batch(texts):
                ids += [eot, *encoding.ids]
            arrays[name] = np.array(ids, dtype=np.uint16)
            arrays[f"{name}_files"] = np.array(len(texts))
        arrays["held_out_bytes"] = np.array(sum(len(t.encode()) for t in sets["held_out"]))
        partial = work / "corpus.part.npz"
        np.savez(partial, **arrays)
        partial.replace(stream_file)
    with np.load(stream_file, allow_pickle=False) as stored:
        corpus = Corpus(
            stored["library"],
            stored["tests"],
            stored["held_out"],
            int(stored["held_out_bytes"]),
            {name: int(stored[f"{name}_files"]) for name in ("library", "tests", "held_out")},
        )
    return corpus, Tokenizer.from_file(str(tokenizer_file))


def batch(corpus: Corpus, seed: int, step: int) -> torch.Tensor:
    """Batch ``step``: a pure function of (corpus, seed, step), shape (BATCH, CONTEXT + 1)."""
    rng = np.random.Generator(np.random.Philox(key=seed, counter=[0, 0, 0, step]))
    rows = []
    for _ in range(BATCH):
        stream = corpus.library if rng.random() < LIBRARY_SHARE else corpus.tests
        start = int(rng.integers(0, len(stream) - CONTEXT - 1))
        rows.append(stream[start : start + CONTEXT + 1])
    return torch.from_numpy(np.stack(rows).astype(np.int64))


# --- model and optimiser ------------------------------------------------------------------------


def build_model(seed: int) -> LlamaForCausalLM:
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=VOCAB,
        hidden_size=256,
        intermediate_size=704,
        num_hidden_layers=6,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=CONTEXT,
        tie_word_embeddings=True,
        initializer_range=0.02,
        bos_token_id=0,
        eos_token_id=0,
        pad_token_id=None,
        attn_implementation="sdpa",
    )
    return LlamaForCausalLM(config)


def build_optimisers(model: LlamaForCausalLM) -> list[torch.optim.Optimizer]:
    """Muon for the layers' matrices (about a third fewer tokens to a loss), AdamW for the rest."""
    matrices = [p for n, p in model.named_parameters() if p.ndim == 2 and "embed" not in n]
    embedding = [p for n, p in model.named_parameters() if p.ndim == 2 and "embed" in n]
    norms = [p for p in model.parameters() if p.ndim == 1]
    return [
        torch.optim.Muon(
            matrices,
            lr=PEAK_LR_MATRICES,
            weight_decay=WEIGHT_DECAY,
            momentum=0.95,
            adjust_lr_fn="match_rms_adamw",
        ),
        torch.optim.AdamW(
            [
                {"params": embedding, "weight_decay": WEIGHT_DECAY},
                {"params": norms, "weight_decay": 0.0},
            ],
            lr=PEAK_LR_OTHERS,
            betas=(0.9, 0.95),
        ),
    ]


def set_learning_rate(optimisers: list[torch.optim.Optimizer], progress: float) -> float:
    """Warm up, then a cosine to zero at ``progress`` 1. Returns the factor on the peak."""
    if progress < WARMUP_FRACTION:
        factor = max(progress / WARMUP_FRACTION, 1e-3)
    else:
        along = (progress - WARMUP_FRACTION) / (1 - WARMUP_FRACTION)
        factor = 0.5 * (1 + math.cos(math.pi * min(along, 1.0)))
    for optimiser, peak in zip(optimisers, (PEAK_LR_MATRICES, PEAK_LR_OTHERS), strict=True):
        for group in optimiser.param_groups:
            group["lr"] = peak * factor
    return factor


def backward(model: LlamaForCausalLM, ids: torch.Tensor) -> float:
    """Accumulate the gradient of one batch; returns its mean loss in nats."""
    total = 0.0
    for rows in ids.split(MICRO_BATCH):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            logits = model(input_ids=rows[:, :-1]).logits
        loss = F.cross_entropy(logits.flatten(0, 1).float(), rows[:, 1:].flatten())
        loss = loss * (len(rows) / len(ids))
        loss.backward()
        total += float(loss.detach())
    return total


@torch.no_grad()
def evaluate(model: LlamaForCausalLM, stream: np.ndarray, tokens_max: int) -> tuple[float, float]:
    """Mean loss in nats a token and top-1 accuracy over consecutive windows of the stream."""
    model.eval()
    losses, hits, count = 0.0, 0, 0
    for start in range(0, min(len(stream) - 1, tokens_max), CONTEXT):
        ids = torch.from_numpy(stream[start : start + CONTEXT + 1].astype(np.int64))[None]
        logits = model(input_ids=ids[:, :-1]).logits[0].float()
        losses += float(F.cross_entropy(logits, ids[0, 1:], reduction="sum"))
        hits += int((logits.argmax(-1) == ids[0, 1:]).sum())
        count += ids.shape[1] - 1
    model.train()
    return losses / count, hits / count


# --- state --------------------------------------------------------------------------------------


@dataclass
class Progress:
    """What a resumed run needs beside the tensors. ``curve``: tokens, train loss, held-out loss."""

    step: int = 0
    elapsed_s: float = 0.0
    curve: list[tuple[int, float, float | None]] | None = None


def save_checkpoint(
    path: Path,
    model: LlamaForCausalLM,
    optimisers: list[torch.optim.Optimizer],
    progress: Progress,
) -> None:
    names = {id(p): n for n, p in model.named_parameters()}
    tensors = {f"model.{n}": p.detach() for n, p in model.named_parameters()}
    for optimiser in optimisers:
        for parameter, state in optimiser.state.items():
            for key, value in state.items():
                tensors[f"state.{key}.{names[id(parameter)]}"] = torch.as_tensor(value)
    partial = path.with_suffix(".part")
    save_file(tensors, partial, metadata={"progress": json.dumps(vars(progress))})
    with partial.open("rb") as stream:
        os.fsync(stream.fileno())
    partial.replace(path)


def load_checkpoint(
    path: Path, model: LlamaForCausalLM, optimisers: list[torch.optim.Optimizer]
) -> Progress:
    if not path.exists():
        return Progress(curve=[])
    owners = {id(p): o for o in optimisers for g in o.param_groups for p in g["params"]}
    parameters = dict(model.named_parameters())
    with safe_open(path, framework="pt") as stored:
        for name in stored.keys():  # noqa: SIM118  not a dict
            kind, _, rest = name.partition(".")
            if kind == "model":
                parameters[rest].data.copy_(stored.get_tensor(name))
            else:
                key, _, owner = rest.partition(".")
                parameter = parameters[owner]
                owners[id(parameter)].state[parameter][key] = stored.get_tensor(name)
        return Progress(**json.loads(stored.metadata()["progress"]))


# --- the loop -----------------------------------------------------------------------------------


def train(
    args: argparse.Namespace, corpus: Corpus, model: LlamaForCausalLM, checkpoint: Path
) -> Progress:
    optimisers = build_optimisers(model)
    progress = load_checkpoint(checkpoint, model, optimisers)
    assert progress.curve is not None
    budget_s = args.budget_minutes * 60.0
    window: list[float] = []
    begun = last = saved = time.monotonic()
    evaluated, before = begun, progress.elapsed_s

    def fraction() -> float:
        return progress.step / args.steps if args.steps else progress.elapsed_s / budget_s

    while fraction() < 1.0:
        set_learning_rate(optimisers, fraction())
        ids = batch(corpus, args.seed, progress.step)
        loss = backward(model, ids)
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optimiser in optimisers:
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)
        window.append(loss)
        progress.step += 1
        now = time.monotonic()
        progress.elapsed_s = before + now - begun
        if progress.step % 20 == 0:
            held_out = None
            if now - evaluated > EVAL_EVERY_S:
                held_out, _ = evaluate(model, corpus.held_out, EVAL_TOKENS)
                evaluated = time.monotonic()
            mean = sum(window) / len(window)
            progress.curve.append((progress.step * BATCH * CONTEXT, mean, held_out))
            report(progress, mean, held_out, len(window) / (now - last), fraction())
            window, last = [], time.monotonic()
        if now - saved > CHECKPOINT_EVERY_S:
            save_checkpoint(checkpoint, model, optimisers, progress)
            saved = now
    save_checkpoint(checkpoint, model, optimisers, progress)
    return progress


def report(
    progress: Progress, loss: float, held_out: float | None, steps_s: float, fraction: float
) -> None:
    left_s = progress.elapsed_s * (1 - fraction) / max(fraction, 1e-9)
    held = f"  held-out perplexity {math.exp(held_out):.2f}" if held_out is not None else ""
    print(
        f"step {progress.step:6d}  {fraction:6.1%}  loss {loss:.4f}  "
        f"{steps_s * BATCH * CONTEXT:7,.0f} tokens/s  {left_s / 60:5.1f} min left{held}",
        flush=True,
    )


# --- export -------------------------------------------------------------------------------------


def export(model: LlamaForCausalLM, tokenizer: Tokenizer, out: Path) -> None:
    """The folder that ships: bf16 weights (half the bytes; loaded back as exact fp32 values)."""
    out.mkdir(parents=True, exist_ok=True)
    shipped = LlamaForCausalLM(model.config)
    shipped.load_state_dict(model.state_dict())
    shipped = shipped.to(torch.bfloat16)
    shipped.generation_config.do_sample = False
    shipped.save_pretrained(out)
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=EOT,
        eos_token=EOT,
        model_max_length=CONTEXT,
        clean_up_tokenization_spaces=False,
    ).save_pretrained(out)
    (out / "README.md").write_text(
        """# Assay's demo model

A Llama of 5.5 million parameters that continues Python code. `scripts/train_demo_model.py` made it
from the source of Python's standard library (PSF licence), and docs/demo-model.md has its figures.
The weights are under the project's own licence, Apache-2.0.
""",
        encoding="utf-8",
    )
    for path in out.iterdir():
        path.chmod(0o644)  # some writers make them private, and a wheel keeps modes


# None ends in a blank: the tokenizer joins a blank with the word after it.
SAMPLES = (
    "def read_file(path):\n    with open(",
    "class Stack:\n    def __init__(self):\n        self.items = []\n\n    def push(self,",
    "import os\nimport sys\n\ndef main():\n    parser =",
    "    def __repr__(self):\n        return",
    "    try:\n        value = int(text)\n    except",
    "class TestParser(unittest.TestCase):\n    def test_empty(self):",
)


@torch.no_grad()
def complete(model: LlamaForCausalLM, tokenizer: Tokenizer, prompt: str) -> str:
    """A continuation by the subnet's own sampler; the same one each time."""
    ids = tokenizer.encode(prompt).ids
    for position in range(SAMPLE_TOKENS):
        logits = model(input_ids=torch.tensor([ids])).logits[0, -1]
        ids.append(choose(logits.numpy(), Sampling(SAMPLE_TEMPERATURE), bytes(16), position))
    return tokenizer.decode(ids)


def facts_of(
    corpus: Corpus,
    model: LlamaForCausalLM,
    tokenizer: Tokenizer,
    progress: Progress,
    args: argparse.Namespace,
) -> Facts:
    """What the page about this run tells, measured on every held-out token."""
    assert progress.curve is not None
    loss, accuracy = evaluate(model, corpus.held_out, len(corpus.held_out))
    config, files = model.config, corpus.files
    return Facts(
        root=model_root(args.out).hex(),
        architecture=f"Llama: {config.num_hidden_layers} layers of {config.hidden_size}, "
        f"{config.num_attention_heads} heads ({config.num_key_value_heads} for keys and values), "
        f"feed-forward {config.intermediate_size}, tied embedding",
        parameters=sum(p.numel() for p in model.parameters()),
        vocabulary=config.vocab_size,
        context=CONTEXT,
        corpus=f"{files['library']} files ({len(corpus.library):,} tokens) and its tests, "
        f"{files['tests']} files ({len(corpus.tests):,} tokens)",
        held_out=f"{files['held_out']} library files, {len(corpus.held_out):,} tokens",
        steps=progress.step,
        batch=f"{BATCH} x {CONTEXT}",
        tokens_seen=progress.step * BATCH * CONTEXT,
        minutes=progress.elapsed_s / 60,
        threads=args.threads,
        loss=loss,
        bits_a_byte=loss * len(corpus.held_out) / math.log(2) / corpus.held_out_bytes,
        accuracy=accuracy,
        curve=progress.curve,
        samples=[complete(model, tokenizer, prompt) for prompt in SAMPLES],
        sampling=f"{SAMPLE_TOKENS} tokens at temperature {SAMPLE_TEMPERATURE}",
        command=f"scripts/train_demo_model.py --work DIR --budget-minutes "
        f"{args.budget_minutes:.0f} --threads {args.threads} --seed {args.seed}",
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--work", type=Path, required=True, help="folder of checkpoint and corpus")
    parser.add_argument("--out", type=Path, default=ROOT / "subnet" / "models" / "demo")
    parser.add_argument("--docs", type=Path, default=ROOT / "docs")
    parser.add_argument("--budget-minutes", type=float, default=100.0)
    parser.add_argument("--steps", type=int, default=0, help="count steps instead of minutes")
    parser.add_argument("--seed", type=int, default=20)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--export-only", action="store_true")
    args = parser.parse_args()

    torch.set_num_threads(args.threads)
    args.work.mkdir(parents=True, exist_ok=True)
    corpus, tokenizer = prepare(args.work)
    model = build_model(args.seed)
    checkpoint = args.work / "checkpoint.safetensors"
    if args.export_only:
        progress = load_checkpoint(checkpoint, model, build_optimisers(model))
    else:
        progress = train(args, corpus, model, checkpoint)
    export(model, tokenizer, args.out)
    write_page(args.docs, facts_of(corpus, model, tokenizer, progress, args))


if __name__ == "__main__":
    main()
