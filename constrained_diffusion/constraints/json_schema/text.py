"""The one spelling of JSON text that compiled schemas read, and how other spellings map to it.

Strings stand as raw UTF-8. A quotation mark, a backslash and the control characters are escaped,
each in exactly one way: the short escape where JSON has one (`\\n`), else `\\u00xx` in lower case.
That is the spelling of `json.dumps(…, ensure_ascii=False)`.
"""

from __future__ import annotations

import json
import re

from ..spelling import Spelling

_SHORT_ESCAPES = {
    '"': '\\"',
    "\\": "\\\\",
    "\b": "\\b",
    "\f": "\\f",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
}
ESCAPES: dict[str, str] = {chr(code): f"\\u{code:04x}" for code in range(0x20)} | _SHORT_ESCAPES
"""The escaped spelling of every character that cannot stand raw in a string."""

_ESCAPED = re.compile(r'["\\\x00-\x1f]')
_TOKEN = re.compile(
    r"""[ \t\n\r]*(?:
        (?P<mark>[{}\[\],:])
      | (?P<string>"(?:[^"\\\x00-\x1f]|\\["\\/bfnrt]|\\u[0-9a-fA-F]{4})*")
      | (?P<scalar>-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?|true|false|null)
    )""",
    re.VERBOSE,
)
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_VERBATIM = re.compile(r"[^\\\ud800-\udfff]*")
_OPENING = {"]": "[", "}": "{"}
_EMPTY = {"]": "first item", "}": "first key"}
_BLANKS = re.compile(r"[ \t\n\r]*")


def is_writable(value: str) -> bool:
    """Whether UTF-8 text can hold `value`: it has no lone surrogate."""
    return _SURROGATE.search(value) is None


def quote(value: str) -> str:
    """`value` as a JSON string in the spelling that compiled schemas read."""
    return '"' + _ESCAPED.sub(lambda match: ESCAPES[match.group()], value) + '"'


def canonical_text(text: str) -> str | None:
    """JSON text without insignificant white space and with strings in the one spelling.

    Key order and the spelling of numbers are kept, so that the result is accepted by a compact
    compiled schema exactly if the value is valid and spelled as the schema's `bounds` say.
    Returns None if `text` is not JSON. A lone surrogate, which no UTF-8 text can hold, keeps its
    `\\u` escape.
    """
    pieces, _, complete = _canonical_pieces(text)
    return "".join(spelled for _, _, spelled in pieces) if complete else None


def canonical_spelling(text: str) -> Spelling:
    """As `canonical_text`, for any text: where it stops to be JSON it goes on verbatim.

    The result is JSON only if `text` is: its verbatim end begins with what no JSON goes on with.
    """
    pieces, end, _ = _canonical_pieces(text)
    spelled = "".join(piece for _, _, piece in pieces)
    blanks = _BLANKS.match(text, end)
    # Without the blanks between them, two numbers would become one.
    if blanks is not None and (spelled[-1:] in '{}[],:"' or blanks.end() == len(text)):
        end = blanks.end()
    return Spelling(spelled + text[end:], tuple(pieces), end)


def _canonical_pieces(text: str) -> tuple[list[tuple[int, str, str]], int, bool]:
    """The tokens of `text` as far as it is the beginning of JSON: offset, spelling, canonical
    spelling; where it stops to be that; and whether it is JSON as a whole."""
    pieces: list[tuple[int, str, str]] = []
    # What may come next: "value", "first item" (or "]"), "first key" (or "}"), "key", "colon",
    # "after" (a comma or the closing bracket; at the top level, nothing).
    expected, open_brackets, position = "value", list[str](), 0
    while expected != "after" or open_brackets:
        token = _TOKEN.match(text, position)
        if token is None:
            return pieces, position, False
        start, position = position, token.end()
        mark = token["mark"]
        if mark is None:
            original = token["scalar"] or token["string"]
            spelled = token["scalar"] or _canonical_string(original)
            if expected in ("value", "first item"):
                expected = "after"
            elif expected in ("key", "first key") and token["string"] is not None:
                expected = "colon"
            else:
                return pieces, start, False
            pieces.append((position - len(original), original, spelled))
            continue
        pieces.append((position - 1, mark, mark))
        if mark in "[{" and expected in ("value", "first item"):
            open_brackets.append(mark)
            expected = "first item" if mark == "[" else "first key"
        elif mark == ":" and expected == "colon":
            expected = "value"
        elif mark == "," and expected == "after":
            expected = "value" if open_brackets[-1] == "[" else "key"
        elif mark in _OPENING and expected in ("after", _EMPTY[mark]):
            if open_brackets.pop() != _OPENING[mark]:
                return pieces, start, False
            expected = "after"
        else:
            return pieces, start, False
    blanks = _BLANKS.match(text, position)
    complete = blanks is not None and blanks.end() == len(text)
    return pieces, len(text) if complete else position, complete


def _canonical_string(spelled: str) -> str:
    if _VERBATIM.fullmatch(spelled):
        return spelled
    value = json.loads(spelled)
    return "".join(
        f"\\u{ord(character):04x}" if "\ud800" <= character <= "\udfff" else character
        for character in quote(value)
    )
