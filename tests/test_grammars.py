"""The bundled grammars accept and refuse what they should, as other parsers confirm."""

from __future__ import annotations

import ast
import csv
import datetime
import io
import json
import logging
import re
import shlex
import sqlite3
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lark
import pytest
from lark.indenter import PythonIndenter

from constrained_diffusion.grammar_files import grammar_folder, settings_of

CORPUS = Path(__file__).parent / "data" / "grammars"
NAMES = sorted(path.stem for path in grammar_folder().glob("*.lark"))


def settings(name: str) -> dict[str, Any]:
    """The settings in the grammar's comment `// options: …`, as Lark's keywords."""
    text = (grammar_folder() / f"{name}.lark").read_text(encoding="utf-8")
    line = re.search(r"^// options: (.*)$", text, re.MULTILINE)
    found: dict[str, Any] = dict(part.split("=") for part in line[1].split()) if line else {}
    if found.get("postlex") == "python":
        found["postlex"] = PythonIndenter()
    return {"parser": "lalr", **found}


def load(name: str) -> lark.Lark:
    return lark.Lark.open(str(grammar_folder() / f"{name}.lark"), **settings(name))


def texts(name: str, kind: str) -> list[str]:
    path = CORPUS / name / f"{kind}.jsonl"
    if kind == "left_out" and not path.exists():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def accepts(parser: lark.Lark, text: str) -> bool:
    try:
        parser.parse(text)
    except lark.exceptions.LarkError:
        return False
    return True


def refused_by(check: Callable[[str], Any], text: str) -> bool:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            check(text)
        except (ValueError, SyntaxError, re.error):
            return True
    return False


def sqlite(text: str) -> None:
    """ValueError where SQLite finds a mistake in the syntax (unknown tables are none)."""
    connection = sqlite3.connect(":memory:")
    try:
        connection.execute("EXPLAIN " + text)
    except sqlite3.Warning as error:  # more than one statement, until Python 3.11
        raise ValueError(text) from error
    except sqlite3.Error as error:
        if re.search("syntax error|unrecognized|incomplete|one statement", str(error)):
            raise ValueError(text) from error
    finally:
        connection.close()


# Parsers that the whole corpus is checked with; `left_out` holds what they take and we do not.
ORACLES: dict[str, Callable[[str], Any]] = {
    "json": json.loads,
    "python": ast.parse,
    "regex": re.compile,
    "sql": sqlite,
}


@pytest.mark.parametrize("name", NAMES)
def test_grammars_opened_by_name_get_the_options_that_they_state(name: str) -> None:
    found = settings_of(name)
    stated = {"postlex": None, **settings(name)}
    if stated["postlex"] is not None:
        stated["postlex"] = "python"
    assert {"start": "start", "lexer": "auto", **stated} == found._asdict()


@pytest.mark.parametrize("name", NAMES)
def test_grammars_have_no_conflicts(name: str) -> None:
    messages: list[str] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            messages.append(record.getMessage())

    handler, level = Keep(), lark.logger.level
    lark.logger.addHandler(handler)
    lark.logger.setLevel(logging.DEBUG)
    try:
        lark.Lark.open(str(grammar_folder() / f"{name}.lark"), debug=True, **settings(name))
    finally:
        lark.logger.removeHandler(handler)
        lark.logger.setLevel(level)
    assert not [message for message in messages if "onflict" in message]


@pytest.mark.parametrize("name", NAMES)
def test_grammars_agree_with_their_corpus(name: str) -> None:
    parser = load(name)
    accepted, refused = texts(name, "accepted"), texts(name, "refused")
    assert len(set(accepted)) >= 25 and len(set(refused)) >= 25
    assert [text for text in accepted if not accepts(parser, text)] == []
    assert [text for text in refused if accepts(parser, text)] == []
    assert [text for text in texts(name, "left_out") if accepts(parser, text)] == []


@pytest.mark.skipif(sys.version_info < (3, 11), reason="the grammars follow Python 3.11")
@pytest.mark.parametrize("name", ORACLES)
def test_other_parsers_agree_with_the_corpus(name: str) -> None:
    check = ORACLES[name]
    assert [text for text in texts(name, "accepted") if refused_by(check, text)] == []
    assert [text for text in texts(name, "refused") if not refused_by(check, text)] == []
    assert [text for text in texts(name, "left_out") if refused_by(check, text)] == []


def test_csv_fields_are_those_of_the_csv_module() -> None:
    parser = load("csv")
    for text in texts("csv", "accepted"):
        rows = [
            [_unquoted(field.children[0] or "") for field in record.find_data("field")]
            for record in parser.parse(text).children
            if isinstance(record, lark.Tree)
        ]
        # The csv module gives no fields for an empty line, we give one empty field.
        expected = [row or [""] for row in csv.reader(io.StringIO(text, newline=""), strict=True)]
        if text.endswith("\n") or not text:
            expected.append([""])
        assert rows == expected


def _unquoted(field: str) -> str:
    return field[1:-1].replace('""', '"') if field.startswith('"') else field


def test_shell_words_are_those_of_shlex() -> None:
    parser = load("shell")
    for text in texts("shell", "accepted"):
        lexer = shlex.shlex(text, posix=True, punctuation_chars="|")
        lexer.whitespace_split, lexer.commenters = True, ""
        commands = parser.parse(text).find_data("command")
        count = sum(1 + len(list(command.find_data("word"))) for command in commands)
        assert count == len([word for word in lexer if word != "|"])


@pytest.mark.skipif(sys.version_info < (3, 11), reason="fromisoformat took few formats before")
def test_dates_and_times_agree_with_the_standard_library() -> None:
    full = re.compile(r"\d{4}-?(\d\d-?\d\d|W\d\d-?\d)(T(?!.*:60)[^/]*)?")
    dates = [text for text in texts("iso8601", "accepted") if full.fullmatch(text)]
    assert len(dates) > 10
    for text in dates:
        datetime.datetime.fromisoformat(text)
    for text in texts("iso8601", "refused"):
        assert refused_by(datetime.datetime.fromisoformat, text)


def test_days_of_the_calendar() -> None:
    parser = load("iso8601")
    for year in (1900, 2000, 2023, 2024):
        for day in range(1, 368):
            valid = day <= (datetime.date(year, 12, 31) - datetime.date(year - 1, 12, 31)).days
            assert accepts(parser, f"{year}-{day:03}") == valid
        for month in range(14):
            for day in range(33):
                text = f"{year}-{month:02}-{day:02}"
                assert accepts(parser, text) == (
                    not refused_by(datetime.date.fromisoformat, text)
                ), text


@pytest.mark.skipif(sys.version_info < (3, 11), reason="the grammar follows Python 3.11")
def test_python_accepts_most_of_the_standard_library() -> None:
    parser = load("python")
    files = sorted(Path(ast.__file__).parent.glob("*.py"))
    sources = [path.read_text(encoding="utf-8") for path in files if path.stat().st_size < 20_000]
    sources = [text for text in sources if not refused_by(ast.parse, text)][:60]
    taken = [accepts(parser, text if text.endswith("\n") else text + "\n") for text in sources]
    assert sum(taken) >= 0.9 * len(taken) and len(taken) > 20


@pytest.mark.skipif(sys.version_info < (3, 11), reason="the grammars follow Python 3.11")
@pytest.mark.parametrize("name", ORACLES)
def test_changed_texts_are_accepted_only_if_other_parsers_accept_them(name: str) -> None:
    """Each text of the corpus with one word left out, doubled or replaced by another text's."""
    parser = load(name)
    pieces = re.compile(r"\s+|\w+|\W")
    corpus = texts(name, "accepted")
    extra = [piece for text in corpus for piece in pieces.findall(text)]
    accepted = 0
    for number, text in enumerate(corpus):
        parts = pieces.findall(text)
        for place in range(len(parts)):
            other = extra[(31 * number + 17 * place) % len(extra)]
            for middle in ([], [parts[place]] * 2, [other], [parts[place], " ", other]):
                changed = "".join([*parts[:place], *middle, *parts[place + 1 :]])
                if accepts(parser, changed):
                    assert not refused_by(ORACLES[name], changed), changed
                    accepted += 1
    assert accepted > 100


def test_a_rule_can_be_imported() -> None:
    parser = lark.Lark(
        'start: "data" value\n%import json.value\n%ignore " "',
        import_paths=[str(grammar_folder())],
        parser="lalr",
    )
    parser.parse('data {"a":[1]}')


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        ("sql.expression", "a + 1 IN (SELECT b FROM t)"),
        ("graphql.selection_set", "{ a(x: 1) { b } }"),
        ("regex.start", "[a-z]+"),
        ("filter.condition", 'a = 1 AND b HAS "x"'),
        ("iso8601.duration", "P1DT2H"),
        ("chess.move", "Nxe5+"),
        ("arithmetic.sum", "1+2*x"),
    ],
)
def test_rules_of_each_kind_can_be_imported(rule: str, text: str) -> None:
    parser = lark.Lark(
        f'start: "§" part "§"\n%import {rule} -> part\n%ignore " "',
        import_paths=[str(grammar_folder())],
        parser="lalr",
        lexer=settings(rule.split(".")[0]).get("lexer", "auto"),
    )
    parser.parse(f"§{text}§")
