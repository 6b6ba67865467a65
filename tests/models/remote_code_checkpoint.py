"""Small random checkpoints of masked models that come with their own code, as LLaDA's does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from tiny_masked_models import DREAM_CONFIG, LLADA_CONFIG, tokenizer

CONFIGURATION = """
from transformers import PretrainedConfig


class TinyConfig(PretrainedConfig):
    model_type = "{model_type}"

    def __init__(self, vocab_size=300, hidden=16, **others):
        self.vocab_size, self.hidden = vocab_size, hidden
        super().__init__(**others)
"""

MODEL = '''
from pathlib import Path

import torch
from torch import nn
from transformers import PreTrainedModel
from transformers.modeling_outputs import MaskedLMOutput

from .configuration_tiny import TinyConfig


class {name}(PreTrainedModel):
    """Each position sees the mean of all positions."""

    config_class = TinyConfig

    def __init__(self, config):
        super().__init__(config)
        self.wte = nn.Embedding(config.vocab_size, config.hidden)
        self.mix = nn.Linear(config.hidden, config.hidden, bias=False)
        self.ff_out = nn.Linear(config.hidden, config.vocab_size, bias=False)
        self.post_init()

    def _init_weights(self, module):
        pass

    def get_input_embeddings(self):
        return self.wte

    def get_output_embeddings(self):
        return self.ff_out

    def forward(self, input_ids=None, attention_mask=None, position_ids=None, **others):
        x = self.wte(input_ids)
        return MaskedLMOutput(logits=self.ff_out(x + self.mix(x).mean(1, keepdim=True)))
'''


def write(
    folder: Path, family: str = "llada", *, hidden: int = 16, seed: int = 0, **changes: Any
) -> dict[str, torch.Tensor]:
    """A checkpoint of that family ("llada", "dream") with its code; its weights.

    changes: members of config.json.
    """
    config, name = (
        (LLADA_CONFIG, "LLaDAModelLM") if family == "llada" else (DREAM_CONFIG, "DreamModel")
    )
    made = tokenizer()
    made.save_pretrained(folder)
    size = int(config.get("embedding_size") or config.get("vocab_size") or len(made))
    generator = torch.Generator().manual_seed(seed)
    shapes = {"wte": (size, hidden), "mix": (hidden, hidden), "ff_out": (size, hidden)}
    weights = {
        f"{part}.weight": torch.randn(shape, generator=generator) for part, shape in shapes.items()
    }
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    written = {
        **config,
        "vocab_size": size,
        "hidden": hidden,
        "auto_map": {
            "AutoConfig": "configuration_tiny.TinyConfig",
            "AutoModel": f"modeling_tiny.{name}",
        },
        **changes,
    }
    (folder / "config.json").write_text(json.dumps(written))
    model_type = written["model_type"]
    (folder / "configuration_tiny.py").write_text(CONFIGURATION.replace("{model_type}", model_type))
    (folder / "modeling_tiny.py").write_text(MODEL.replace("{name}", name))
    return weights
