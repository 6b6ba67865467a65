"""Bounds on what Lark would make of a grammar, found before it makes it.

Lark copies terminals into the terminals that use them, multiplies out optional parts of rules, and
makes a rule for every use of a template: few lines can ask for more than any machine holds.
"""

from __future__ import annotations

import re
from typing import Any

from ...errors import GrammarError, LimitError
from .places import Places

MAX_PATTERN = 50_000
"""Characters of the regular expression of one terminal."""

MAX_TERMINAL_DEPTH = 100
"""Terminals that use terminals that use terminals …"""

MAX_ALTERNATIVES = 5_000
"""Alternatives of all rules, once optional parts are multiplied out."""

MAX_INSTANCES = 2_000
"""Uses of templates with different arguments."""

_NAME = re.compile(r"[A-Z_][A-Z_0-9]*")

_LARGE_REPEAT = 50
"""From here on Lark splits a repetition over several rules."""


def check_terminals(text: str) -> None:
    """Raises LimitError where a terminal of the grammar `text` would become too long, GrammarError
    where one is defined by itself. Imported terminals count as one character."""
    places = Places(text)
    definitions = places.terminals()
    used = {
        name: [word for word in _NAME.findall(body) if word in definitions]
        for name, body in definitions.items()
    }
    sizes: dict[str, int] = {}
    for first in definitions:
        path = [(first, iter(used[first]))]
        around = {first}
        while path:
            name, rest = path[-1]
            part = next((word for word in rest if word not in sizes), None)
            if part is None:
                path.pop()
                around.discard(name)
                sizes[name] = len(definitions[name]) + sum(sizes[word] for word in used[name])
                if sizes[name] > MAX_PATTERN:
                    raise LimitError(
                        f"the regular expression of the terminal {name} would have more than "
                        f"{MAX_PATTERN:,} characters, since terminals are copied into the "
                        "terminals that use them; turn some of them into rules"
                    )
            elif part in around:
                raise GrammarError(
                    f"the terminal {part} is defined by itself; only rules may be: write it in "
                    "lower case, or repeat by * and +",
                    *(places.definition(part) or (None, None)),
                )
            elif len(path) >= MAX_TERMINAL_DEPTH:
                raise LimitError(
                    f"the terminal {first} uses terminals that use terminals, to more than "
                    f"{MAX_TERMINAL_DEPTH} levels; turn some of them into rules"
                )
            else:
                around.add(part)
                path.append((part, iter(used[part])))


def check_rules(grammar: Any) -> None:
    """Raises LimitError where the rules of a `lark.load_grammar.Grammar` would multiply."""
    total = 0
    for name, _, tree, _ in grammar.rule_defs:
        total += 0 if tree is None else _alternatives(tree)
        if total > MAX_ALTERNATIVES:
            raise LimitError(
                f"the rules up to {name} have more than {MAX_ALTERNATIVES:,} alternatives once "
                "optional and repeated parts are multiplied out; give such parts rules of their own"
            )
    _check_templates(grammar)


def _alternatives(tree: Any) -> int:
    """How many alternatives without brackets a part of a rule becomes."""
    if not hasattr(tree, "data"):
        return 1
    children = tree.children
    if tree.data == "expansions":
        count = sum(map(_alternatives, children))
    elif tree.data == "expansion":
        count = 1
        for child in children:
            count = min(count * _alternatives(child), MAX_ALTERNATIVES + 1)
    elif tree.data == "alias":
        count = _alternatives(children[0])
    elif tree.data == "maybe":
        count = 1 + sum(map(_alternatives, children))
    elif tree.data == "expr":
        count = _repeated(_alternatives(children[0]), str(children[1]), children[2:])
    else:
        count = 1
    return min(count, MAX_ALTERNATIVES + 1)


def _repeated(inner: int, operator: str, bounds: list[Any]) -> int:
    if operator == "?":
        return inner + 1
    if operator != "~":
        # The repetition becomes a rule of twice as many alternatives.
        return 2 if 2 * inner <= MAX_ALTERNATIVES else MAX_ALTERNATIVES + 1
    low, high = int(bounds[0]), int(bounds[-1])
    if high >= _LARGE_REPEAT:
        return 2 if inner == 1 else int(min(inner**9, MAX_ALTERNATIVES + 1))
    count = 0
    for times in range(max(low, 0), high + 1):
        count += int(min(inner**times, MAX_ALTERNATIVES + 1))
    return count


def _check_templates(grammar: Any) -> None:
    """Instantiates the templates by name alone, as Lark does."""
    templates = {name: (params, tree) for name, params, tree, _ in grammar.rule_defs if params}
    if not templates:
        return
    numbers: dict[tuple[Any, ...], int] = {}
    sizes: list[int] = []
    waiting: list[tuple[str, tuple[int, ...]]] = []

    def number_of(key: tuple[Any, ...], size: int) -> int:
        if key not in numbers:
            numbers[key] = len(numbers)
            sizes.append(size)
        return numbers[key]

    def argument(value: Any, given: dict[str, int]) -> int:
        if hasattr(value, "data"):
            if value.data == "template_usage":
                return use(value, given)
            if len(value.children) == 1:
                return argument(value.children[0], given)
            return number_of((str(value),), 1)
        name = str(getattr(value, "name", value))
        return given[name] if name in given else number_of((name,), 1)

    def use(usage: Any, given: dict[str, int]) -> int:
        name = str(usage.children[0].name)
        arguments = tuple(argument(child, given) for child in usage.children[1:])
        key = (name, *arguments)
        if key not in numbers:
            waiting.append((name, arguments))
        size = 1 + sum(sizes[number] for number in arguments)
        if len(numbers) > MAX_INSTANCES or size > MAX_PATTERN:
            raise LimitError(
                f"the template {name} is used with more than {MAX_INSTANCES:,} different "
                "arguments, or in itself without end; write its uses as rules"
            )
        return number_of(key, size)

    for _, params, tree, _ in grammar.rule_defs:
        if not params and tree is not None:
            for usage in tree.find_data("template_usage"):
                use(usage, {})
    while waiting:
        name, arguments = waiting.pop()
        if name in templates:
            params, tree = templates[name]
            given = dict(zip(params, arguments, strict=False))
            for usage in tree.find_data("template_usage"):
                use(usage, given)
