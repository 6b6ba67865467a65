"""What a user states: constraints on text, and their compilation for a vocabulary."""

from .base import Constraint, Language
from .basic import Choice, Regex, Text
from .compiled import CompiledConstraint, as_constraint, compile, posterior
from .infill import Infill
from .lark_grammar import LarkGrammar
from .schema import JsonSchema
from .template import Hole, Template

__all__ = [
    "Choice",
    "CompiledConstraint",
    "Constraint",
    "Hole",
    "Infill",
    "JsonSchema",
    "Language",
    "LarkGrammar",
    "Regex",
    "Template",
    "Text",
    "as_constraint",
    "compile",
    "posterior",
]
