"""The texts that stand for values of Python types, as patterns for the whole text.

They are what Pydantic's validators are sure to take, in one plain spelling. Each is written in the
syntax that ECMAScript and Python share.
"""

from __future__ import annotations

import datetime

_DIGITS = "[1-9][0-9]{0,14}"
INTEGER = f"0|-?{_DIGITS}"
NUMBER = rf"-?(?:0|{_DIGITS})(?:\.[0-9]{{1,15}})?"
FRACTION = f"(?:{INTEGER})/{_DIGITS}"
COMPLEX = rf"{NUMBER}[+-](?:0|{_DIGITS})(?:\.[0-9]{{1,15}})?j"
ASCII = r"[\x00-\x7f]*"
STRIPPED = r"(?:\S(?:[\s\S]*\S)?)?"
SHORT_NUMBERS = "[^0-9]*(?:[0-9]{1,6}[^0-9]+)*"

_LEAP_YEAR = "(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)"
_DATE = (
    "(?!0000)(?:[0-9]{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])"
    "|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)|02-(?:0[1-9]|1[0-9]|2[0-8]))"
    f"|{_LEAP_YEAR}-02-29)"
)
NAIVE_DATETIME = rf"{_DATE}T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]{{1,6}})?"

_HEX = "[0-9a-fA-F]"
_OCTET = "(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_IPV4 = rf"{_OCTET}(?:\.{_OCTET}){{3}}"
_IPV4_NETWORK = "|".join(
    rf"{_OCTET}(?:\.{_OCTET}){{{octets - 1}}}(?:\.0){{{4 - octets}}}/{8 * octets}"
    for octets in (1, 2, 3, 4)
)
_GROUP = "(?:0|[1-9a-f][0-9a-f]{0,3})"
_IPV6 = f"{_GROUP}(?::{_GROUP}){{7}}"
_IPV6_NETWORK = "|".join(f"(?:{_GROUP}:){{{n}}}:/{16 * n}" for n in (1, 2, 3, 4))
_BASE64 = "(?:{0}{{4}})*(?:{0}{{2}}==|{0}{{3}}=)?"

_LABEL = "[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*"
# Reserved domains, which the validator refuses (RFC 2606, 6761, 6762, 7686).
_PUBLIC = r"(?!(?:.*\.)?(?:arpa|invalid|local|localhost|onion|test)$)"
_MAIL_DOMAIN = rf"{_PUBLIC}(?:{_LABEL}\.)+[A-Za-z]{{2,}}"

FORMATS = {
    "base64": (_BASE64.format("[A-Za-z0-9+/]"), ""),
    "base64url": (_BASE64.format("[A-Za-z0-9_-]"), ""),
    "fraction": (FRACTION, "fractions as in 1/3"),
    "email": (f"[^@]+@{_MAIL_DOMAIN}", "email addresses of public domains"),
    "name-email": (
        f"[A-Za-z0-9_]{{1,64}}@(?=.{{1,63}}$){_MAIL_DOMAIN}",
        "email addresses without a name",
    ),
    "ipv4network": (_IPV4_NETWORK, "networks of whole octets"),
    "ipv4interface": (f"{_IPV4}/(?:[0-9]|[12][0-9]|3[0-2])", "interfaces with prefix lengths"),
    "ipv6network": (_IPV6_NETWORK, "networks of one to four groups"),
    "ipv6interface": (f"{_IPV6}/(?:[0-9]{{2}}|1[01][0-9]|12[0-8])", "addresses of eight groups"),
    "ipvanyaddress": (f"{_IPV4}|{_IPV6}", "IPv6 addresses of eight groups"),
    "ipvanyinterface": (f"{_IPV4}|{_IPV6}", "IPv6 addresses of eight groups, no prefix lengths"),
    "ipvanynetwork": (f"{_IPV4_NETWORK}|{_IPV6_NETWORK}", "networks of whole octets or groups"),
} | {
    f"uuid{version}": (
        f"{_HEX}{{8}}-{_HEX}{{4}}-{version}{_HEX}{{3}}-[89abAB]{_HEX}{{3}}-{_HEX}{{12}}",
        "UUIDs with hyphens",
    )
    for version in range(1, 9)
}
"""For the `format` that Pydantic gives a type: what its texts match, and what that leaves out."""

_URL_CHARACTER = f"(?:[A-Za-z0-9._~!$&'()*+,;=:@/-]|%{_HEX}{{2}})"
_USER = "(?:[A-Za-z0-9._~-]+(?::[A-Za-z0-9._~-]+)?@)?"
_HOST = rf"(?:(?:{_LABEL}\.)*(?![0-9]){_LABEL}|{_IPV4})"
_TAIL = rf"(?:[/?](?:{_URL_CHARACTER}|\?)*)?(?:#(?:{_URL_CHARACTER}|\?)*)?"


def url(schemes: list[str] | None, *, user: bool) -> str:
    """URLs with a host, and possibly a user, of these schemes (all but `file` if None)."""
    if schemes == ["file"]:
        return f"file:///{_URL_CHARACTER}*"
    scheme = "(?!file:)[a-z][a-z0-9+.-]*"
    if schemes is not None:
        scheme = "|".join(name.replace("+", r"\+").replace(".", r"\.") for name in schemes)
    return f"(?:{scheme})://{_USER if user else ''}{_HOST}(?::[0-9]{{1,4}})?{_TAIL}"


def decimal(digits: int | None, places: int | None) -> str:
    """Decimal numbers without sign, of so many digits, so many of them after the point, at most."""
    whole = "(?:0|[1-9][0-9]*)"
    if digits is not None and places is not None:
        whole = f"(?:0|[1-9][0-9]{{0,{digits - places - 1}}})" if digits > places else "0"
    fraction = rf"\.[0-9]{{1,{'' if places is None else places}}}"
    if places == 0:
        fraction = ""
    elif digits is None or digits != places:
        fraction = f"(?:{fraction})?"
    # The zero before the point is counted as well.
    counted = "" if digits is None or places is not None else rf"(?=(?:[0-9]\.?){{1,{digits}}}$)"
    return f"{counted}{whole}{fraction}"


def encoded_bytes(encoding: str, low: int, high: int | None) -> str:
    """From `low` to `high` bytes in hexadecimal or base64; in base64 multiples of three bytes."""
    size, unit = (1, f"{_HEX}{{2}}") if encoding == "hex" else (3, "[A-Za-z0-9_-]{4}")
    most = "" if high is None else high // size
    return f"(?:{unit}){{{-(-low // size)},{most}}}"


def dates(low: int | None, high: int | None) -> str:
    """Texts that begin with a date (YYYY-MM-DD) from `low` to `high`, proleptic ordinals."""
    tests = []
    for limit, digit_beyond in ((low, _greater), (high, _less)):
        if limit is None:
            continue
        text = datetime.date.fromordinal(max(1, min(limit, datetime.date.max.toordinal())))
        options = [text.isoformat()]
        for position, character in enumerate(text.isoformat()):
            beyond = digit_beyond(character)
            if beyond:
                options.append(text.isoformat()[:position] + beyond)
        tests.append(f"(?={'|'.join(options)})")
    return f"{''.join(tests)}[\\s\\S]*"


def _greater(digit: str) -> str:
    return f"[{int(digit) + 1}-9]" if digit in "012345678" else ""


def _less(digit: str) -> str:
    return f"[0-{int(digit) - 1}]" if digit in "123456789" else ""
