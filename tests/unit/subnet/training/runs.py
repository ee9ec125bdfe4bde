"""A small run for tests: a model of four thousand numbers, a text that is easy to learn."""

from __future__ import annotations

from pathlib import Path

import msgspec
import torch
import transformers

from assay.protocol.training.manifest import (
    AuditTerms,
    Codec,
    Data,
    Inner,
    Machine,
    Manifest,
    Outer,
)
from assay.protocol.training.schedule import Schedule
from assay.training.corpus import TrainingCorpus, make_corpus
from assay.training.network import FlatNetwork
from assay.training.run_folder import RunFolder

MACHINE = Machine(
    torch=str(torch.__version__), device="cpu", instructions="any", threads=1, dtype="fp32"
)
INNER = Inner(
    optimiser="adamw", steps=6, rate=3e-3, warmup=2, beta1=0.9, beta2=0.95, epsilon=1e-8,
    weight_decay=0.1, clip=1.0, boundaries=2,
)  # fmt: skip
END = 63


def small_network(seed: int = 3) -> FlatNetwork:
    torch.manual_seed(seed)
    config = transformers.LlamaConfig(
        vocab_size=64, hidden_size=32, intermediate_size=48, num_hidden_layers=2,
        num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=32,
        tie_word_embeddings=True,
    )  # fmt: skip
    return FlatNetwork(transformers.LlamaForCausalLM(config))


def small_corpus(folder: Path) -> TrainingCorpus:
    texts = [
        (f"text-{n}", "".join(chr((n * 7 + 3 * i) % 60) for i in range(400))) for n in range(48)
    ]
    return make_corpus(
        folder, texts, lambda text: [ord(char) for char in text], end=END, vocabulary=64
    )


def small_manifest(corpus: TrainingCorpus, **changes: object) -> Manifest:
    whole = Manifest(
        version=2,
        name="small",
        model=b"m" * 32,
        data=Data(corpus=corpus.root, context=16, batch=4, seed=1),
        inner=INNER,
        outer=Outer(rate=1.0, momentum=0.0, mean_of="senders", trim=0.0, norm_max=2.0),
        codec=Codec(form="coded", sent_ppm=50_000, levels=1, feedback_decay=0.9),
        machine=MACHINE,
        audit=AuditTerms(share=0.5, distance=0.0),
        schedule=Schedule(
            start=1, windows=4, train=8, upload=2, reveal=2, attest=2, evaluate=1, advance=1
        ),
    )
    return msgspec.structs.replace(whole, **changes)


def small_run(folder: Path, **changes: object) -> RunFolder:
    """Make a run in ``folder`` / run, of the small network and the small corpus."""
    small_network().network.save_pretrained(folder / "model")
    corpus = small_corpus(folder / "corpus")
    terms = small_manifest(corpus, **changes)
    return RunFolder.create(folder / "run", terms, folder / "model", folder / "corpus")
