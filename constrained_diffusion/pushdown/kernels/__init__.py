"""Numba kernels that step the configurations of a text. `lexing` says what a thread is."""

from .emission import ENDED
from .stepping import decode_byte, run, start_configuration, step_byte, step_class, step_token
from .suffixes import finishes

__all__ = [
    "ENDED",
    "decode_byte",
    "finishes",
    "run",
    "start_configuration",
    "step_byte",
    "step_class",
    "step_token",
]
