"""What is wrong with a grammar: Lark's exceptions as GrammarError with place and advice."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from ...errors import GrammarError
from .imports import Imported, MissingImportError
from .places import Place, Places, source_name

_Described = tuple[str, "Place | None"]


def grammar_error(error: Exception, text: str, imported: Sequence[Imported]) -> GrammarError:
    """The GrammarError that tells what `error`, raised while Lark loaded `text`, means.

    imported: what was loaded before the error, in order: a syntax error is in the last one.
    """
    # Lark wraps what is raised while it transforms a tree.
    error = getattr(error, "orig_exc", error)
    places = Places(text)
    if isinstance(error, MissingImportError):
        path = re.escape(error.asked.removesuffix(".lark").replace("/", ".").replace("\\", "."))
        place = places.statement(rf"%import\s+\.?{path}(?!\w)")
        return _at(f"{error}; correct the name, or give the folder in import_paths", place)
    if isinstance(error, GrammarError):
        return _at(str(error), places.statement("%import"))
    if isinstance(error, RecursionError):
        return GrammarError("the grammar is nested too deeply; give parts of it names", 1, 1)
    syntax = _syntax_error(error)
    if syntax is not None:
        message, place = syntax
        if imported:
            asked, _ = imported[-1]
            path = re.escape(asked.removesuffix(".lark").replace("/", "."))
            where = f", line {place.line}, column {place.column} of it" if place else ""
            place = places.statement(rf"%import\s+\.?{path}(?!\w)") or places.statement("%import")
            message = f"the imported grammar {asked} is no Lark grammar: {message}{where}"
        else:
            message = f"not a Lark grammar: {message}"
        return _at(message, place)
    words = str(error.args[0]) if error.args else str(error)
    for pattern, describe in _KNOWN:
        match = re.match(pattern, words, re.S)
        if match is not None:
            return _at(*describe(match, places, error))
    return _at(*_other(words, places, error))


def _at(message: str, place: Place | None) -> GrammarError:
    return GrammarError(message, *(place or (None, None)))


def _syntax_error(error: Exception) -> _Described | None:
    from lark.exceptions import UnexpectedInput

    if isinstance(error, UnexpectedInput):
        place = Place(int(error.line), int(error.column))
        token = getattr(error, "token", None)
        found = "unexpected input" if token is None else f"unexpected {str(token)!r}"
        return f"{found}; look for a missing colon, bracket or quote before it", place
    words = str(error)
    match = re.match(r"Unexpected input at line (\d+) column (\d+) in [^\n]*\n\n([^\n]*)", words)
    if match is not None:
        place = Place(int(match[1]), int(match[2]))
        caret = words.split("\n")[-2].find("^")
        character = match[3][caret : caret + 1] or "the end of the line"
        advice = "close the string on the same line" if character == '"' else "quote it"
        if character == "/":
            advice = "close the regular expression"
        return f"unexpected {character!r}; {advice}", place
    match = re.match(r"(.*), at line (\d+) column (\d+)\n", words)
    if match is not None:
        return match[1][:1].lower() + match[1][1:], Place(int(match[2]), int(match[3]))
    return None


def _undefined(match: re.Match[str], places: Places, error: Exception) -> _Described:
    name, user = match["name"], match["user"]
    kind = "terminal" if name.strip("_").isupper() else "rule"
    place = places.use(name, user) or places.name(name)
    if place is None:
        # The names of an imported grammar begin with its own.
        prefix = re.escape(name.partition("__")[0])
        place = places.statement(rf"%import\s+\.?{prefix}(?!\w)")
    return (
        f"the {kind} {name} is used (in {user}) but not defined; define it, import it or correct "
        "its name",
        place,
    )


def _undefined_terminal(match: re.Match[str], places: Places, error: Exception) -> _Described:
    return (
        f"the terminal {match['name']} is used but not defined; define it, import it or correct "
        "its name",
        places.use(match["name"]) or places.name(match["name"]),
    )


def _collision(match: re.Match[str], places: Places, error: Exception) -> _Described:
    first = str(error).split("\n\n")[0]
    terminal = re.search(r"collision in (?:Terminal\('(.*)'\)|(\S+)) between", first)
    rules = re.findall(r"\n\t- <(.*?)>(?=\n|$)", first)
    name = (terminal[1] or terminal[2]) if terminal else "?"
    before = "the end of the text" if name == "$END" else name
    defined = [places.definition(rule.partition(" ")[0]) for rule in rules]
    return (
        f"LALR conflict: before {before} the text so far could be read by more than one rule: "
        f"{'; '.join(sorted(rules))}. Rewrite the rules so that one fits, give one of them a "
        'priority (as in "rule.2: …"), or use parser="earley"',
        min((place for place in defined if place is not None), default=None),
    )


def _defined_twice(match: re.Match[str], places: Places, error: Exception) -> _Described:
    rules = re.findall(r"\* <(.*?)>(?=\n|$)", str(error))
    rule = rules[0] if rules else "?"
    origin = rule.partition(" ")[0]
    return (
        f"two alternatives of {source_name(origin)} are the same ({rule}), perhaps since optional "
        "parts were left out; drop one, or make the optional parts differ",
        places.definition(origin),
    )


def _zero_width(match: re.Match[str], places: Places, error: Exception) -> _Described:
    name = match["name"] if "name" in match.groupdict() else getattr(error.args[1], "name", "?")
    place = places.definition(name)
    shown = f"the terminal {name}"
    if place is None:
        from lark.utils import get_regexp_width

        for literal in places.literals:
            if literal.text.startswith("/"):
                pattern = literal.text[1 : literal.text.rindex("/")]
                try:
                    empty = get_regexp_width(pattern)[0] == 0
                except (ValueError, re.error, ImportError):
                    continue
                if empty:
                    place, shown = places.at(literal.offset), f"the terminal {literal.text}"
                    break
    return (
        f"{shown} matches the empty text; require a character in it (+ for *) and make it "
        "optional where it is used",
        place or places.name(name),
    )


def _bad_pattern(match: re.Match[str], places: Places, error: Exception) -> _Described:
    return _broken_literal(places) or (
        f"the terminal {match['name']} is no regular expression of Python",
        places.name(match["name"]),
    )


def _broken_literal(places: Places) -> _Described | None:
    for literal in places.literals:
        if literal.text.startswith("/"):
            pattern = literal.text[1 : literal.text.rindex("/")]
            try:
                re.compile(pattern)
            except (re.error, OverflowError, RecursionError) as error:
                return (
                    f"{literal.text} is no regular expression of Python: {error}; correct it",
                    places.at(literal.offset),
                )
    return None


def _literal(advice: str) -> Callable[[re.Match[str], Places, Exception], _Described]:
    def describe(match: re.Match[str], places: Places, error: Exception) -> _Described:
        for literal in places.literals:
            content = re.sub(r"i?$|[imslux]*$", "", literal.text)[1:-1]
            if "value" in match.groupdict() and match["value"] not in (literal.text, content):
                continue
            return advice, places.at(literal.offset)
        return advice, None

    return describe


def _named(
    advice: str, *, second: bool = False
) -> Callable[[re.Match[str], Places, Exception], _Described]:
    """Says `advice`, in which {name} is what the message named, at that name's place."""

    def describe(match: re.Match[str], places: Places, error: Exception) -> _Described:
        name = match["name"]
        place = places.definition(name, 1) if second else None
        return advice.format(**match.groupdict()), place or places.name(name)

    return describe


def _bad_repeat(match: re.Match[str], places: Places, error: Exception) -> _Described:
    low, high = match["low"], match["high"]
    return (
        f"a repetition from {low} to {high}; the smaller number comes first",
        places.statement(rf"~\s*{low}\s*\.\.\s*{high}"),
    )


def _bad_escape(written: str, places: Places) -> _Described:
    for literal in places.literals:
        if literal.text[1:].startswith(written):
            return (
                f"{literal.text} holds an escape that Python does not know; double the backslash",
                places.at(literal.offset),
            )
    return f"a literal holds a bad escape: {written}", None


_KNOWN: tuple[tuple[str, Callable[[re.Match[str], Places, Exception], _Described]], ...] = (
    (r"\w+ '(?P<name>\w+)' used but not defined \(in \w+ (?P<user>\w+)\)", _undefined),
    (r"Template '(?P<name>\w+)' used but not defined \(in \w+ (?P<user>\w+)\)", _undefined),
    (r"Terminal used but not defined: (?P<name>\w+)", _undefined_terminal),
    (
        r"Using an undefined rule: NonTerminal\('(?P<name>\w+)'\)",
        _named("there is no rule {name}; define it, or name another start rule by start="),
    ),
    (
        r"Recursion in terminal '(?P<name>\w+)'",
        _named(
            "the terminal {name} is defined by itself; only rules may be: write it in lower case, "
            "or repeat by * and +"
        ),
    ),
    (
        r"Rules aren't allowed inside terminals \(NonTerminal\('(?P<rule>\w+)'\) in (?P<name>\w+)",
        _named(
            "the terminal {name} uses the rule {rule}; a terminal is made of terminals only: write "
            "{name} in lower case, or {rule} in upper case"
        ),
    ),
    (r"Reduce/Reduce collision", _collision),
    (r"Rules defined twice", _defined_twice),
    (r"Lexer does not allow zero-width terminals\. \((?P<name>\w+):", _zero_width),
    (r"Dynamic Earley doesn't allow zero-width regexps", _zero_width),
    (r"(?:Cannot compile|Bad regexp in) token (?P<name>\w+)", _bad_pattern),
    (
        r"\w+ '(?P<name>\w+)' defined more than once",
        _named(
            "{name} is defined more than once; join the definitions by |, or use %override or "
            "%extend for an imported one",
            second=True,
        ),
    ),
    (
        r"Terminals \{'(?P<name>\w+)'.*\} were marked to ignore but were not defined",
        _named("the terminal {name} is ignored but not defined; define or import it"),
    ),
    (
        r"Wrong number of template arguments used for (?P<name>\w+) "
        r"\(expected (?P<wanted>\d+), got (?P<given>\d+)\)",
        _named("the template {name} takes {wanted} arguments and is given {given}"),
    ),
    (
        r"Template Parameter conflicts with rule (?P<rule>\w+) \(in template (?P<name>\w+)\)",
        _named("a parameter of the template {name} has the name of the rule {rule}; rename it"),
    ),
    (
        r"Duplicate Template Parameter (?P<parameter>\w+) \(in template (?P<name>\w+)\)",
        _named("the template {name} has the parameter {parameter} twice; rename one"),
    ),
    (
        r"Rule (?P<name>\w+) is marked for expansion .*alias=(?P<alias>\w+)",
        _named(
            "an alternative of {name} is renamed to {alias}, but rules that begin with an "
            "underscore have no node to rename; drop the underscore or the alias"
        ),
    ),
    (r"Terminals cannot be empty \((?P<name>\w+)\)", _named("the terminal {name} is empty")),
    (
        r"(?:Cannot override a nonexisting|Can't extend) (?:rule|terminal)? ?(?P<name>\w+)",
        _named("{name} is not there to override or extend; define or import it first"),
    ),
    (
        r"Nothing was imported from grammar `(?P<name>\w+)`",
        _named("%import {name} names no rule or terminal of it; write %import {name}.NAME"),
    ),
    (
        r"Cannot import '(?P<name>\w+)' from '(?P<file>[^']*)': Symbol already defined",
        _named("{name} is imported twice; import it once, or under another name by ->"),
    ),
    (
        r"Names starting with double-underscore are reserved \(Error at (?P<name>\w+)\)",
        _named("the name {name} begins with two underscores, which Lark keeps for itself"),
    ),
    (r"Empty terminals are not allowed \((?P<value>.*)\)", _literal("an empty literal; drop it")),
    (
        r"You cannot put newlines in string literals",
        _literal(r"a line break in a string; write it as \n"),
    ),
    (
        r"You can only use newlines in regular expressions",
        _literal(r"a line break in a regular expression; write it as \n, or use the flag x"),
    ),
    (
        r"Conflicting flags for the same terminal: (?P<value>.*)",
        _literal("the same literal is used with different flags; use the same everywhere"),
    ),
    (
        r"Bad Range for .* \((?P<low>-?\d+)\.\.(?P<high>-?\d+) isn't allowed\)",
        _bad_repeat,
    ),
    (
        r"Aliasing not allowed in terminals",
        lambda match, places, error: (
            "an alias (->) in a terminal; only alternatives of rules have aliases",
            places.statement("->"),
        ),
    ),
    (
        r"Inlined rules \(_rule\) cannot use the \?rule modifier",
        lambda match, places, error: (
            "a rule whose name begins with an underscore is marked with ?; drop one of the two",
            places.statement(r"(?m)^[ \t]*!?\?!?_"),
        ),
    ),
)


def _other(words: str, places: Places, error: Exception) -> _Described:
    """For messages that name nothing."""
    if len(error.args) > 1 and isinstance(error.args[1], SyntaxError):
        return _bad_escape(words, places)
    broken = _broken_literal(places)
    if broken is not None:
        return broken
    declared = places.statement(r"%declare\s+_?[a-z]")
    if isinstance(error, AttributeError) and declared is not None:
        return "a rule is declared; only terminals can be: define the rule", declared
    if isinstance(error, AssertionError) and ".." in places.text:
        return (
            'a range of characters (as in "a".."z") takes two strings of one character',
            places.statement(r"(?<!\d)\.\.(?!\d)"),
        )
    reason = words.strip().partition("\n")[0] or type(error).__name__
    return f"Lark cannot load this grammar: {reason}", places.statement(r"\S")
