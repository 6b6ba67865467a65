"""The options that state a constraint, the same for every command."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import ConstrainedDiffusionError
from .files import STANDARD, read_json

if TYPE_CHECKING:
    from ..constraints import Constraint

SchemaOption = Annotated[
    str | None,
    typer.Option("--schema", metavar="FILE", help="JSON that is valid against this JSON Schema."),
]
LarkOption = Annotated[
    str | None,
    typer.Option("--lark", metavar="FILE", help="A Lark grammar (not available yet)."),
]
RegexOption = Annotated[
    str | None,
    typer.Option("--regex", metavar="PATTERN", help="Text that matches as a whole (Python's re)."),
]
ChoiceOption = Annotated[
    list[str] | None,
    typer.Option("--choice", metavar="VALUE", help="One of these texts. Repeat per value."),
]
TemplateOption = Annotated[
    str | None,
    typer.Option(
        "--template",
        metavar="FILE",
        help='A JSON list of texts and holes, {"hole": NAME, "regex"|"choice"|"schema"|"text": …}.',
    ),
]


@dataclass(frozen=True)
class ConstraintOptions:
    """What was given of the constraint options."""

    schema: str | None = None
    lark: str | None = None
    regex: str | None = None
    choice: tuple[str, ...] = ()
    template: str | None = None

    def uses_standard_input(self) -> bool:
        return STANDARD in (self.schema, self.lark, self.template)

    def build(self) -> Constraint:
        """The constraint. Raises ConstrainedDiffusionError where not exactly one is stated, OSError
        where a file cannot be read, and what the constraint itself raises."""
        from ..constraints import Choice, JsonSchema, Regex

        given = [
            name
            for name in ("schema", "lark", "regex", "choice", "template")
            if getattr(self, name) not in (None, ())
        ]
        if len(given) != 1:
            found = " and ".join(f"--{name}" for name in given) or "none"
            raise ConstrainedDiffusionError(
                "state exactly one constraint, by --schema, --regex, --choice or --template; "
                f"got {found}"
            )
        if self.schema is not None:
            return JsonSchema(read_json(self.schema))
        if self.regex is not None:
            return Regex(self.regex)
        if self.choice:
            return Choice(self.choice)
        if self.template is not None:
            return template_from_json(read_json(self.template))
        raise ConstrainedDiffusionError("--lark: Lark grammars are not available in this version")


def template_from_json(parts: Any) -> Constraint:
    """A template from a list of texts and holes.

    A hole is `{"hole": NAME, KIND: …}` with one KIND: "regex" (a pattern), "choice" (a list of
    texts), "schema" (a JSON schema), "text" (true, or an object with min_chars and max_chars).
    """
    from ..constraints import Hole, Template

    if not isinstance(parts, list):
        raise ConstrainedDiffusionError("a template is a JSON list of texts and holes")
    built: list[str | Hole] = []
    for index, part in enumerate(parts):
        if isinstance(part, str):
            built.append(part)
            continue
        kinds = [key for key in part if key != "hole"] if isinstance(part, dict) else []
        if not isinstance(part, dict) or "hole" not in part or len(kinds) != 1:
            raise ConstrainedDiffusionError(
                f'template part {index} is neither a text nor {{"hole": NAME, '
                '"regex"|"choice"|"schema"|"text": …}'
            )
        built.append(Hole(part["hole"], _hole_constraint(index, kinds[0], part[kinds[0]])))
    return Template(*built)


def _hole_constraint(index: int, kind: str, value: Any) -> Constraint:
    from ..constraints import Choice, JsonSchema, Regex, Text

    if kind == "regex":
        return Regex(value)
    if kind == "choice":
        if not isinstance(value, list):
            raise ConstrainedDiffusionError(f"template part {index}: choice takes a list of texts")
        return Choice(value)
    if kind == "schema":
        return JsonSchema(value)
    if kind == "text":
        bounds = {} if value is True else value
        if not isinstance(bounds, dict) or not bounds.keys() <= {"min_chars", "max_chars"}:
            raise ConstrainedDiffusionError(
                f"template part {index}: text takes true or an object with min_chars, max_chars"
            )
        if not all(isinstance(bound, int) for bound in bounds.values()):
            raise ConstrainedDiffusionError(
                f"template part {index}: min_chars and max_chars are whole numbers"
            )
        return Text(**bounds)
    raise ConstrainedDiffusionError(
        f"template part {index}: unknown kind {kind!r}; use regex, choice, schema or text"
    )
