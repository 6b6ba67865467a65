"""The terminals of a Lark grammar: their numbers, patterns, and what becomes of them."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field

import lark
from lark.lexer import TerminalDef

from ...errors import GrammarError, LimitError
from ..lexing.program import Program
from ..lexing.specification import TerminalPattern
from ..tables import FED, IGNORED, REFUSED
from . import costs
from .backreferences import Expansion, expanded, refers_by_number
from .places import place_of, refuse, shown

END = "$END"

_FLAG_LETTERS = {re.A: "a", re.I: "i", re.M: "m", re.S: "s", re.X: "x"}
_CHANGING = re.A | re.I | re.M | re.S | re.X
_GLOBAL_FLAGS = re.compile(r"\(\?[aiLmsux]+\)")


@dataclass
class Terminals:
    """Terminals by number: Lark's own, those that post-lexers make, `$END`, then derived ones.

    A derived terminal is a copy, or what is left of a terminal that refers back to itself. A copy
    is fed to the parser where its original is ignored: as the new name of another one's match, or
    where the dynamic lexer both expects and ignores it.
    """

    lark: lark.Lark
    alone: bool
    """Whether each pattern is matched by itself (the dynamic lexer)."""
    names: list[str] = field(default_factory=list)
    number: dict[str, int] = field(default_factory=dict)
    patterns: list[str | None] = field(default_factory=list)
    fates: list[int] = field(default_factory=list)
    examples: list[str | None] = field(default_factory=list)
    originals: dict[int, int | None] = field(default_factory=dict)
    """For a derived terminal the one that it stands for in the parser, None if for none."""
    rests: dict[int, str] = field(default_factory=dict)
    """For a terminal, what else it might match, as a pattern; such texts are refused."""
    bounds: list[str] = field(default_factory=list)

    @property
    def end(self) -> int:
        """The number of `$END`."""
        return self.number[END]

    def titles(self) -> tuple[str, ...]:
        """What messages call the terminals, by number."""
        return tuple(shown(self.lark, name) for name in self.names)

    def alternatives(self, name: str) -> list[TerminalPattern]:
        """What a lexer looks for where Lark looks for a terminal, in order."""
        number = self.number[name]
        result = [self.alternative(number)]
        if number in self.rests:
            rest = self._derived(name, REFUSED, None, self.rests[number], None)
            result.append(self.alternative(rest))
        return result

    def alternative(self, number: int) -> TerminalPattern:
        """A terminal and its pattern."""
        pattern = self.patterns[number]
        assert pattern is not None
        return TerminalPattern(number, pattern)

    def copy_of(self, original: int) -> int:
        """The number under which an ignored terminal is fed to the parser."""
        name, pattern = self.names[original], self.patterns[original]
        return self._derived(name, FED, self.examples[original], pattern, original)

    def _derived(
        self, name: str, fate: int, example: str | None, pattern: str | None, original: int | None
    ) -> int:
        for number, source in self.originals.items():
            if source == original and self.patterns[number] == pattern:
                return number
        number = self.add(name, fate, example, pattern)
        self.originals[number] = original
        return number

    def add(self, name: str, fate: int, example: str | None, pattern: str | None) -> int:
        """A new number."""
        self.names.append(name)
        self.fates.append(fate)
        self.examples.append(example)
        self.patterns.append(pattern)
        return len(self.names) - 1

    def load(self, terminal: TerminalDef, ignored: Collection[str]) -> None:
        """Numbers one of Lark's terminals."""
        name = terminal.name
        regexp = terminal.pattern.to_regexp()
        title = shown(self.lark, name)
        if terminal.pattern.min_width == 0:
            refuse(
                self.lark, name,
                f"terminal {title} can match the empty text; let it match at least one character, "
                "and make it optional where it is used",
            )  # fmt: skip
        if not self.alone and _GLOBAL_FLAGS.match(regexp):
            refuse(
                self.lark, name,
                f"terminal {title} sets flags for the whole lexer; write them after the pattern, "
                "/.../i",
            )  # fmt: skip
        fate = IGNORED if name in ignored else FED
        rest: str | None = None
        flags = self.lark.options.g_regex_flags
        if not self.alone and refers_by_number(regexp):
            refuse(
                self.lark, name,
                f"terminal {title} refers to a group by its number, and Lark numbers the groups of "
                "all terminals together; name the group: (?P<name>...) and (?P=name)",
            )  # fmt: skip
        expansion = expanded(regexp, flagged=bool(flags & _CHANGING))
        if expansion is not None:
            if expansion.refused is not None:
                self.bounds.append(_backreference_bound(title, expansion))
            if expansion.fed is None:
                assert expansion.refused is not None
                regexp, fate = expansion.refused, REFUSED
            else:
                regexp, rest = expansion.fed, expansion.refused
        regexp = _flagged(regexp, flags)
        example = self._example(name, title, regexp, fate)
        number = self.number[name] = self.add(name, fate, example, regexp)
        if rest is not None:
            self.rests[number] = _flagged(rest, flags)

    def _example(self, name: str, title: str, regexp: str, fate: int) -> str | None:
        """A shortest match. Raises where the pattern cannot be honoured."""
        prefix = f"terminal pattern /{regexp}/: "
        try:
            text = costs.shortest_match(regexp)
            Program().terminal(0, regexp)
        except GrammarError as error:
            place = place_of(self.lark, name)
            # The messages of the regular expression, without their own names and places.
            reason = str(error).removeprefix(prefix)
            reason = reason.removesuffix(f" (line {error.line}, column {error.column})")
            where = f" at character {error.column} of" if error.column is not None else ""
            raise GrammarError(
                f"terminal {title} cannot be honoured: {reason};{where} /{regexp}/",
                *(place if place is not None else ()),
            ) from None
        except LimitError as error:
            raise LimitError(f"terminal {title}: {str(error).removeprefix(prefix)}") from None
        return None if fate == REFUSED else text


def _backreference_bound(title: str, expansion: Expansion) -> str:
    what = (
        f"terminal {title} repeats a text that it matched before (a backreference), which no lexer "
        "of finite memory can check"
    )
    if expansion.fed is None:
        return f"{what}: texts with it are left out"
    return f"{what}: it is written with {' or '.join(expansion.texts)} only"


def terminals_of(
    lark_object: lark.Lark, made: Collection[str], never: Collection[str], *, alone: bool
) -> Terminals:
    """Numbers the terminals of a grammar.

    Args:
        made: the terminals that its post-lexer makes.
        never: declared terminals that nothing makes, which is meant so.
        alone: whether each pattern is matched by itself.

    Raises:
        GrammarError: a terminal that cannot be honoured, or one that is declared and never made.
    """
    result = Terminals(lark_object, alone)
    defined = {terminal.name: terminal for terminal in lark_object.terminals}
    for terminal in defined.values():
        result.load(terminal, lark_object.lexer_conf.ignore)
    used = {
        symbol.name: None
        for rule in lark_object.rules
        for symbol in rule.expansion
        if symbol.is_term and symbol.name not in defined
    }
    for name in used:
        if name not in made and name not in never:
            refuse(
                lark_object, name,
                f"terminal {name} is declared (%declare) and no post-lexer makes it; define it, "
                "or give a post-lexer (an Indenter or a TokenTransducer) that makes it",
            )  # fmt: skip
    for name in (*used, *sorted(set(made) - set(used) - set(defined))):
        result.number[name] = result.add(name, FED, "" if name in made else None, None)
    result.number[END] = result.add(END, FED, "", None)
    return result


def _flagged(regexp: str, flags: int) -> str:
    """The pattern with the grammar's global flags set for all of it."""
    if flags & re.LOCALE:
        raise GrammarError("the flag re.LOCALE makes terminals depend on the machine; remove it")
    letters = "".join(letter for flag, letter in _FLAG_LETTERS.items() if flags & flag)
    # A comment of a verbose pattern ends with the line.
    return f"(?{letters}:{regexp}{chr(10) if flags & re.X else ''})" if letters else regexp
