#!/usr/bin/env python3
"""Train the small language model that ships with Assay, from Python sources that lie on the disk.

`demo_model_corpus` says which sources and makes the tokenizer; this script trains a Llama of about
9 million parameters on them and writes it in the Hugging Face layout, which `assay.models` loads by
default, with docs/demo-model.md and its loss curve.

The run can be stopped at any moment (SIGTERM saves first; kill -9 loses ten minutes at most) and
the same command goes on: all state lies in one safetensors file that is replaced atomically, and
batch k is drawn from a counter-based generator keyed (seed, k), so no generator state needs saving.

It can also be ended at any moment. The learning rate warms up, stays, and falls to zero over the
last fifth of the steps (warmup-stable-decay). The fall begins by itself when four fifths of
`--budget-minutes` are over, or now with `--decay-now`. Minutes are processor time of each thread:
other work on the machine makes a run longer and not worse. The state before the fall is kept as
`stable.safetensors`: put in the checkpoint's place, it goes on at the full rate. With `--steps` the
schedule follows the steps alone, and two runs on one machine profile are then the same run.

    scripts/train_demo_model.py --work DIR --budget-minutes 240 --threads 2
    scripts/train_demo_model.py --work DIR --decay-now         # after a SIGTERM: end it sooner
    scripts/train_demo_model.py --work DIR --export-only       # from the last checkpoint
"""

from __future__ import annotations

import argparse
import json
import math
import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812  the name that every torch reader knows
from demo_model_circles import circle_loss, circle_positions
from demo_model_corpus import EOT, PACKAGES, Corpus, prepare
from demo_model_page import Facts, write_page
from safetensors import safe_open
from safetensors.torch import save_file
from tokenizers import Tokenizer
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from assay.models.root import model_root
from assay.scoring.inference.sampling import Sampling, choose

ROOT = Path(__file__).resolve().parent.parent

# The figures behind these are in docs/demo-model.md, section "How".
CONTEXT = 512  # a long function with its class header fits
BATCH = 16  # x CONTEXT = 8,192 tokens a step
MICRO_BATCH = 4  # rows a pass: activations that stay near the cache are a fifth faster
LAYERS, WIDTH, FEED_FORWARD = 5, 384, 1024  # 9.4 million parameters: 19 MB in bf16
HEADS, KEY_HEADS = 6, 2
# What a row of a batch is cut from: the packages widen the model while the rate is high, and the
# fall of the rate, which settles what is kept, reads mostly the library.
SHARES = {"library": 0.4, "tests": 0.25, "packages": 0.35}
SHARES_IN_DECAY = {"library": 0.65, "tests": 0.2, "packages": 0.15}
# Two thirds of what the first recipe's trials found best for a cosine (0.012 and 0.004, flat within
# a factor of 1.5): a rate that stays level wants to be lower (Haegele et al. 2024).
PEAK_LR_MATRICES = 0.008  # Muon, rms-matched
PEAK_LR_OTHERS = 0.003  # AdamW on embedding and norms
WARMUP_STEPS = 100
DECAY_FRACTION = 0.2  # of all steps; Haegele et al. 2024 find no gain in a longer one
WEIGHT_DECAY = 0.1
EVAL_TOKENS = 32_768  # per evaluation while training; the last one reads every held-out token
EVAL_EVERY_S = 900.0
SAMPLE_TOKENS = 64
SAMPLE_TEMPERATURE = 0.4  # cool, but warm enough not to run in circles as small models do
GREEDY_TOKENS = 128  # at temperature 0: long enough to see a circle
# While the rate falls, the model also unlearns to go in circles: so many rows each so many steps.
CIRCLES_EVERY_STEPS = 4
CIRCLE_ROWS = 8
CIRCLE_WEIGHT = 0.5  # beside the text's loss, of about 2
REPORT_EVERY_STEPS = 20  # a line of the log and a point of the curve
CHECKPOINT_EVERY_S = 600.0  # one takes a second and 110 MB of writing


def batch(corpus: Corpus, shares: dict[str, float], seed: int, step: int) -> torch.Tensor:
    """Batch ``step``: a pure function of its arguments, shape (BATCH, CONTEXT + 1)."""
    rng = np.random.Generator(np.random.Philox(key=seed, counter=[0, 0, 0, step]))
    rows = []
    for name in rng.choice(list(shares), size=BATCH, p=list(shares.values())):
        stream = corpus.streams[name]
        start = int(rng.integers(0, len(stream) - CONTEXT - 1))
        rows.append(stream[start : start + CONTEXT + 1])
    return torch.from_numpy(np.stack(rows).astype(np.int64))


# --- model and optimiser ------------------------------------------------------------------------


def build_model(seed: int, vocabulary: int) -> LlamaForCausalLM:
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=vocabulary,
        hidden_size=WIDTH,
        intermediate_size=FEED_FORWARD,
        num_hidden_layers=LAYERS,
        num_attention_heads=HEADS,
        num_key_value_heads=KEY_HEADS,
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


@dataclass
class Progress:
    """What a resumed run needs beside the tensors.

    ``elapsed_s`` is processor time of each thread; ``curve`` holds tokens, training loss and
    held-out loss.
    """

    step: int = 0
    elapsed_s: float = 0.0
    decay_from: int | None = None
    decay_steps: int = 0
    curve: list[tuple[int, float, float | None]] = field(default_factory=list)

    def begin_decay(self) -> None:
        """Let the learning rate fall from here; the fall is `DECAY_FRACTION` of all steps."""
        self.decay_from = self.step
        self.decay_steps = max(1, round(self.step * DECAY_FRACTION / (1 - DECAY_FRACTION)))

    def factor(self) -> float:
        """The learning rate as a part of its peak: up, level, then down as 1 - sqrt to zero."""
        if self.decay_from is None:
            return min(1.0, (self.step + 1) / WARMUP_STEPS)
        along = (self.step - self.decay_from) / self.decay_steps
        return max(0.0, 1.0 - math.sqrt(along))


def set_learning_rate(optimisers: list[torch.optim.Optimizer], factor: float) -> None:
    for optimiser, peak in zip(optimisers, (PEAK_LR_MATRICES, PEAK_LR_OTHERS), strict=True):
        for group in optimiser.param_groups:
            group["lr"] = peak * factor


LossOf = Callable[[torch.Tensor], torch.Tensor]


def loss_function(model: LlamaForCausalLM, *, eager: bool) -> LossOf:
    """The mean loss of some rows; compiled unless ``eager``, which takes 1.6 times as long."""

    def loss_of(rows: torch.Tensor) -> torch.Tensor:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            logits = model(input_ids=rows[:, :-1], use_cache=False).logits
        return F.cross_entropy(logits.flatten(0, 1).float(), rows[:, 1:].flatten())

    if eager:
        return loss_of
    compiled: LossOf = torch.compile(loss_of)
    return compiled


def backward(loss_of: LossOf, ids: torch.Tensor) -> float:
    """Accumulate the gradient of one batch; returns its mean loss in nats."""
    total = 0.0
    for rows in ids.split(MICRO_BATCH):
        loss = loss_of(rows) * (len(rows) / len(ids))
        loss.backward()
        total += float(loss.detach())
    return total


def unlearn_circles(model: LlamaForCausalLM, ids: torch.Tensor, step: int) -> None:
    """Accumulate the gradient that makes circles less likely, after beginnings of ``ids``."""
    length = (4, 16, 64)[step // CIRCLES_EVERY_STEPS % 3]  # as short as a prompt, or in mid-text
    loss = circle_loss(model, ids[:CIRCLE_ROWS, :length], GREEDY_TOKENS)
    if loss is not None:
        (CIRCLE_WEIGHT * loss).backward()


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
        return Progress()
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
    """Train from ``checkpoint`` to the end of the schedule, or until SIGTERM."""
    optimisers = build_optimisers(model)
    progress = load_checkpoint(checkpoint, model, optimisers)
    loss_of = loss_function(model, eager=args.eager)
    stop: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: stop.append(number))
    window: list[float] = []
    last = saved = evaluated = time.monotonic()
    before_s = progress.elapsed_s - time.process_time() / args.threads

    def over() -> float:
        """How much of the budget is over."""
        if args.steps:
            return progress.step / float(args.steps)
        return progress.elapsed_s / (60.0 * float(args.budget_minutes))

    while not stop and (factor := progress.factor()) > 0:
        if progress.decay_from is None and (args.decay_now or over() >= 1 - DECAY_FRACTION):
            save_checkpoint(checkpoint, model, optimisers, progress)
            stable = checkpoint.with_name("stable.safetensors")
            stable.unlink(missing_ok=True)
            stable.hardlink_to(checkpoint)  # later checkpoints replace the name, not the file
            progress.begin_decay()
        set_learning_rate(optimisers, factor)
        shares = SHARES if progress.decay_from is None else SHARES_IN_DECAY
        ids = batch(corpus, shares, args.seed, progress.step)
        window.append(backward(loss_of, ids))
        if progress.decay_from is not None and progress.step % CIRCLES_EVERY_STEPS == 0:
            unlearn_circles(model, ids, progress.step)
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optimiser in optimisers:
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)
        progress.step += 1
        now = time.monotonic()
        progress.elapsed_s = before_s + time.process_time() / args.threads
        if progress.step % REPORT_EVERY_STEPS == 0 or progress.step == 1:
            held_out = None
            if now - evaluated > EVAL_EVERY_S:
                held_out, _ = evaluate(model, corpus.held_out, EVAL_TOKENS)
                evaluated = time.monotonic()
            mean = sum(window) / len(window)
            progress.curve.append((progress.step * BATCH * CONTEXT, mean, held_out))
            report(progress, mean, held_out, len(window) / (now - last))
            window, last = [], time.monotonic()
        if now - saved > CHECKPOINT_EVERY_S:
            save_checkpoint(checkpoint, model, optimisers, progress)
            saved = now
    save_checkpoint(checkpoint, model, optimisers, progress)
    if stop:
        raise SystemExit("stopped and saved; the same command goes on")
    return progress


def report(progress: Progress, loss: float, held_out: float | None, steps_s: float) -> None:
    """One line of the log; the held-out loss where it was measured."""
    held = f"  held-out loss {held_out:.4f}" if held_out is not None else ""
    left = ""
    if progress.decay_from is not None:
        left_steps = progress.decay_from + progress.decay_steps - progress.step
        left = f"  {left_steps / steps_s / 60:.0f} min left"
    print(
        f"step {progress.step:6d}  {progress.elapsed_s / 60:6.1f} min  loss {loss:.4f}  "
        f"rate {progress.factor():.3f}  {steps_s * BATCH * CONTEXT:7,.0f} tokens/s{left}{held}",
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

A Llama of 9.4 million parameters that continues Python code. `scripts/train_demo_model.py` made it
from the sources of Python's standard library (PSF licence) and of packages under permissive
licences; docs/demo-model.md names them and has its figures.
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


GREEDY = "def walk("  # the prompt of docs/gateway.md, which a client tries first


@torch.no_grad()
def complete(model: LlamaForCausalLM, ids: list[int], temperature: float, tokens: int) -> list[int]:
    """``ids`` and a continuation by the subnet's own sampler; the same one each time."""
    ids = list(ids)
    for position in range(tokens):
        logits = model(input_ids=torch.tensor([ids])).logits[0, -1]
        ids.append(choose(logits.numpy(), Sampling(temperature), bytes(16), position))
    return ids


def facts_of(
    corpus: Corpus,
    model: LlamaForCausalLM,
    tokenizer: Tokenizer,
    progress: Progress,
    args: argparse.Namespace,
) -> Facts:
    """What the page about this run tells, measured on every held-out token.

    ``model`` is the one that ships: its weights have been rounded to bf16.
    """
    loss, accuracy = evaluate(model, corpus.held_out, len(corpus.held_out))
    prompts = [tokenizer.encode(prompt).ids for prompt in SAMPLES]
    greedy = [
        complete(model, ids, 0.0, GREEDY_TOKENS) for ids in (tokenizer.encode(GREEDY).ids, *prompts)
    ]
    config, files = model.config, corpus.files
    return Facts(
        root=model_root(args.out).hex(),
        architecture=f"Llama: {config.num_hidden_layers} layers of {config.hidden_size}, "
        f"{config.num_attention_heads} heads ({config.num_key_value_heads} for keys and values), "
        f"feed-forward {config.intermediate_size}, tied embedding",
        parameters=sum(p.numel() for p in model.parameters()),
        vocabulary=config.vocab_size,
        context=CONTEXT,
        corpus="; ".join(
            f"{name}: {files[name]:,} files, {len(stream):,} tokens"
            for name, stream in corpus.streams.items()
        ),
        packages=PACKAGES,
        left_out=corpus.left_out,
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
        samples=[
            tokenizer.decode(complete(model, ids, SAMPLE_TEMPERATURE, SAMPLE_TOKENS))
            for ids in prompts
        ],
        greedy=tokenizer.decode(greedy[0]),
        greedy_tokens=GREEDY_TOKENS,
        circles=[bool(circle_positions(ids)) for ids in greedy],
        sampling=f"{SAMPLE_TOKENS} tokens at temperature {SAMPLE_TEMPERATURE}",
        command=f"scripts/train_demo_model.py --work DIR --budget-minutes "
        f"{args.budget_minutes:.0f} --threads {args.threads} --seed {args.seed}",
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--work", type=Path, required=True, help="folder of checkpoint and corpus")
    parser.add_argument("--out", type=Path, default=ROOT / "subnet" / "models" / "demo")
    parser.add_argument("--docs", type=Path, default=ROOT / "docs")
    parser.add_argument("--budget-minutes", type=float, default=240.0, help="of each thread")
    parser.add_argument("--steps", type=int, default=0, help="count steps instead of minutes")
    parser.add_argument("--decay-now", action="store_true", help="let the rate fall from here")
    parser.add_argument("--seed", type=int, default=20)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--eager", action="store_true", help="where no C++ compiler is")
    parser.add_argument("--export-only", action="store_true")
    args = parser.parse_args()

    torch.set_num_threads(args.threads)
    args.work.mkdir(parents=True, exist_ok=True)
    corpus, tokenizer = prepare(args.work)
    model = build_model(args.seed, tokenizer.get_vocab_size())
    checkpoint = args.work / "checkpoint.safetensors"
    if args.export_only:
        progress = load_checkpoint(checkpoint, model, build_optimisers(model))
    else:
        progress = train(args, corpus, model, checkpoint)
    export(model, tokenizer, args.out)
    shipped = LlamaForCausalLM.from_pretrained(args.out, dtype=torch.float32)
    write_page(args.docs, facts_of(corpus, shipped, tokenizer, progress, args))


if __name__ == "__main__":
    main()
