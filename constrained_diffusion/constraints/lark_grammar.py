"""The constraint that a Lark grammar states."""

from __future__ import annotations

import functools
import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import ConstrainedDiffusionError, GrammarError, InternalError, LimitError
from ..grammar_files import bundled_grammars, grammar_folder, settings_of
from .base import Constraint, Language, PushdownParts
from .lark import refusals
from .lark.imports import Imported, Importer, Replay, read_grammar
from .lark.loading import load, placed
from .lark.postlexers import Indentation, postlexer
from .lark.recent import RECENT

if TYPE_CHECKING:
    from ..pushdown.nesting import Nested
    from ..pushdown.reading import GrammarReading
    from ..vocabulary import Vocabulary

_LEXERS = {
    "lalr": ("auto", "contextual", "basic"),
    "earley": ("auto", "dynamic", "basic"),
}


@dataclass(frozen=True, init=False)
class LarkGrammar(Constraint):
    """Texts that Lark parses by a grammar: `Lark(text, …).parse(…)` decides what the language is.

    text: the grammar. `%import` finds Lark's library, the bundled grammars, `import_paths` and,
        where it is relative, files beside the importing one.
    start: the rule of whole texts.
    parser: "lalr", or "earley" for grammars that are not LALR(1).
    lexer: as for Lark: "contextual" (the default for lalr) or "basic"; "dynamic" for earley.
    import_paths: folders.
    max_depth: how deep recursion may nest in what is generated, which then is an automaton; None:
        decided by what fits, see `language`.
    postlex: "python", an `Indenter` of Lark (an instance or a class), or a `TokenTransducer`.
    never: terminals that the grammar declares (`%declare`) and that no text holds here.

    Imported files are read once, here; grammars are equal if they and what they import are.

    Raises GrammarError with line, column and what to change; LimitError where terminals or rules
    would multiply beyond bounds; ConstrainedDiffusionError for other options.
    """

    text: str
    start: str
    parser: str
    lexer: str
    max_depth: int | None
    postlex: Any
    never: tuple[str, ...]
    _imported: tuple[Imported, ...] = field(repr=False)
    import_paths: tuple[str, ...] = field(compare=False)
    source_path: str | None = field(compare=False)

    def __init__(
        self,
        text: str,
        *,
        start: str = "start",
        parser: str = "lalr",
        lexer: str = "auto",
        import_paths: Sequence[str | os.PathLike[str]] = (),
        max_depth: int | None = None,
        postlex: Any = None,
        never: Sequence[str] = (),
        source_path: str | None = None,
    ) -> None:
        """source_path: the file that `text` was read from, which relative imports look beside."""
        if not isinstance(text, str):
            raise ConstrainedDiffusionError(
                f"a grammar is a text, got {type(text).__name__}; LarkGrammar.open reads a file"
            )
        if parser not in _LEXERS:
            raise ConstrainedDiffusionError(f"parser is 'lalr' or 'earley', got {parser!r}")
        if lexer not in _LEXERS[parser]:
            raise ConstrainedDiffusionError(
                f"lexer is one of {', '.join(_LEXERS[parser])} for parser={parser!r}, got {lexer!r}"
            )
        if not isinstance(start, str):
            raise ConstrainedDiffusionError(f"start is the name of a rule, got {start!r}")
        if max_depth is not None and (
            not isinstance(max_depth, int) or isinstance(max_depth, bool) or max_depth < 1
        ):
            raise ConstrainedDiffusionError(
                f"max_depth is a whole number from 1 on, got {max_depth!r}"
            )
        if isinstance(import_paths, (str, os.PathLike)):
            import_paths = (import_paths,)
        paths = tuple(os.fspath(path) for path in import_paths)
        importer = Importer(paths)
        between = postlexer(postlex)
        unmade = (never,) if isinstance(never, str) else tuple(never)
        key = (text, paths, source_path, start, parser, lexer, between, unmade)
        lark = RECENT.get(key, importer)
        if lark is None:
            importer = Importer(paths)
            lark = load(
                text,
                importer,
                source_path=source_path,
                start=start,
                parser=parser,
                lexer=lexer,
                postlex=between,
                never=unmade,
            )
            RECENT.put(key, lark, tuple(importer.found))
        for name, value in (
            ("text", text),
            ("start", start),
            ("parser", parser),
            ("lexer", lexer),
            ("max_depth", max_depth),
            ("postlex", between),
            ("never", unmade),
            ("_imported", tuple(importer.loaded)),
            ("import_paths", paths),
            ("source_path", source_path),
        ):
            object.__setattr__(self, name, value)
        self.__dict__["lark"] = lark

    @classmethod
    def open(
        cls,
        path_or_name: str | os.PathLike[str],
        *,
        start: str | None = None,
        parser: str | None = None,
        lexer: str | None = None,
        import_paths: Sequence[str | os.PathLike[str]] = (),
        max_depth: int | None = None,
        postlex: Any = None,
        never: Sequence[str] = (),
    ) -> LarkGrammar:
        """The grammar in a file, or the bundled one of that name ("json", "python", …).

        A bundled grammar brings its own settings; what is given here goes before them.

        Raises OSError where the file cannot be read, and what `LarkGrammar` raises.
        """
        path = os.fspath(path_or_name)
        settings = settings_of("")
        if path in bundled_grammars():
            settings = settings_of(path)
            path = str(grammar_folder() / f"{path}.lark")
        elif not Path(path).exists() and Path(path).name == path and "." not in path:
            raise GrammarError(
                f"there is no file and no bundled grammar {path!r}; the bundled ones are "
                f"{', '.join(bundled_grammars())}"
            )
        return cls(
            read_grammar(path),
            start=settings.start if start is None else start,
            parser=settings.parser if parser is None else parser,
            lexer=settings.lexer if lexer is None else lexer,
            import_paths=import_paths,
            max_depth=max_depth,
            postlex=settings.postlex if postlex is None else postlex,
            never=never,
            source_path=os.path.abspath(path),
        )

    @functools.cached_property
    def lark(self) -> Any:
        """The `lark.Lark` that decides: of the texts that were read when this was made."""
        return load(
            self.text,
            Replay(self._imported),
            source_path=None,
            start=self.start,
            parser=self.parser,
            lexer=self.lexer,
            postlex=self.postlex,
            never=self.never,
        )

    def __getstate__(self) -> dict[str, Any]:
        # Lark's object holds code and can be made again.
        return {name: value for name, value in self.__dict__.items() if name != "lark"}

    @property
    def reading(self) -> GrammarReading:
        """The grammar in numbers, for the pushdown engine; the same object for equal grammars.

        Raises GrammarError where something in it cannot be honoured, LimitError.
        """
        return _reading(self)

    def language(self, capacity: int | None = None) -> Language:
        """The texts as an automaton, with recursion bounded by `max_depth`.

        What is counted are brackets and other recursion that is open at a time; `bounds` names it.
        Left recursion and repetition by * and + are not bounded. Without max_depth: all texts,
        where nothing needs a bound, or those up to the greatest depth of 3 to 8 whose automaton is
        small (`pushdown.nesting`).

        Raises LimitError where that is too large. (`compile` then uses the pushdown engine, unless
        max_depth was given.) GrammarError where something in the grammar cannot be honoured.
        """
        found = _nested(self)
        if found is None:
            raise LimitError(
                "this grammar makes no automaton of a reasonable size, which &, | and ~ need; "
                "give max_depth (1 or 2, say), or use it by itself or in a Template"
            )
        return Language(found.automaton, found.bounds)

    def compile_for(self, vocabulary: Vocabulary, *, length: int, canvases: int) -> Any:
        try:
            return super().compile_for(vocabulary, length=length, canvases=canvases)
        except GrammarError as error:
            raise placed(error, self.text, _terminals(self)) from None

    def pushdown_parts(self, capacity: int | None = None) -> PushdownParts | None:
        if _nested(self) is not None:
            return None
        return PushdownParts((self.reading,), self.reading.bounds)

    def accepts_beyond(self, text: str) -> bool:
        """Whether Lark accepts a text that generation leaves out: one that nests deeper, say."""
        found = _nested(self)
        bounds = self.reading.bounds if found is None else found.bounds
        return bool(bounds) and refusals.accepted(self.lark, text)

    def parse(self, text: str) -> Any:
        """Lark's tree of an accepted text.

        Raises InternalError where Lark refuses a text that was generated by this constraint: that
        must never happen, and the message says how to make it happen again.
        """
        try:
            return self.lark.parse(text)
        except refusals.refusing() as error:
            raise InternalError(
                "Lark refuses a text that was generated from its grammar. This must never happen; "
                f"please report it with this: grammar {self.digest}, start={self.start!r}, "
                f"parser={self.parser!r}, lexer={self.lexer!r}, postlex={self.postlex!r}, "
                f"never={self.never!r}, text {text!r}; {self.refusal(text)}"
            ) from error

    def refusal(self, text: str) -> str | None:
        return refusals.refusal(self.lark, text, self._made)

    @property
    def digest(self) -> str:
        """A short hash of the grammar and all that it imports."""
        whole = repr((self.text, self._imported)).encode("utf-8", "surrogatepass")
        return hashlib.sha256(whole).hexdigest()[:16]

    @property
    def _made(self) -> dict[str, str]:
        """In words, the terminals that a post-lexer makes."""
        if not isinstance(self.postlex, Indentation):
            return {}
        return {self.postlex.indent: "an indented line", self.postlex.dedent: "a line further left"}


@functools.lru_cache(maxsize=32)
def _reading(grammar: LarkGrammar) -> GrammarReading:
    from ..pushdown.reading import read

    postlex = grammar.postlex
    if isinstance(postlex, Indentation):
        postlex = postlex.indenter()
    try:
        return read(grammar.lark, filter=postlex, never=grammar.never)
    except GrammarError as error:
        raise placed(error, grammar.text) from None


@functools.lru_cache(maxsize=32)
def _nested(grammar: LarkGrammar) -> Nested | None:
    """The automaton of a grammar; None where the pushdown engine takes it."""
    from ..pushdown.nesting import deepest_within, nested

    try:
        if grammar.max_depth is not None:
            return nested(grammar.reading, grammar.max_depth)
        return deepest_within(grammar.reading)
    except GrammarError as error:
        raise placed(error, grammar.text, _terminals(grammar)) from None


def _terminals(grammar: LarkGrammar) -> dict[str, str]:
    """The names of terminals by their patterns."""
    reading = grammar.reading
    return {
        pattern: name
        for name, pattern in zip(reading.titles, reading.patterns, strict=True)
        if pattern is not None
    }
