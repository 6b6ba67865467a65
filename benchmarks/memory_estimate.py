"""What DiffusionGemma 26B-A4B takes in memory, by `estimate_memory` on its real class and sizes.

No weights are needed: the tensors lie on torch's "meta" device. One canvas of 256 positions; the
prompt's cache and the layers' activations come on top.
"""

from __future__ import annotations

import sys
from importlib import metadata
from typing import Any

from _report import ROOT, Report, parser

from constrained_diffusion import estimate_memory

sys.path.insert(0, str(ROOT / "tests" / "models"))

import published_sizes


def main() -> None:
    """Estimate and print."""
    arguments = parser(__doc__).parse_args()
    report = Report("Memory of DiffusionGemma 26B-A4B")
    tensors = published_sizes.diffusion_gemma()
    report.settings(
        transformers=metadata.version("transformers"),
        billions_of_parameters=round(sum(t.numel() for t in tensors.values()) / 1e9, 2),
    )
    rows: list[dict[str, Any]] = []
    for quantization in (None, "fp8", "int8", "int4"):
        estimate = estimate_memory(tensors, dtype="bfloat16", quantization=quantization)
        rows.append(
            {
                "weights in": quantization or "bfloat16",
                "weights GB": estimate.weights / 1e9,
                "logits and working arrays GB": estimate.buffers / 1e9,
                "total GB": estimate.total / 1e9,
            }
        )
    report.table("estimates", rows)
    report.finish(arguments.json)


if __name__ == "__main__":
    main()
