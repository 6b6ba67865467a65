"""Reading Lark grammars: from a compiled `lark.Lark` object to tables."""

from __future__ import annotations

from .assembly import assemble
from .costs import UNREACHABLE, Costs
from .reading import GrammarReading, read
from .transducer import TokenTransducer, Transition

__all__ = [
    "UNREACHABLE",
    "Costs",
    "GrammarReading",
    "TokenTransducer",
    "Transition",
    "assemble",
    "read",
]
