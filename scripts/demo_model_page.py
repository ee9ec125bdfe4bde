"""The page about the demo model: its figures, its loss curve as a picture, and what it writes.

`train_demo_model.py` hands over what it measured and this writes docs/demo-model.md and the curve,
without a plotting library. It trains nothing and measures nothing.
"""

from __future__ import annotations

import math
import platform
from dataclasses import dataclass
from pathlib import Path

HOW = "## How\n"
"""What the last section of the page begins with. It is written by hand, and kept."""

Curve = list[tuple[int, float, float | None]]
"""Tokens seen, training loss, and held-out loss where it was measured; losses in nats."""


@dataclass(frozen=True)
class Facts:
    """What the page tells."""

    root: str
    architecture: str
    parameters: int
    vocabulary: int
    context: int
    corpus: str
    packages: dict[str, str]
    left_out: list[str]
    held_out: str
    steps: int
    batch: str
    tokens_seen: int
    minutes: float
    threads: int
    loss: float
    bits_a_byte: float
    accuracy: float
    curve: Curve
    samples: list[str]
    sampling: str
    greedy: str
    greedy_tokens: int
    circles: list[bool]
    """Whether the continuation at temperature 0 goes in circles: of ``greedy``, then of each
    sample's prompt."""
    command: str


def curve_svg(curve: list[tuple[int, float, float | None]]) -> str:
    """The loss curve as a picture, without a plotting library."""
    width, height, left, bottom, top = 720, 360, 56, 40, 16
    tokens_max = max(c[0] for c in curve)
    losses = [c[1] for c in curve] + [c[2] for c in curve if c[2] is not None]
    low, high = math.floor(min(losses)), math.ceil(max(losses))

    def place(tokens: float, loss: float) -> str:
        x = left + (width - left - 12) * tokens / tokens_max
        y = top + (height - top - bottom) * (high - loss) / (high - low)
        return f"{x:.1f},{y:.1f}"

    lines = []
    for level in range(low, high + 1):
        x, y = place(0, level).split(",")
        lines.append(f'<line x1="{x}" y1="{y}" x2="{width - 12}" y2="{y}" stroke="#ddd"/>')
        lines.append(f'<text x="{left - 8}" y="{y}" text-anchor="end" dy="4">{level}</text>')
    train_line = " ".join(place(t, loss) for t, loss, _ in curve)
    lines.append(f'<polyline points="{train_line}" fill="none" stroke="#1f6feb"/>')
    for tokens, _, held_out in curve:
        if held_out is not None:
            x, y = place(tokens, held_out).split(",")
            lines.append(f'<circle cx="{x}" cy="{y}" r="3.5" fill="#d1242f"/>')
    lines.append(
        f'<text x="{width // 2}" y="{height - 10}" text-anchor="middle">tokens seen, up to '
        f"{tokens_max / 1e6:.1f} million (blue: training loss in nats; red: held out)</text>"
    )
    body = "\n".join(lines)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'font-family="sans-serif" font-size="12">\n<rect width="100%" height="100%" '
        f'fill="white"/>\n{body}\n</svg>\n'
    )


def how(docs: Path) -> str:
    """The section of the page that is written by hand, taken from the page that is there."""
    page = docs / "demo-model.md"
    found = page.read_text(encoding="utf-8").partition(HOW) if page.exists() else ("", "", "")
    return found[1] + found[2]


def write_page(docs: Path, facts: Facts) -> None:
    """Write demo-model.md and demo-model-loss.svg into ``docs``."""
    docs.mkdir(parents=True, exist_ok=True)
    (docs / "demo-model-loss.svg").write_text(curve_svg(facts.curve), encoding="utf-8")
    samples = "\n".join(f"```python\n{sample}\n```\n" for sample in facts.samples)
    packages = ", ".join(f"{name} {version}" for name, version in facts.packages.items())
    rate = facts.tokens_seen / max(60 * facts.minutes, 1e-9)
    (docs / "demo-model.md").write_text(
        f"""# The demo model

Written by `scripts/train_demo_model.py`; the figures are from the run that made the shipped
weights. The model lies in `subnet/models/demo` in the Hugging Face layout and is what an inference
miner serves unless `--model` names another.

| | |
|---|---|
| architecture | {facts.architecture} |
| parameters | {facts.parameters:,} |
| root | `{facts.root}` |
| vocabulary | {facts.vocabulary:,}, byte-level BPE |
| context | {facts.context} tokens |
| corpus | standard library of Python {platform.python_version()}, its tests, and installed \
packages. {facts.corpus}; exact duplicates and tables left out |
| packages | {packages} |
| held out | {facts.held_out}, never seen; {len(facts.left_out)} files that share passages with \
them are left out as well |
| tokens seen | {facts.tokens_seen:,} in {facts.steps:,} steps of {facts.batch} |
| time | {facts.minutes:.0f} minutes of processor time on each of {facts.threads} thread(s), bf16 \
autocast, {rate:,.0f} tokens/s |
| held-out perplexity | **{math.exp(facts.loss):.2f}** a token ({facts.loss:.3f} nats, \
{facts.bits_a_byte:.3f} bits a byte) |
| held-out accuracy | {facts.accuracy:.1%} of next tokens |

![loss curve](demo-model-loss.svg)

## What it writes

{facts.sampling} after each prompt (the prompt is the beginning of each block):

{samples}
{facts.greedy_tokens} tokens at temperature 0 after `def walk(`, which \
{"go in circles" if facts.circles[0] else "do not go in circles"} (of the prompts above, \
{sum(facts.circles[1:])} of {len(facts.circles) - 1} do):

```python
{facts.greedy}
```

It completes Python in the style of the standard library. It knows no facts, and it is not meant to:
it is there so that the subnet runs a real model with no download.

## Again

    {facts.command}

The run may be stopped at any time and resumed with the same command. `--export-only` writes the
model folder and this page from the last checkpoint. The corpus is under the licences of Python
(PSF) and of the packages (MIT, BSD, Apache-2.0); the weights are under the project's own,
Apache-2.0.

{how(docs)}""",
        encoding="utf-8",
    )
