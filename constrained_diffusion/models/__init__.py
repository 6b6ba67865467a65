"""Denoisers: the protocol, the bundled small ones, and how to load them."""

from .base import BaseDenoiser
from .load import load
from .protocol import Denoiser
from .random import RandomDenoiser

__all__ = ["BaseDenoiser", "Denoiser", "RandomDenoiser", "load"]
