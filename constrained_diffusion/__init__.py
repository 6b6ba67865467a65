"""Exact constraints for text-diffusion models: output that is valid by construction.

    import constrained_diffusion as cd

    model = cd.load("text")
    result = cd.generate(model, "Ada Lovelace, 36, lives in London.", cd.JsonSchema(schema))

The public names are imported on first use, so that `import constrained_diffusion` stays quick.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .constraints import (
        Choice,
        CompiledConstraint,
        Constraint,
        Hole,
        Infill,
        JsonSchema,
        LarkGrammar,
        Regex,
        Template,
        Text,
        compile,
        posterior,
    )
    from .errors import (
        CanvasTooSmallError,
        CheckpointError,
        ConstrainedDiffusionError,
        GrammarError,
        InternalError,
        LimitError,
        SchemaError,
        UnsatisfiableError,
        UnsupportedSchemaError,
        VocabularyError,
    )
    from .inference import Posterior
    from .integrations.autoregressive_constraint import AutoregressiveConstraint
    from .integrations.diffusion_constraint import DiffusionConstraint
    from .models import Denoiser, MaskedModelFacts, MemoryEstimate, estimate_memory
    from .models.load import load
    from .puzzles import AllDifferent, SearchLimits, Sudoku, Sum
    from .sampling import MaskedSampler, Result, Step, UniformSampler
    from .sampling.generate import generate, stream
    from .sampling.infill import infill
    from .vocabulary import Vocabulary

__version__ = "0.4.0"

_HOME = {
    "constraints": (
        "Choice CompiledConstraint Constraint Hole Infill JsonSchema LarkGrammar Regex Template "
        "Text compile posterior"
    ),
    "errors": (
        "CanvasTooSmallError CheckpointError ConstrainedDiffusionError GrammarError InternalError "
        "LimitError SchemaError UnsatisfiableError UnsupportedSchemaError VocabularyError"
    ),
    "inference": "Posterior",
    "integrations.autoregressive_constraint": "AutoregressiveConstraint",
    "integrations.diffusion_constraint": "DiffusionConstraint",
    "models": "Denoiser MaskedModelFacts MemoryEstimate estimate_memory load",
    "puzzles": "AllDifferent SearchLimits Sudoku Sum",
    "sampling": "MaskedSampler Result Step UniformSampler generate infill stream",
    "vocabulary": "Vocabulary",
}
_MODULE = {name: module for module, names in _HOME.items() for name in names.split()}

__all__ = [
    "AllDifferent",
    "AutoregressiveConstraint",
    "CanvasTooSmallError",
    "CheckpointError",
    "Choice",
    "CompiledConstraint",
    "ConstrainedDiffusionError",
    "Constraint",
    "Denoiser",
    "DiffusionConstraint",
    "GrammarError",
    "Hole",
    "Infill",
    "InternalError",
    "JsonSchema",
    "LarkGrammar",
    "LimitError",
    "MaskedModelFacts",
    "MaskedSampler",
    "MemoryEstimate",
    "Posterior",
    "Regex",
    "Result",
    "SchemaError",
    "SearchLimits",
    "Step",
    "Sudoku",
    "Sum",
    "Template",
    "Text",
    "UniformSampler",
    "UnsatisfiableError",
    "UnsupportedSchemaError",
    "Vocabulary",
    "VocabularyError",
    "compile",
    "estimate_memory",
    "generate",
    "infill",
    "load",
    "posterior",
    "stream",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f".{_MODULE[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
