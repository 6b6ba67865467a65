"""What stands between Lark's lexer and its parser, as values that compare."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ...errors import ConstrainedDiffusionError, GrammarError

_OWN = ("process", "_process", "handle_NL", "always_accept")


@dataclass(frozen=True)
class Indentation:
    """Indents and dedents as tokens, as `lark.indenter.Indenter` makes them.

    newline: the terminal of line ends with the blanks after them; indent, dedent: the terminals
        that are made; opening, closing: brackets, inside of which lines do not count.
    tab_length: columns of a tab.
    """

    newline: str
    indent: str
    dedent: str
    opening: tuple[str, ...] = ()
    closing: tuple[str, ...] = ()
    tab_length: int = 8

    @property
    def made(self) -> frozenset[str]:
        """The terminals that the lexer does not find but this makes."""
        return frozenset((self.indent, self.dedent))

    def indenter(self) -> Any:
        """A `lark.indenter.Indenter` that does this."""
        from lark.indenter import Indenter

        return type("Indentation", (Indenter,), self._attributes())()

    def _attributes(self) -> dict[str, Any]:
        return {
            "NL_type": self.newline,
            "INDENT_type": self.indent,
            "DEDENT_type": self.dedent,
            "OPEN_PAREN_types": list(self.opening),
            "CLOSE_PAREN_types": list(self.closing),
            "tab_len": self.tab_length,
        }


def for_lark(postlex: Any) -> Any:
    """The post-lexer that Lark is given for an Indentation, a TokenTransducer or None."""
    if not isinstance(postlex, Indentation):
        return postlex
    from lark.indenter import DedentError, Indenter

    class Placed(Indenter):
        """Serves several parses at once, and tells where a dedent is wrong."""

        def process(self, stream: Any) -> Iterator[Any]:
            fresh: Any = type(self)()
            tokens: Iterator[Any] = fresh._process(stream)
            return tokens

        def handle_NL(self, token: Any) -> Iterator[Any]:
            try:
                yield from super().handle_NL(token)
            except DedentError as error:
                error.args = (*error.args, token)
                raise

    return type("Indentation", (Placed,), postlex._attributes())()


PYTHON = Indentation(
    newline="_NEWLINE",
    indent="_INDENT",
    dedent="_DEDENT",
    opening=("LPAR", "LSQB", "LBRACE"),
    closing=("RPAR", "RSQB", "RBRACE"),
)
"""As `lark.indenter.PythonIndenter`."""


def indentation_of(indenter: Any) -> Indentation:
    """The value that stands for an instance or subclass of `lark.indenter.Indenter`.

    Raises GrammarError where it overrides what an Indenter does: that is code, not a value.
    """
    from lark.indenter import Indenter

    kind = indenter if isinstance(indenter, type) else type(indenter)
    changed = [name for name in _OWN if getattr(kind, name) is not getattr(Indenter, name)]
    if changed:
        raise GrammarError(
            f"the post-lexer {kind.__name__} overrides {', '.join(changed)} of Lark's Indenter, so "
            "what it does is not known here; set its attributes only, or state the post-lexer as a "
            "TokenTransducer"
        )
    instance = indenter() if isinstance(indenter, type) else indenter
    return Indentation(
        newline=str(instance.NL_type),
        indent=str(instance.INDENT_type),
        dedent=str(instance.DEDENT_type),
        opening=tuple(instance.OPEN_PAREN_types),
        closing=tuple(instance.CLOSE_PAREN_types),
        tab_length=int(instance.tab_len),
    )


def postlexer(value: Any) -> Any:
    """`value` as Indentation, TokenTransducer or None.

    value: None, "python", an instance or subclass of `lark.indenter.Indenter`, or one of the
    results. Raises GrammarError for post-lexers of other kinds.
    """
    if value is None or isinstance(value, Indentation):
        return value
    if isinstance(value, str):
        if value == "python":
            return PYTHON
        raise ConstrainedDiffusionError(
            f'postlex is "python", an Indenter of Lark or a TokenTransducer, got {value!r}'
        )
    from lark.indenter import Indenter

    from ...pushdown.reading import TokenTransducer

    if isinstance(value, TokenTransducer):
        return value
    if isinstance(value, Indenter) or (isinstance(value, type) and issubclass(value, Indenter)):
        return indentation_of(value)
    raise GrammarError(
        f"the post-lexer {_name(value)} is Python code whose effect on a text is not known here; "
        "use an Indenter of Lark, or state what it does as a TokenTransducer"
    )


def _name(value: Any) -> str:
    return value.__name__ if isinstance(value, type) else type(value).__name__
