"""The options that state a constraint, the same for every command."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import ConstrainedDiffusionError
from .files import STANDARD, read_json, read_text

if TYPE_CHECKING:
    from ..constraints import Constraint

SchemaOption = Annotated[
    str | None,
    typer.Option("--schema", metavar="FILE", help="JSON that is valid against this JSON Schema."),
]
LarkOption = Annotated[
    str | None,
    typer.Option(
        "--lark",
        metavar="FILE|NAME",
        help="Text that Lark parses by this grammar, or by the bundled one of that name.",
    ),
]
StartOption = Annotated[
    str | None,
    typer.Option("--start", metavar="RULE", help="The start rule of --lark; default: start."),
]
ParserOption = Annotated[
    str | None,
    typer.Option(
        "--parser", metavar="NAME", help="The parser of --lark: lalr (the default) or earley."
    ),
]
LexerOption = Annotated[
    str | None,
    typer.Option(
        "--lexer",
        metavar="NAME",
        help="The lexer of --lark: contextual or basic, dynamic for earley; default: auto.",
    ),
]
IndenterOption = Annotated[
    str | None,
    typer.Option(
        "--indenter", metavar="NAME", help='"python": indented lines are tokens for --lark.'
    ),
]
DepthOption = Annotated[
    int | None,
    typer.Option(
        "--max-depth", metavar="N", help="How deep the recursion of --lark may nest; see docs."
    ),
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
        help="A JSON list of texts and holes, "
        '{"hole": NAME, "regex"|"choice"|"schema"|"lark"|"text": …}.',
    ),
]


@dataclass(frozen=True)
class GrammarOptions:
    """What was given of the options that say how `--lark` is read."""

    start: str | None = None
    parser: str | None = None
    lexer: str | None = None
    indenter: str | None = None
    max_depth: int | None = None

    def given(self) -> dict[str, Any]:
        """Those that were given, by name."""
        values = dataclasses.asdict(self)
        return {name: value for name, value in values.items() if value is not None}

    def open(self, path_or_name: str) -> Constraint:
        """The grammar in a file, on standard input, or bundled."""
        from ..constraints import LarkGrammar

        if path_or_name == STANDARD:
            return self.read(read_text(STANDARD))
        return LarkGrammar.open(path_or_name, **self._options())

    def read(self, text: str) -> Constraint:
        """The grammar that is `text`."""
        from ..constraints import LarkGrammar

        return LarkGrammar(text, **self._options())

    def _options(self) -> dict[str, Any]:
        options = self.given()
        if "indenter" in options:
            options["postlex"] = options.pop("indenter")
            if options["postlex"] != "python":
                raise ConstrainedDiffusionError(
                    f'--indenter is "python", got {options["postlex"]!r}'
                )
        return options


@dataclass(frozen=True)
class ConstraintOptions:
    """What was given of the constraint options."""

    schema: str | None = None
    lark: str | None = None
    regex: str | None = None
    choice: tuple[str, ...] = ()
    template: str | None = None
    grammar: GrammarOptions = GrammarOptions()

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
                "state exactly one constraint, by --schema, --lark, --regex, --choice or "
                f"--template; got {found}"
            )
        if self.lark is None and self.grammar.given():
            name = next(iter(self.grammar.given())).replace("_", "-")
            raise ConstrainedDiffusionError(f"--{name} is for --lark only")
        if self.schema is not None:
            return JsonSchema(read_json(self.schema))
        if self.regex is not None:
            return Regex(self.regex)
        if self.choice:
            return Choice(self.choice)
        if self.lark is not None:
            return self.grammar.open(self.lark)
        assert self.template is not None
        return template_from_json(read_json(self.template))


def template_from_json(parts: Any) -> Constraint:
    """A template from a list of texts and holes.

    A hole is `{"hole": NAME, KIND: …}` with one KIND: "regex" (a pattern), "choice" (a list of
    texts), "schema" (a JSON schema), "lark" (as for --lark, or an object with that as
    "grammar", or the grammar itself as "text", and start, parser, lexer, indenter, max_depth),
    "text" (true, or an object with min_chars and max_chars).
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
                '"regex"|"choice"|"schema"|"lark"|"text": …}'
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
    if kind == "lark":
        return _hole_grammar(index, value)
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
        f"template part {index}: unknown kind {kind!r}; use regex, choice, schema, lark or text"
    )


def _hole_grammar(index: int, value: Any) -> Constraint:
    stated = {"grammar": value} if isinstance(value, str) else value
    names = [field.name for field in dataclasses.fields(GrammarOptions)]
    if not isinstance(stated, dict) or not stated.keys() <= {*names, "grammar", "text"}:
        raise ConstrainedDiffusionError(
            f"template part {index}: lark takes the name of a grammar, or an object with grammar "
            f"or text, and of {', '.join(names)}"
        )
    options = GrammarOptions(**{name: stated[name] for name in names if name in stated})
    sources = [name for name in ("grammar", "text") if isinstance(stated.get(name), str)]
    if len(sources) != 1:
        raise ConstrainedDiffusionError(
            f"template part {index}: a grammar is either grammar (a file or a bundled name) or text"
        )
    source = stated[sources[0]]
    return options.read(source) if sources == ["text"] else options.open(source)
