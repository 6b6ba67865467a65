"""Writes the picture of README: the live view at four moments of one generation, as SVG."""

from __future__ import annotations

import io
import json
import re
import sys
from pathlib import Path

from rich.console import Console

import constrained_diffusion as cd
from constrained_diffusion.viewing import Recorder
from constrained_diffusion.viewing.terminal import render

HERE = Path(__file__).parent


def main(target: str) -> None:
    denoiser = cd.load("text")
    schema = json.loads((HERE / "schema.json").read_text())
    passage = (HERE / "passage.txt").read_text().strip()
    recorder = Recorder()
    cd.generate(
        denoiser,
        passage,
        cd.JsonSchema(schema),
        sampler=cd.UniformSampler(),
        seed=0,
        on_step=recorder,
    )
    console = Console(record=True, width=100, file=io.StringIO(), force_terminal=True)
    console.print(
        f"[dim]$[/dim] constrained-diffusion generate --watch …\n[bold]{passage}[/bold]\n"
    )
    count = len(recorder.frames)
    for shown in sorted({1, 1 + count // 4, 1 + count // 2, count}):
        console.print(render(denoiser.vocabulary, recorder.frames[:shown]))
    picture = console.export_svg(title="constrained diffusion")
    # The fonts would be fetched from elsewhere; without them the viewer's own monospace is used.
    picture = re.sub(r"@font-face \{.*?\}", "", picture, flags=re.DOTALL)
    Path(target).write_text(picture, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "docs/images/converging.svg")
