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
        JsonSchema,
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
        LimitError,
        SchemaError,
        UnsatisfiableError,
        UnsupportedSchemaError,
        VocabularyError,
    )
    from .inference import Posterior
    from .models import Denoiser
    from .models.load import load
    from .puzzles import AllDifferent, SearchLimits, Sudoku, Sum
    from .sampling import MaskedSampler, Result, Step, UniformSampler
    from .sampling.generate import generate, stream
    from .vocabulary import Vocabulary

__version__ = "0.2.0"

_HOME = {
    "constraints": (
        "Choice CompiledConstraint Constraint Hole JsonSchema Regex Template Text compile posterior"
    ),
    "errors": (
        "CanvasTooSmallError CheckpointError ConstrainedDiffusionError GrammarError LimitError "
        "SchemaError UnsatisfiableError UnsupportedSchemaError VocabularyError"
    ),
    "inference": "Posterior",
    "models": "Denoiser load",
    "puzzles": "AllDifferent SearchLimits Sudoku Sum",
    "sampling": "MaskedSampler Result Step UniformSampler generate stream",
    "vocabulary": "Vocabulary",
}
_MODULE = {name: module for module, names in _HOME.items() for name in names.split()}

__all__ = [
    "AllDifferent",
    "CanvasTooSmallError",
    "CheckpointError",
    "Choice",
    "CompiledConstraint",
    "ConstrainedDiffusionError",
    "Constraint",
    "Denoiser",
    "GrammarError",
    "Hole",
    "JsonSchema",
    "LimitError",
    "MaskedSampler",
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
    "generate",
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
