"""Samplers: from a denoiser's predictions to a text, step by step."""

from .generate import InvariantError, generate, preferred_sampler, stream
from .infill import infill
from .masked import MaskedSampler
from .problem import CanvasProblem, Row, Sampler
from .steps import Result, Step
from .uniform import UniformSampler

__all__ = [
    "CanvasProblem",
    "InvariantError",
    "MaskedSampler",
    "Result",
    "Row",
    "Sampler",
    "Step",
    "UniformSampler",
    "generate",
    "infill",
    "preferred_sampler",
    "stream",
]
