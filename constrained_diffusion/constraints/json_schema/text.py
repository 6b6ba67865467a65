"""The one spelling of JSON text that compiled schemas read, and how other spellings map to it.

Strings stand as raw UTF-8. A quotation mark, a backslash and the control characters are escaped,
each in exactly one way: the short escape where JSON has one (`\\n`), else `\\u00xx` in lower case.
That is the spelling of `json.dumps(…, ensure_ascii=False)`.
"""

from __future__ import annotations

import json
import re

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
_VERBATIM = re.compile(r"[^\\\ud800-\udfff]*")
_OPENING = {"]": "[", "}": "{"}
_EMPTY = {"]": "first item", "}": "first key"}
_BLANKS = re.compile(r"[ \t\n\r]*")


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
    pieces: list[str] = []
    # What may come next: "value", "first item" (or "]"), "first key" (or "}"), "key", "colon",
    # "after" (a comma or the closing bracket; at the top level, nothing).
    expected, open_brackets, position = "value", list[str](), 0
    while expected != "after" or open_brackets:
        token = _TOKEN.match(text, position)
        if token is None:
            return None
        position = token.end()
        mark = token["mark"]
        if mark is None:
            spelled = token["scalar"] or _canonical_string(token["string"])
            if expected in ("value", "first item"):
                expected = "after"
            elif expected in ("key", "first key") and token["string"] is not None:
                expected = "colon"
            else:
                return None
            pieces.append(spelled)
            continue
        pieces.append(mark)
        if mark in "[{" and expected in ("value", "first item"):
            open_brackets.append(mark)
            expected = "first item" if mark == "[" else "first key"
        elif mark == ":" and expected == "colon":
            expected = "value"
        elif mark == "," and expected == "after":
            expected = "value" if open_brackets[-1] == "[" else "key"
        elif mark in _OPENING and expected in ("after", _EMPTY[mark]):
            if open_brackets.pop() != _OPENING[mark]:
                return None
            expected = "after"
        else:
            return None
    blanks = _BLANKS.match(text, position)
    if blanks is None or blanks.end() != len(text):
        return None
    return "".join(pieces)


def _canonical_string(spelled: str) -> str:
    if _VERBATIM.fullmatch(spelled):
        return spelled
    value = json.loads(spelled)
    return "".join(
        f"\\u{ord(character):04x}" if "\ud800" <= character <= "\udfff" else character
        for character in quote(value)
    )
