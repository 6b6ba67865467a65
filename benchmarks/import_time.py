"""How long `import constrained_diffusion` takes in a fresh process, against `import torch`.

Each import is run several times in a process of its own; the start of the interpreter is measured
apart and taken off. The target is 2 s, without the modules of any model loaded.
"""

from __future__ import annotations

import subprocess
import sys
import time
from statistics import median

from _report import ROOT, Report, parser

IMPORTS = {
    "interpreter alone": "pass",
    "torch": "import torch",
    "constrained_diffusion": "import constrained_diffusion",
    "with Vocabulary": "from constrained_diffusion import Vocabulary",
    "with compile": "from constrained_diffusion import compile",
    "with generate": "from constrained_diffusion import generate",
    "with load": "from constrained_diffusion import load",
}
HEAVY = ("torch", "numba", "lark", "jsonschema", "pydantic", "tokenizers", "rich", "typer")


def seconds(statement: str, repeats: int) -> float:
    """Median wall seconds of a fresh interpreter that runs one statement."""
    taken = []
    for _ in range(repeats):
        start = time.perf_counter()
        subprocess.run([sys.executable, "-c", statement], check=True, cwd=ROOT)
        taken.append(time.perf_counter() - start)
    return median(taken)


def loaded_packages(statement: str) -> str:
    """Which of the heavy packages a statement has loaded."""
    program = f"{statement}\nimport sys\nprint(*(n for n in {HEAVY!r} if n in sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", program], check=True, cwd=ROOT, capture_output=True, text=True
    )
    return done.stdout.strip() or "none"


def main() -> None:
    """Measure and print."""
    options = parser(__doc__)
    options.add_argument("--repeats", type=int, default=5, help="processes per import (5)")
    arguments = options.parse_args()
    report = Report("Import time")
    measured = {name: seconds(code, arguments.repeats) for name, code in IMPORTS.items()}
    start = measured.pop("interpreter alone")
    rows = [
        {
            "import": name,
            "seconds": max(value - start, 0.0),
            "torch alone": measured["torch"] - start,
            "loads": loaded_packages(IMPORTS[name]),
        }
        for name, value in measured.items()
    ]
    report.table(
        f"median of {arguments.repeats} fresh processes",
        rows,
        ratios={"times torch": ("seconds", "torch alone")},
    )
    report.note(f"the interpreter alone takes {start:.3f} s, taken off above")
    report.finish(arguments.json)


if __name__ == "__main__":
    main()
