"""A window's steps, from one state to the next.

In come a model's numbers, the optimiser's moments, and sequences; out come the numbers and moments
after the last step. The same arguments give the same bits on one machine profile (torch's build,
instructions, threads), so that an audit computes a window again and compares. The moments are
carried over windows, as flat arrays, because to begin them anew each window costs a third of a nat
in models of 0.2 million numbers.

Which window it is, and what is done with the result, is not known here.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from assay.protocol.training.manifest import Inner, Machine
from assay.scoring.training.shapes import Floats, TensorRole
from assay.training.network import FlatNetwork
from assay.training.state import array_root

try:
    import torch
except ImportError:
    from assay.models.source import inference_extra_missing

    raise inference_extra_missing() from None

Tokens = NDArray[np.int64]

MUON_SHARE: Final = 0.375
"""AdamW's rate for embeddings and norms, as a part of Muon's for the matrices. The update of a
matrix is matched to AdamW's root mean square (arXiv 2502.16982, section 2.2), and the demo model's
recipe found this part best."""


@dataclass(frozen=True, slots=True, eq=False)
class Moments:
    """What the optimiser carries: its ``first`` and ``second`` moments, flat, and how many
    ``steps`` it has taken. For matrices Muon has a first moment alone; their second is zero."""

    first: Floats
    second: Floats
    steps: int = 0

    @classmethod
    def none(cls, size: int) -> Moments:
        """Return the moments before the first step, of a model of ``size`` numbers."""
        return cls(np.zeros(size, np.float32), np.zeros(size, np.float32))

    @property
    def gradients(self) -> Floats:
        """About how large each number's gradient is of late: the root of the second moment, and the
        first one without its sign where there is no second. The same bits on every machine."""
        sizes: Floats = np.where(self.second > 0, np.sqrt(self.second), np.abs(self.first))
        return sizes


class Enough(Exception):
    """Raised by whoever is told of a step: the window ends with that step."""


@dataclass(frozen=True, slots=True, eq=False)
class WindowDone:
    """What a window's steps came to. ``boundaries`` are the roots of the states on the way, and
    ``losses`` the mean loss of each step that was taken, in nats a token."""

    end: Floats
    moments: Moments
    boundaries: tuple[bytes, ...]
    losses: tuple[float, ...]


@dataclass(frozen=True, slots=True, eq=False)
class StepState:
    """What stands after ``step`` steps of a window, counted from 1: the ``model`` and the
    optimiser's ``moments``. The next step follows from it and the next batch alone."""

    step: int
    model: Floats
    moments: Moments


Reached = Callable[[StepState], None]


def rate_at(terms: Inner, step: int) -> float:
    """Return the learning rate of step ``step`` of a peer's own count, the first being 0: it climbs
    evenly over ``terms.warmup`` steps and then stays."""
    return terms.rate * min(1.0, (step + 1) / (terms.warmup + 1))


def run_window(
    network: FlatNetwork,
    terms: Inner,
    machine: Machine,
    start: Floats,
    moments: Moments,
    batches: Iterable[Tokens],
    told: Callable[[int, float], None] = lambda step, loss: None,
    reached: Reached | None = None,
    forward: Any = None,
) -> WindowDone:
    """Take ``terms.steps`` steps from ``start``, one for each of ``batches``, whose rows are
    sequences with the token after them, of shape (batch, context + 1).

    ``told(step, loss)`` is called after each step, and may raise: ``Enough`` ends the window with
    that step, anything else gives it up. ``reached`` is given each state on the way. ``forward`` is
    what computes logits, the network itself by default; one that joins several processes divides a
    step among them. ValueError for too few batches; FloatingPointError for a loss that is not
    finite.
    """
    wanted = terms.steps
    with computing(machine):
        network.put(start)
        optimisers = _optimisers(network, terms, moments)
        named = frozenset(terms.boundary_steps)
        roots: list[bytes] = []
        losses: list[float] = []
        for batch in batches:
            number = moments.steps + len(losses)
            loss = _step(network, terms, machine, optimisers, number, batch, forward)
            if not math.isfinite(loss):
                raise FloatingPointError(f"the loss of step {len(losses)} is {loss}")
            losses.append(loss)
            try:
                told(len(losses), loss)
            except Enough:
                wanted = len(losses)
            if len(losses) in named:
                model = network.take()
                roots.append(array_root("model", model))
                if reached is not None:
                    carried = _carried(network, optimisers, moments.steps + len(losses))
                    reached(StepState(len(losses), model, carried))
            if len(losses) == wanted:
                break
    if len(losses) < wanted:
        raise ValueError(f"{wanted} steps need as many batches, not {len(losses)}")
    carried = _carried(network, optimisers, moments.steps + len(losses))
    return WindowDone(network.take(), carried, tuple(roots), tuple(losses))


@contextlib.contextmanager
def computing(machine: Machine) -> Iterator[None]:
    """Compute as ``machine`` says while the block runs.

    Deterministic algorithms fill each new tensor before it is written, in case something reads what
    nobody wrote. A model's steps read no such memory, and the filling took a fifth of them.
    """
    threads, strict = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    filled = torch.utils.deterministic.fill_uninitialized_memory
    torch.set_num_threads(machine.threads)
    torch.use_deterministic_algorithms(True)
    torch.utils.deterministic.fill_uninitialized_memory = False
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        torch.use_deterministic_algorithms(strict)
        torch.utils.deterministic.fill_uninitialized_memory = filled


def batch_loss(network: FlatNetwork, machine: Machine, batch: Tokens, forward: Any = None) -> Any:
    """Return the mean loss of ``batch`` in nats a token, as a tensor that has a gradient;
    ``forward`` is as for ``run_window``."""
    logits, wanted = _logits(network, machine, batch, forward)
    return torch.nn.functional.cross_entropy(logits.flatten(0, 1), wanted.flatten())


def row_losses(network: FlatNetwork, machine: Machine, batch: Tokens) -> Any:
    """Return the loss of each row of ``batch`` in nats a token, as a tensor."""
    logits, wanted = _logits(network, machine, batch)
    losses = torch.nn.functional.cross_entropy(logits.transpose(1, 2), wanted, reduction="none")
    return losses.mean(dim=1)


def _logits(
    network: FlatNetwork, machine: Machine, batch: Tokens, forward: Any = None
) -> tuple[Any, Any]:
    """Return the logits of ``batch`` in fp32, and the tokens that they are to predict."""
    device = next(iter(network.parameters.values())).device
    tokens = torch.from_numpy(np.asarray(batch, dtype=np.int64)).to(device)
    with torch.autocast(device.type, dtype=torch.bfloat16, enabled=machine.dtype == "bf16"):
        logits = (forward or network.network)(input_ids=tokens[:, :-1], use_cache=False).logits
    return logits.float(), tokens[:, 1:]


def _step(
    network: FlatNetwork,
    terms: Inner,
    machine: Machine,
    optimisers: list[Any],
    number: int,
    batch: Tokens,
    forward: Any,
) -> float:
    loss = batch_loss(network, machine, batch, forward)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(list(network.parameters.values()), terms.clip, foreach=False)
    for optimiser in optimisers:
        for group in optimiser.param_groups:
            group["lr"] = rate_at(terms, number) * group["share"]
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
    return float(loss.detach())


def _optimisers(network: FlatNetwork, terms: Inner, moments: Moments) -> list[Any]:
    """Make the optimisers, with what they carry from the window before."""
    roles = {tensor.name: tensor.role for tensor in network.shape.tensors}
    by_muon = [
        name
        for name, parameter in network.parameters.items()
        if terms.optimiser == "muon" and roles[name] is TensorRole.MATRIX and parameter.ndim == 2
    ]
    by_adam = [name for name in network.parameters if name not in by_muon]
    first, second = network.tensors(moments.first), network.tensors(moments.second)
    made: list[Any] = []
    if by_muon:
        muon = torch.optim.Muon(
            [{"params": [network.parameters[name] for name in by_muon], "share": 1.0}],
            weight_decay=terms.weight_decay,
            momentum=terms.beta2,
            adjust_lr_fn="match_rms_adamw",
        )
        for name in by_muon if moments.steps else ():
            muon.state[network.parameters[name]] = {"momentum_buffer": first[name]}
        made.append(muon)
    if by_adam:
        made.append(_adam(network, terms, by_adam, moments, first, second))
    return made


def _adam(
    network: FlatNetwork,
    terms: Inner,
    names: list[str],
    moments: Moments,
    first: dict[str, Any],
    second: dict[str, Any],
) -> Any:
    share = MUON_SHARE if terms.optimiser == "muon" else 1.0
    decayed = {True: terms.weight_decay, False: 0.0}
    groups = [
        {"params": chosen, "share": share, "weight_decay": decayed[tables]}
        for tables in (True, False)
        if (
            chosen := [
                network.parameters[n] for n in names if (network.parameters[n].ndim > 1) is tables
            ]
        )
    ]
    adam = torch.optim.AdamW(
        groups, betas=(terms.beta1, terms.beta2), eps=terms.epsilon, foreach=False
    )
    for name in names if moments.steps else ():
        adam.state[network.parameters[name]] = {
            "step": torch.tensor(float(moments.steps)),
            "exp_avg": first[name],
            "exp_avg_sq": second[name],
        }
    return adam


def _carried(network: FlatNetwork, optimisers: list[Any], steps: int) -> Moments:
    """Take the moments out of the optimisers."""
    first: dict[str, Any] = {}
    second: dict[str, Any] = {}
    for optimiser in optimisers:
        for name, parameter in network.parameters.items():
            state = optimiser.state.get(parameter, {})
            for key in ("exp_avg", "momentum_buffer"):
                if key in state:
                    first[name] = state[key]
            if "exp_avg_sq" in state:
                second[name] = state["exp_avg_sq"]
    return Moments(network.flat(first), network.flat(second), steps)
