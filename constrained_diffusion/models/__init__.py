"""Denoisers: the protocol, the bundled small ones, adapters, and how to load them."""

from .base import BaseDenoiser
from .load import load
from .masked_facts import MaskedModelFacts
from .memory_estimate import MemoryEstimate, estimate_memory
from .protocol import Denoiser
from .random import RandomDenoiser

__all__ = [
    "BaseDenoiser",
    "Denoiser",
    "MaskedModelFacts",
    "MemoryEstimate",
    "RandomDenoiser",
    "estimate_memory",
    "load",
]
