"""Products in fp32 with weights of half the bytes, where that changes no weight.

In come a linear layer's weights in fp32; out comes a product with rows of fp32, and the factor that
it leaves to its caller. Most models are published in bf16. fp16 holds such numbers exactly, once a
power of two has brought the largest of them near fp16's own largest: it has more digits, and a
smaller range. FBGEMM's kernel reads fp16 and computes in fp32, so that the result is one of fp32
while half as much is read from memory, which is what a product with few rows spends its time on.

With AVX-512 the kernel adds each sum from the first input to the last, however many rows there
are. So one row alone has the bits that it has in company, and no idle row needs to be computed
beside it. With AVX2 alone it has not. Which it is on the machine at hand is tried by ``rows``.

torch calls this kernel deprecated and names nothing in its stead that computes so. Where torch or
the processor has it no longer, ``HalfProduct.of`` gives None, and products are computed as before.
"""

from __future__ import annotations

import math
import warnings
from typing import Any, Final

from assay.models.source import inference_extra_missing

try:
    import torch
except ImportError:
    raise inference_extra_missing() from None

INPUTS_MAX: Final = 2_048
"""A sum of more is left to other kernels, which cut it: added from first to last, one of 4,096 is
seven times as far from the exact one as theirs, and validators' tolerances are fixed."""
LARGEST: Final = 15
"""The largest weight is brought below two to the power of this; fp16 ends at 65,504."""


class HalfProduct:
    """The product with ``weight`` (out, in), without ``scale``: whoever calls multiplies either
    what is given or the result by it. Made by ``of``."""

    def __init__(self, weight: Any, bias: Any, exponent: int) -> None:
        self.weight = weight
        self.scale = 2.0**-exponent
        self.out_features, self.in_features = weight.shape
        self._bias = torch.zeros(self.out_features) if bias is None else bias
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="fbgemm_.* is deprecated")
            # The kernel wants each output's weights side by side, and makes its own copy of them.
            self._packed = torch.fbgemm_pack_gemm_matrix_fp16((weight / self.scale).contiguous())
            self(torch.zeros(1, self.in_features))  # so that it warns here, once

    @classmethod
    def of(cls, weight: Any, bias: Any = None) -> HalfProduct | None:
        """Return the product with ``weight``, to which ``bias`` is added as it is; None where fp16
        would change a weight, or where there is no such kernel."""
        if (
            weight.dtype != torch.float32
            or weight.device.type != "cpu"
            or weight.shape[1] > INPUTS_MAX
            # The kernel computes in one thread, whatever torch is told.
            or torch.get_num_threads() > 1
            or (exponent := _exponent(weight)) is None
        ):
            return None
        try:
            return cls(weight, bias, exponent)
        except (AttributeError, RuntimeError):  # a torch or a processor without the kernel
            return None

    def __call__(self, given: Any) -> Any:
        """Return the products (rows, out) of ``given`` (rows, in), without ``scale``."""
        return torch.fbgemm_linear_fp16_weight_fp32_activation(given, self._packed, self._bias)


def _exponent(weight: Any) -> int | None:
    """Return an exponent of two with which fp16 holds ``weight`` exactly; None if there is none."""
    largest = float(weight.abs().max())
    if not math.isfinite(largest):
        return None
    exponent = LARGEST - math.frexp(largest)[1] if largest else 0
    scaled = weight * 2.0**exponent
    return exponent if torch.equal(scaled.half().float(), scaled) else None
