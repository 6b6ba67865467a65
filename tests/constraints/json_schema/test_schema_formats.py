"""Formats against other implementations of them."""

from __future__ import annotations

import datetime
import ipaddress
import json
import random
import re
import uuid

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from schema_oracle import spell, walk

from constrained_diffusion.constraints.json_schema import compile_schema
from constrained_diffusion.constraints.json_schema.formats import FORMATS

CHECKER = jsonschema.Draft202012Validator.FORMAT_CHECKER


def accepts(name: str, text: str) -> bool:
    return compile_schema({"type": "string", "format": name}).automaton.accepts(spell(text))


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_random_texts_pass_the_checker(name: str) -> None:
    if name not in CHECKER.checkers:
        pytest.skip(f"jsonschema has no checker for {name} without its extra packages")
    automaton = compile_schema({"type": "string", "format": name}).automaton
    rng = random.Random(name)
    for length in (2, 5, 10, 20, 40, 60, 80) * 10:
        text = json.loads(walk(automaton, rng, length))
        assert CHECKER.conforms(text, name), text


def test_every_date() -> None:
    automaton = compile_schema({"format": "date"}).automaton
    for year in (1, 1900, 1999, 2000, 2023, 2024, 2100, 9999):
        for month in range(14):
            for day in range(34):
                try:
                    datetime.date(year, month, day)
                    exists = True
                except ValueError:
                    exists = False
                text = f"{year:04d}-{month:02d}-{day:02d}"
                assert automaton.accepts(spell(text)) == exists, text
    assert not automaton.accepts(spell("0000-01-01"))


@settings(max_examples=50, deadline=None)
@given(st.datetimes(timezones=st.sampled_from([datetime.timezone.utc])), st.booleans())
def test_date_times(moment: datetime.datetime, zulu: bool) -> None:
    text = moment.isoformat()
    assert accepts("date-time", text.replace("+00:00", "Z") if zulu else text)
    assert accepts("time", text.partition("T")[2])
    assert not accepts("date-time", moment.replace(tzinfo=None).isoformat())


@settings(max_examples=60, deadline=None)
@given(st.ip_addresses(v=4), st.ip_addresses(v=6), st.uuids())
def test_addresses_and_uuids(
    four: ipaddress.IPv4Address, six: ipaddress.IPv6Address, identity: uuid.UUID
) -> None:
    assert accepts("ipv4", str(four))
    assert accepts("ipv6", str(six))
    assert accepts("ipv6", six.exploded)
    assert accepts("uuid", str(identity))


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from(["1", "ab", "ffff", "", "0", "g", "12345", "1.2.3.4"]), max_size=9))
def test_ipv6_exactly(groups: list[str]) -> None:
    text = ":".join(groups)
    try:
        ipaddress.IPv6Address(text)
        valid = True
    except ValueError:
        valid = False
    assert accepts("ipv6", text) == valid


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("date-time", ["2024-02-29T12:00:00.5+01:30"], ["2023-02-29T12:00:00Z", "2024-01-01"]),
        ("time", ["23:59:59Z", "00:00:00-08:00"], ["24:00:00Z", "12:00:00", "12:60:00Z"]),
        ("duration", ["P1Y2M3D", "PT36H", "P4W", "P1DT12H"], ["P", "PT", "1D", "P1H", "P1W2D"]),
        ("email", ["a.b+c@example.org", "x@y"], ["a", "@b", "a@", "a@b@c", "a..b@c", "a b@c"]),
        ("hostname", ["example.com", "a-b.c1"], ["-a", "a-", "a..b", "a_b", "", "a" * 64]),
        ("uri", ["https://a.b:80/c?d=e#f'", "urn:x:y", "mailto:a@b"], ["a/b", "//a", "h t:x", ":"]),
        ("uri-reference", ["a/b", "//a", "#x", "", "?q"], ["a b", "%zz", "a#b#c"]),
        ("json-pointer", ["", "/a/b~1c/0"], ["a", "/~2"]),
        ("relative-json-pointer", ["0", "1/a", "2#"], ["/a", "-1", "01"]),
        ("uri-template", ["/users/{id}", "a{?x,y}"], ["{", "a{b", "a b"]),
    ],
)
def test_examples(name: str, good: list[str], bad: list[str]) -> None:
    for text in good:
        assert accepts(name, text), text
    for text in bad:
        assert not accepts(name, text), text


def test_formats_are_about_strings_only() -> None:
    assert compile_schema({"format": "date"}).automaton.accepts(b"12")


def test_unknown_formats_are_annotations() -> None:
    assert accepts("int32", "anything")


def test_narrowed_formats_say_so() -> None:
    assert compile_schema({"type": "string", "format": "uuid"}).bounds == ()
    (bound,) = compile_schema({"type": "string", "format": "hostname"}).bounds
    assert bound.startswith("format hostname: at most 63 characters")


def test_regular_expressions() -> None:
    """What does not compile is refused; random texts above compile."""
    for text in ["^[a-z]+$", r"^\d{3}-(ab|c)*$", "a|b", "", "x{2,3}?"]:
        assert accepts("regex", text)
    for text in ["[", "a**", "(", "a)", "*", "x{3,2}", "\\", "[z-a]"]:
        with pytest.raises(re.error):
            re.compile(text)
        assert not accepts("regex", text)
