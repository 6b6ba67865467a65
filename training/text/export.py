"""Turn a training checkpoint into the package's weights.

python -m training.text.export --run runs/text --to constrained_diffusion/models/weights/text
"""

from __future__ import annotations

import argparse
from pathlib import Path

from tokenizers import Tokenizer

from constrained_diffusion.models.bundled import TextDenoiser
from constrained_diffusion.models.transformer import DenoiserConfig, DenoiserTransformer
from training.text.batches import CANVAS, PROMPT
from training.trainer import averaged_state

WEIGHTS_FOLDER = Path(__file__).parents[2] / "constrained_diffusion/models/weights/text"


def from_run(run: Path) -> TextDenoiser:
    """Return the denoiser of a run's newest checkpoint, with its averaged weights."""
    config, weights = averaged_state(run)
    network = DenoiserTransformer(DenoiserConfig(**config))
    # Stored as float16, which has enough digits for the weights and takes half the space.
    network.load_state_dict({name: t.half() for name, t in weights.items()})
    tokenizer = Tokenizer.from_file(str(run / "tokenizer.json"))
    return TextDenoiser(network, tokenizer, canvas_length=CANVAS, prompt_length=PROMPT)


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
