"""Automata of the formats that `format` asserts, over the decoded string.

Each is exact or narrower than its standard, and than the checkers of the `jsonschema` library. By
what it is narrower stands beside it. A name that is not in this table is an annotation.
"""

from __future__ import annotations

from functools import lru_cache

from ...automata import ByteAutomaton, algebra
from ...automata.regex import from_regex

_YEAR = "(?:000[1-9]|00[1-9][0-9]|0[1-9][0-9]{2}|[1-9][0-9]{3})"
_LEAP_YEAR = "(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:0[48]|[2468][048]|[13579][26])00)"
_DATE = (
    f"(?:{_YEAR}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])"
    "|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)|02-(?:0[1-9]|1[0-9]|2[0-8]))"
    f"|{_LEAP_YEAR}-02-29)"
)
_TIME = (
    r"(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]+)?"
    "(?:Z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])"
)
# RFC 3339, appendix A
_DURATION_TIME = "T(?:[0-9]+H(?:[0-9]+M(?:[0-9]+S)?)?|[0-9]+M(?:[0-9]+S)?|[0-9]+S)"
_DURATION_DATE = "(?:[0-9]+D|[0-9]+M(?:[0-9]+D)?|[0-9]+Y(?:[0-9]+M(?:[0-9]+D)?)?)"
_DURATION = f"P(?:{_DURATION_DATE}(?:{_DURATION_TIME})?|{_DURATION_TIME}|[0-9]+W)"
_HEX = "[0-9a-fA-F]"
_UUID = f"{_HEX}{{8}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{12}}"
_OCTET = "(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_IPV4 = rf"{_OCTET}(?:\.{_OCTET}){{3}}"
_HOSTNAME = r"[A-Za-z0-9]+(?:[-.][A-Za-z0-9]+)*"
_ATEXT = "[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]"
_LOCAL_PART = rf"{_ATEXT}+(?:\.{_ATEXT}+)*"
# RFC 3986, appendix A, without IP literals in brackets
_PERCENT = f"%{_HEX}{{2}}"
_PCHAR = f"(?:[A-Za-z0-9._~!$&'()*+,;=:@-]|{_PERCENT})"
_PATH = f"(?:/{_PCHAR}*)*"
_USER = f"(?:[A-Za-z0-9._~!$&'()*+,;=:-]|{_PERCENT})*@"
_HOST = f"(?:[A-Za-z0-9._~!$&'()*+,;=-]|{_PERCENT})*"
_AUTHORITY = f"//(?:{_USER})?{_HOST}(?::[0-9]*)?"
_TAIL = rf"(?:\?(?:{_PCHAR}|[/?])*)?(?:#(?:{_PCHAR}|[/?])*)?"
_ROOTLESS = f"{_PCHAR}+{_PATH}"
_ABSOLUTE = f"/(?:{_ROOTLESS})?"
_URI = f"[A-Za-z][A-Za-z0-9+.-]*:(?:{_AUTHORITY}{_PATH}|{_ABSOLUTE}|{_ROOTLESS}|){_TAIL}"
_SEGMENT_NO_COLON = f"(?:[A-Za-z0-9._~!$&'()*+,;=@-]|{_PERCENT})+"
_RELATIVE = f"(?:{_AUTHORITY}{_PATH}|{_ABSOLUTE}|{_SEGMENT_NO_COLON}{_PATH}|){_TAIL}"
_VARIABLE = "[A-Za-z0-9_]+"
_EXPRESSION = rf"\{{[+#./;?&]?{_VARIABLE}(?:,{_VARIABLE})*\}}"
_TEMPLATE = f"(?:[A-Za-z0-9._~!$&()*+,;=:@/?#-]|{_PERCENT}|{_EXPRESSION})*"
_POINTER = "(?:/(?:[^~/]|~[01])*)*"

_PLAIN = "[A-Za-z0-9 _:;,=@#%&!\"'<>~`/-]"
_ESCAPE = r"\\[dwsDWSnrt\\.^$*+?()\[\]{}|/]"
_CLASS = r"\[\^?(?:[A-Za-z0-9 _.:,@/+*]|[a-z]-z|[A-Z]-Z|[0-9]-9|\\[dwsDWS\\\]\[.-])+\]"
_COUNT = "|".join(f"{low},[{low}-9]" for low in range(10))
_QUANTIFIER = rf"(?:[*+?]|\{{(?:[0-9]{{1,2}},?|{_COUNT})\}})\??"


def _regex(depth: int) -> str:
    """Regular expressions that ECMAScript and Python both read, with groups to a depth."""
    atom = f"(?:{_PLAIN}|\\.|{_ESCAPE}|{_CLASS})"
    if depth:
        atom = f"(?:{atom}|\\((?:\\?:)?{_regex(depth - 1)}\\))"
    branch = rf"(?:[\^$]|{atom}(?:{_QUANTIFIER})?)*"
    return rf"{branch}(?:\|{branch})*"


_NO_LITERAL = "no IP address in brackets"
_SHORT_NAME = "at most 63 characters, no two hyphens in a row"
_SHORT_MAIL = (
    "the local part is a dot-atom of at most 64 characters, the domain a host name of "
    f"{_SHORT_NAME}"
)
_NO_LEAP_SECOND = "no leap second, T and Z in upper case"

_PATTERNS: dict[str, tuple[str, str]] = {
    "date": (_DATE, ""),
    "time": (_TIME, _NO_LEAP_SECOND),
    "date-time": (f"{_DATE}T{_TIME}", f"{_NO_LEAP_SECOND}, no year 0"),
    "duration": (_DURATION, ""),
    "uuid": (_UUID, ""),
    "ipv4": (_IPV4, ""),
    "hostname": (_HOSTNAME, _SHORT_NAME),
    "idn-hostname": (_HOSTNAME, f"only ASCII, {_SHORT_NAME}"),
    "email": (f"{_LOCAL_PART}@{_HOSTNAME}", _SHORT_MAIL),
    "idn-email": (f"{_LOCAL_PART}@{_HOSTNAME}", f"only ASCII, {_SHORT_MAIL}"),
    "uri": (_URI, _NO_LITERAL),
    "uri-reference": (f"(?:{_URI}|{_RELATIVE})", _NO_LITERAL),
    "iri": (_URI, f"only ASCII, {_NO_LITERAL}"),
    "iri-reference": (f"(?:{_URI}|{_RELATIVE})", f"only ASCII, {_NO_LITERAL}"),
    "uri-template": (_TEMPLATE, "only ASCII, no apostrophe, expressions without modifiers"),
    "json-pointer": (_POINTER, ""),
    "regex": (
        _regex(2),
        "plain ASCII characters, common escapes and classes, quantifiers to 99, groups to a depth "
        "of 2",
    ),
    "relative-json-pointer": (f"(?:0|[1-9]+0?)(?:#|{_POINTER})", "no 0 but at the number's end"),
}

FORMATS = frozenset(_PATTERNS) | {"ipv6"}
"""The names that are asserted."""


@lru_cache(maxsize=64)
def format_language(name: str) -> tuple[ByteAutomaton, str]:
    """The strings of a format of `FORMATS`, and by what they are narrower than its standard."""
    if name == "ipv6":
        return from_regex(_ipv6(), match="full"), ""
    pattern, narrowing = _PATTERNS[name]
    automaton = from_regex(pattern, match="full")
    if "hostname" in name:
        automaton = algebra.intersect(automaton, _at_most(63))
    elif "email" in name:
        local_part = algebra.intersect(from_regex(_LOCAL_PART, match="full"), _at_most(64))
        host, _ = format_language("hostname")
        automaton = algebra.concatenate(local_part, algebra.literal(b"@"), host)
    return automaton, narrowing


def _at_most(length: int) -> ByteAutomaton:
    return from_regex(f"[ -~]{{0,{length}}}", match="full")


def _ipv6() -> str:
    """IPv6 addresses (RFC 4291, section 2.2): eight groups, `::` for one or more of them, and an
    IPv4 address for the last two."""
    group = f"{_HEX}{{1,4}}"
    options = [f"(?:{group}:){{7}}{group}", f"(?:{group}:){{6}}{_IPV4}"]
    for before in range(8):
        head = f"{group}(?::{group}){{{before - 1}}}" if before else ""
        after = 7 - before
        tails = []
        if after:
            tails.append(f"(?:{group}(?::{group}){{0,{after - 1}}})?")
        if after >= 2:
            tails.append(f"(?:{group}:){{0,{after - 2}}}{_IPV4}")
        options.append(f"{head}::(?:{'|'.join(tails)})")
    return "|".join(options)
