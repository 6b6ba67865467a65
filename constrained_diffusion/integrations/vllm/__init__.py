"""vLLM serves DiffusionGemma with constraints: the plugin of `vllm.general_plugins`."""

from .plugin import register

__all__ = ["register"]
