"""The one spelling of JSON text that compiled schemas read, and how other spellings map to it.

Strings stand as raw UTF-8. A quotation mark, a backslash and the control characters are escaped,
each in exactly one way: the short escape where JSON has one (`\\n`), else `\\u00xx` in lower case.
That is the spelling of `json.dumps(…, ensure_ascii=False)`. Numbers are written plainly
(`plain_number`), white space as the layout says.
"""

from __future__ import annotations

import json
import re

from ..spelling import Spelling
from .drafts import Draft
from .layout import Whitespace, layout_of

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
      | (?P<number>-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)
      | (?P<literal>true|false|null)
    )""",
    re.VERBOSE,
)
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_VERBATIM = re.compile(r"[^\\\ud800-\udfff]*")
_NUMBER = re.compile(r"(-?)([0-9]+)(?:\.([0-9]+))?(?:[eE]([+-]?[0-9]+))?")
_OPENING = {"]": "[", "}": "{"}
_EMPTY = {"]": "first item", "}": "first key"}
_MAX_SHIFT = 400
_BLANKS = re.compile(r"[ \t\n\r]*")


def is_writable(value: str) -> bool:
    """Whether UTF-8 text can hold `value`: it has no lone surrogate."""
    return _SURROGATE.search(value) is None


def quote(value: str) -> str:
    """`value` as a JSON string in the spelling that compiled schemas read."""
    return '"' + _ESCAPED.sub(lambda match: ESCAPES[match.group()], value) + '"'


def canonical_text(
    text: str, *, whitespace: Whitespace = "compact", draft: Draft | None = None
) -> str | None:
    """JSON text in the one spelling that a compiled schema reads; None if `text` is not JSON.

    Args:
        text: any text.
        whitespace: that of the compiled schema. Texts of "flexible" become compact ones, which
            it holds as well.
        draft: the draft of the schema, as whose numbers those of the text are written plainly.
            None keeps them as they stand.

    Key order is kept. So a compiled schema accepts the result exactly if the value is valid and
    spelled as the schema's `bounds` say. A lone surrogate, which no UTF-8 text can hold, keeps
    its `\\u` escape.
    """
    pieces, _, complete = _canonical_pieces(text, whitespace, draft)
    return "".join(spelled for _, _, spelled in pieces) if complete else None


def canonical_spelling(
    text: str, *, whitespace: Whitespace = "compact", draft: Draft | None = None
) -> Spelling:
    """As `canonical_text`, for any text: where it stops to be JSON it goes on verbatim.

    The result is JSON only if `text` is: its verbatim end begins with what no JSON goes on with.
    """
    pieces, end, complete = _canonical_pieces(text, whitespace, draft)
    last = pieces[-1][1] if pieces else ""
    if not complete and last[-1:].isdigit() and pieces[-1][0] + len(last) == end:
        # In another spelling, the end could go on with it: 1.0.5 is not 1.5.
        pieces[-1] = (end - len(last), last, last)
    blanks = _BLANKS.match(text, end)
    # Without the blanks between them, two numbers would become one.
    if blanks is not None and (last[-1:] in '{}[],:"' or blanks.end() == len(text)):
        end = blanks.end()
    spelled = "".join(piece for _, _, piece in pieces)
    return Spelling(spelled + text[end:], tuple(pieces), end)


def plain_number(spelled: str, draft: Draft) -> str:
    """The plain spelling of the same decimal number: no exponent, no zeros at the end of the
    fraction, no minus before zero.

    Validators read a number that is written with fraction or exponent as a double, which from
    draft 6 on is an integer where it is whole. So it is spelled as an integer only there, and only
    if the double is that very number; otherwise it keeps a fraction (`.0`), is the same double and
    is judged alike. Exponents of more than 400 are left as they are.
    """
    if spelled.lstrip("-").isdigit():
        return "0" if spelled == "-0" else spelled
    match = _NUMBER.fullmatch(spelled)
    assert match is not None, "the number of a token"
    sign, whole, fraction, exponent = match.groups(default="")
    digits = whole + fraction
    if not digits.strip("0"):
        return "0" if draft > Draft.DRAFT4 else "0.0"
    if len(exponent.lstrip("+-0")) > 3 or abs(shift := int(exponent or "0")) > _MAX_SHIFT:
        return spelled
    point = len(whole) + shift
    digits = ("0" * (1 - point) + digits).ljust(point, "0")
    point = max(point, 1)
    whole, fraction = digits[:point].lstrip("0") or "0", digits[point:].rstrip("0")
    if fraction or draft <= Draft.DRAFT4 or not _is_double(whole):
        return f"{sign}{whole}.{fraction or '0'}"
    return sign + whole


def _is_double(digits: str) -> bool:
    """Whether a double holds exactly the integer with these digits."""
    if len(digits) > 309:
        return False
    number = int(digits)
    return number < 1 << 1024 and (number // (number & -number)).bit_length() <= 53


def _canonical_pieces(
    text: str, whitespace: Whitespace, draft: Draft | None
) -> tuple[list[tuple[int, str, str]], int, bool]:
    """The tokens of `text` as far as it is the beginning of JSON: offset, spelling, canonical
    spelling; where it stops to be that; and whether it is JSON as a whole."""
    layout = layout_of(whitespace)
    separators = {",": layout.comma.decode(), ":": layout.colon.decode()}
    pieces: list[tuple[int, str, str]] = []
    # What may come next: "value", "first item" (or "]"), "first key" (or "}"), "key", "colon",
    # "after" (a comma or the closing bracket; at the top level, nothing).
    expected, open_brackets, position = "value", list[str](), 0
    while expected != "after" or open_brackets:
        token = _TOKEN.match(text, position)
        if token is None:
            return pieces, position, False
        mark = token["mark"]
        if mark is None:
            after = _after_scalar(token, expected)
        else:
            after = _after_mark(mark, expected, open_brackets)
        if after is None:
            return pieces, position, False
        original, spelled = (mark, separators.get(mark, mark)) if mark else _scalar(token, draft)
        pieces.append((token.end() - len(original), original, spelled))
        expected, position = after, token.end()
    blanks = _BLANKS.match(text, position)
    complete = blanks is not None and blanks.end() == len(text)
    return pieces, len(text) if complete else position, complete


def _after_scalar(token: re.Match[str], expected: str) -> str | None:
    """What may come after a string, number or literal; None where none may stand."""
    if expected in ("value", "first item"):
        return "after"
    if expected in ("key", "first key") and token["string"] is not None:
        return "colon"
    return None


def _after_mark(mark: str, expected: str, open_brackets: list[str]) -> str | None:
    """What may come after a mark, which opens or closes a bracket; None where it may not stand."""
    if mark in "[{" and expected in ("value", "first item"):
        open_brackets.append(mark)
        return "first item" if mark == "[" else "first key"
    if mark == ":" and expected == "colon":
        return "value"
    if mark == "," and expected == "after":
        return "value" if open_brackets[-1] == "[" else "key"
    closes = mark in _OPENING and expected in ("after", _EMPTY[mark])
    if closes and open_brackets.pop() == _OPENING[mark]:
        return "after"
    return None


def _scalar(token: re.Match[str], draft: Draft | None) -> tuple[str, str]:
    """A string, number or literal as it stands in the text, and in the one spelling."""
    if token["string"] is not None:
        return token["string"], _canonical_string(token["string"])
    if token["number"] is not None and draft is not None:
        return token["number"], plain_number(token["number"], draft)
    original = token["number"] or token["literal"]
    return original, original


def _canonical_string(spelled: str) -> str:
    if _VERBATIM.fullmatch(spelled):
        return spelled
    value = json.loads(spelled)
    return "".join(
        f"\\u{ord(character):04x}" if "\ud800" <= character <= "\udfff" else character
        for character in quote(value)
    )
