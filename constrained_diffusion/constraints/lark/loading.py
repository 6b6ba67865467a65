"""A grammar as Lark's own compiled object: that decides what the language is."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from ...errors import ConstrainedDiffusionError, GrammarError
from .expansion import check_rules, check_terminals
from .imports import Importer, Replay
from .messages import grammar_error
from .places import Places
from .postlexers import for_lark


def load(
    text: str,
    loader: Importer | Replay,
    *,
    source_path: str | None,
    start: str,
    parser: str,
    lexer: str,
    postlex: Any,
    never: Sequence[str],
) -> Any:
    """The `lark.Lark` of a grammar.

    loader: finds what it imports. source_path: the file that relative imports are relative to.
    postlex: an Indentation, a TokenTransducer or None. never: terminals that nothing makes.

    Raises GrammarError with line and column, LimitError where Lark would run out of time.
    """
    from lark import Lark
    from lark.load_grammar import GrammarBuilder

    from .bounded_parser import BoundedParser

    try:
        check_terminals(text)
        builder = GrammarBuilder(False, [loader])
        builder.load_grammar(text, source_path or "<string>")
        grammar = builder.build()
        check_rules(grammar)
        _check_start(grammar, start, text)
        lark = Lark(
            grammar,
            start=start,
            parser=parser,
            lexer=lexer,
            postlex=for_lark(postlex),
            source_path=source_path,
            _plugins={"LALR_Parser": BoundedParser},
        )
    except ConstrainedDiffusionError as error:
        if isinstance(error, GrammarError) and error.line is None:
            raise grammar_error(error, text, _loaded(loader)) from None
        raise
    # Whatever Lark stumbles over is in the grammar, which is the caller's.
    except Exception as error:
        raise grammar_error(error, text, _loaded(loader)) from None
    # Its tables are those of Lark's own parser; to others this is an ordinary object.
    lark.options.options["_plugins"] = {}
    # Lark keeps this only where it read the text itself; whoever tells places needs it.
    lark.source_grammar = text
    made = frozenset() if postlex is None else postlex.made
    _check_declared(lark, made | frozenset(never), text)
    _check_not_empty(lark.rules, start, text)
    return lark


def placed(
    error: GrammarError, text: str, terminals: Mapping[str, str] = MappingProxyType({})
) -> GrammarError:
    """The error with the place of the terminal that it is about, and its name.

    terminals: names (or literals as they are written) by pattern, of which the message has one.
    """
    if error.line is not None:
        return error
    places = Places(text)
    message = str(error)
    name = next((terminals[pattern] for pattern in terminals if f"/{pattern}/" in message), None)
    if name is None:
        place = None
        for word in re.findall(r"\w+", message):
            place = place or places.definition(word)
    else:
        place = places.literal(name) or places.name(name)
        message = f"terminal {name}: {message}"
    return GrammarError(message, *(place or places.statement(r"\S") or (1, 1)))


def _loaded(loader: Importer | Replay) -> Sequence[tuple[str, str]]:
    return loader.loaded if isinstance(loader, Importer) else ()


def _check_start(grammar: Any, start: str, text: str) -> None:
    names = [name for name, params, _, _ in grammar.rule_defs if not params]
    if start not in names:
        known = ", ".join(name for name in names if "__" not in name)[:200] or "none"
        place = Places(text).statement(r"\S") or (1, 1)
        raise GrammarError(
            f"there is no rule {start!r} to start from; define it, or name another by start= "
            f"(the rules are {known})",
            *place,
        )


def _check_declared(lark: Any, made: frozenset[str], text: str) -> None:
    """Raises GrammarError where a rule needs a terminal that nothing makes."""
    known = {terminal.name for terminal in lark.terminals} | made
    for rule in lark.rules:
        for symbol in rule.expansion:
            if symbol.is_term and symbol.name not in known:
                places = Places(text)
                place = places.statement(rf"%declare\b[^\n]*?\b({symbol.name})\b")
                raise GrammarError(
                    f"the terminal {symbol.name} is declared, but no post-lexer makes it; define "
                    'it, give the post-lexer (postlex="python" or --indenter python makes _INDENT '
                    "and _DEDENT), or name it in never= if no text is to hold it",
                    *(place or places.definition(rule.origin.name) or (None, None)),
                )


def _check_not_empty(rules: Sequence[Any], start: str, text: str) -> None:
    """Raises GrammarError where every text of the start rule would be infinite."""
    # Each symbol of a rule is looked at once (as in unit propagation).
    finite: set[str] = set()
    missing = [len([symbol for symbol in rule.expansion if not symbol.is_term]) for rule in rules]
    users: dict[str, list[int]] = {}
    for number, rule in enumerate(rules):
        for symbol in rule.expansion:
            if not symbol.is_term:
                users.setdefault(symbol.name, []).append(number)
    waiting = [number for number, count in enumerate(missing) if count == 0]
    while waiting:
        name = rules[waiting.pop()].origin.name
        if name not in finite:
            finite.add(name)
            for number in users.get(name, ()):
                missing[number] -= 1
                if missing[number] == 0:
                    waiting.append(number)
    if start in finite:
        return
    origin = _endless(rules, finite, start)
    raise GrammarError(
        f"no text satisfies the rule {start}: the rule {origin} never ends, since each of its "
        "alternatives needs a rule that never ends; add an alternative without recursion",
        *(Places(text).definition(origin) or (None, None)),
    )


def _endless(rules: Sequence[Any], finite: set[str], start: str) -> str:
    """A rule that never ends since it comes back to itself, not for another rule's sake."""
    used: dict[str, set[str]] = {}
    for rule in rules:
        if rule.origin.name not in finite:
            names = {symbol.name for symbol in rule.expansion if not symbol.is_term} - finite
            used.setdefault(rule.origin.name, set()).update(names)
    for name in used:
        waiting, seen = [name], set[str]()
        while waiting:
            for part in used[waiting.pop()] - seen:
                seen.add(part)
                waiting.append(part)
        if name in seen:
            return name
    return start
