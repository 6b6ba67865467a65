"""docs/json-schema.md names every keyword and format that the code knows, in the right place."""

import re
from pathlib import Path

from constrained_diffusion.constraints.json_schema import reading
from constrained_diffusion.constraints.json_schema.formats import FORMATS

PAGE = (Path(__file__).parents[3] / "docs" / "json-schema.md").read_text(encoding="utf-8")


def names(title: str) -> set[str]:
    """What stands in backquotes in a section: in its table's first column, or before a stop."""
    section = PAGE.split(f"## {title}\n", 1)[1].split("\n## ", 1)[0]
    rows = re.findall(r"^\| (`[^|]*) \|", section, re.MULTILINE)
    listed = " ".join(rows) if rows else section.split(":\n", 1)[1].split(".\n", 1)[0]
    return set(re.findall(r"`([^`]+)`", listed))


def test_every_honoured_keyword_is_listed() -> None:
    # The drafts drop keywords from each other: draft 7 has additionalItems, 2020-12 prefixItems.
    known = set(reading.Reader({})._checks) | {"discriminator"}
    assert names("Honoured") == known


def test_every_refused_keyword_is_listed() -> None:
    assert names("Refused") == set(reading._REFUSED)


def test_every_format_is_listed() -> None:
    assert names("Formats") == set(FORMATS)
