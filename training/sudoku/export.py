"""Write the newest checkpoint of a training run as a checkpoint folder of the package.

python -m training.sudoku.export --run runs/sudoku
"""

from __future__ import annotations

import argparse
from pathlib import Path

from constrained_diffusion.models.sudoku import SudokuDenoiser
from constrained_diffusion.models.sudoku_network import SudokuConfig, SudokuNetwork
from training.trainer import averaged_state

WEIGHTS_FOLDER = (
    Path(__file__).parents[2] / "constrained_diffusion" / "models" / "weights" / "sudoku"
)


def from_run(run: Path, iterations: int = 64) -> SudokuDenoiser:
    """The denoiser of a run's checkpoint, with the moving average of the weights."""
    config, weights = averaged_state(run)
    network = SudokuNetwork(SudokuConfig(**config))
    network.load_state_dict(weights)
    return SudokuDenoiser(network, iterations=iterations)


def main() -> None:
    """Export."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--run", type=Path, required=True, help="folder of the training run")
    parser.add_argument("--to", type=Path, default=WEIGHTS_FOLDER, help="folder to write")
    parser.add_argument(
        "--iterations", type=int, default=64, help="most rounds of messages in a call"
    )
    args = parser.parse_args()
    from_run(args.run, args.iterations).save(args.to)


if __name__ == "__main__":
    main()
