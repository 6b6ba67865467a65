"""Turn a training checkpoint into the package's weights.

python -m training.code.export --run runs/code --to constrained_diffusion/models/weights/code
"""

from __future__ import annotations

import argparse
from pathlib import Path

from tokenizers import Tokenizer

from constrained_diffusion.models.code import CodeDenoiser
from constrained_diffusion.models.transformer import DenoiserConfig, DenoiserTransformer
from training.code.batches import AFTER, BEFORE, CANVAS
from training.trainer import averaged_state

WEIGHTS_FOLDER = Path(__file__).parents[2] / "constrained_diffusion/models/weights/code"


def from_run(run: Path) -> CodeDenoiser:
    """The denoiser of a run's newest checkpoint, with its averaged weights."""
    config, weights = averaged_state(run)
    network = DenoiserTransformer(DenoiserConfig(**config))
    # Stored as float16, which has enough digits for the weights and takes half the space.
    network.load_state_dict({name: tensor.half() for name, tensor in weights.items()})
    return CodeDenoiser(
        network,
        Tokenizer.from_file(str(run / "tokenizer.json")),
        canvas_length=CANVAS,
        prefix_length=BEFORE,
        suffix_length=AFTER - 1,
    )


def main() -> None:
    """Export."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--run", type=Path, required=True, help="folder of the training run")
    parser.add_argument("--to", type=Path, default=WEIGHTS_FOLDER, help="folder to write")
    args = parser.parse_args()
    from_run(args.run).save(args.to)


if __name__ == "__main__":
    main()
