"""The exceptions of this package: each names what was wrong, where, and what to do."""

from __future__ import annotations


class ConstrainedDiffusionError(ValueError):
    """Base of every error that this package raises on bad input."""


class SchemaError(ConstrainedDiffusionError):
    """Not a JSON Schema. `pointer` is the JSON pointer of the offending place in the schema."""

    def __init__(self, message: str, pointer: str = "") -> None:
        super().__init__(f"{message} (at {pointer or 'the root of the schema'})")
        self.pointer = pointer


class UnsupportedSchemaError(SchemaError):
    """A keyword that cannot be honoured exactly; it is refused rather than ignored."""

    def __init__(self, message: str, pointer: str = "", keyword: str = "") -> None:
        super().__init__(message, pointer)
        self.keyword = keyword


class GrammarError(ConstrainedDiffusionError):
    """A grammar or regular expression that is malformed or cannot be honoured."""

    def __init__(self, message: str, line: int | None = None, column: int | None = None) -> None:
        place = "" if line is None else f" (line {line}, column {column})"
        super().__init__(message + place)
        self.line = line
        self.column = column


class UnsatisfiableError(ConstrainedDiffusionError):
    """No text satisfies the constraint at all, or none agrees with the fixed positions."""


class CanvasTooSmallError(ConstrainedDiffusionError):
    """The shortest text of the constraint does not fit into the room that is left."""

    def __init__(self, needed: int, available: int) -> None:
        super().__init__(
            f"the shortest text needs {needed} tokens but only {available} positions are "
            "available; use a longer canvas or more canvases"
        )
        self.needed = needed
        self.available = available


class VocabularyError(ConstrainedDiffusionError):
    """A vocabulary or tokenizer that cannot be read, or logits that do not belong to it."""


class LimitError(ConstrainedDiffusionError):
    """A stated limit (states, seconds, memory) was reached; says which and how to raise it."""


class CheckpointError(ConstrainedDiffusionError):
    """A checkpoint folder that is missing, damaged or of an unknown version."""


class InternalError(ConstrainedDiffusionError):
    """A defect of this package, found by its own checks; the message says how to reproduce it."""
