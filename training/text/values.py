"""Makers of values: each draws what a passage says and what the record must hold."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from training.text import words
from training.text.words import Source


@dataclass(frozen=True)
class Leaf:
    """A JSON value and the schema it satisfies."""

    value: Any
    schema: dict[str, Any]


@dataclass(frozen=True)
class Drawn:
    """What a slot of a template became.

    Attributes:
        text: the words of the passage.
        leaves: the record's values by field name; the name "" means the slot's own.
    """

    text: str
    leaves: dict[str, Leaf] = field(default_factory=dict)


Maker = Callable[[Source], Drawn]

STRING: dict[str, Any] = {"type": "string"}
INTEGER: dict[str, Any] = {"type": "integer"}
NUMBER: dict[str, Any] = {"type": "number"}
BOOLEAN: dict[str, Any] = {"type": "boolean"}

NUMBER_WORDS = [
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"),
    *("eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen"),
    *("eighteen", "nineteen", "twenty"),
]
_TENS = {30: "thirty", 40: "forty", 50: "fifty", 60: "sixty", 70: "seventy", 80: "eighty"}


def copied(text: str) -> Drawn:
    """Return a string that the record repeats letter by letter."""
    return Drawn(text, {"": Leaf(text, STRING)})


def number(value: float) -> int | float:
    """Write whole numbers without a fraction, as the records do."""
    return int(value) if value == int(value) else value


# --- names and words -------------------------------------------------------------------------


def person(source: Source) -> Drawn:
    """Draw a full name."""
    middle = f" {source.rng.choice('ABCDEFGHJKLMNPRST')}." if source.rng.random() < 0.06 else ""
    return copied(f"{source.first_name()}{middle} {source.surname()}")


def first_name(source: Source) -> Drawn:
    """Draw a given name."""
    return copied(source.first_name())


def city(source: Source) -> Drawn:
    """Draw a place."""
    return copied(source.city())


def product(source: Source) -> Drawn:
    """Draw a product such as "folding chair" or "Mirabo lamp"."""
    rng = source.rng
    thing = source.pick(words.THINGS)
    if rng.random() < 0.25:
        return copied(f"{source.made_up().capitalize()} {thing}")
    return copied(f"{source.pick(words.QUALITIES)} {thing}" if rng.random() < 0.6 else thing)


def company(source: Source) -> Drawn:
    """Draw a firm."""
    kind = f" {source.rng.choice(words.COMPANY_KINDS)}" if source.rng.random() < 0.6 else ""
    return copied(source.made_up().capitalize() + kind)


def title(source: Source) -> Drawn:
    """Draw the title of a book or an event."""
    rng = source.rng
    name = source.made_up().capitalize()
    thing = source.pick(words.THINGS).capitalize()
    quality = source.pick(words.QUALITIES).capitalize()
    return copied(
        rng.choice((f"The {quality} {thing}", f"{name} and {thing}", f"The {thing} of {name}",
                    f"{quality} {name}", f"{name} {source.made_up().capitalize()}", name))
    )  # fmt: skip


def word(source: Source) -> Drawn:
    """Draw a made-up word in lower case."""
    return copied(source.made_up())


def brand(source: Source) -> Drawn:
    """Draw a made-up capitalised word."""
    return copied(source.made_up().capitalize())


def from_list(choices: Sequence[str]) -> Maker:
    """Return a maker of ordinary words."""
    return lambda source: copied(source.pick(choices))


def street(source: Source) -> Drawn:
    """Draw a street with its number."""
    rng = source.rng
    name = f"{source.made_up().capitalize()} {rng.choice(words.STREETS)}"
    return copied(f"{rng.randint(1, 199)} {name}" if rng.random() < 0.8 else name)


def email(source: Source) -> Drawn:
    """Draw an address at a made-up domain."""
    rng = source.rng
    user = rng.choice((source.made_up(), source.made_up(), source.first_name().lower()))
    if not user.isascii():
        user = "info"
    user += rng.choice(("", "", str(rng.randint(1, 99)), "." + source.made_up()))
    return copied(f"{user}@{source.made_up()}.{rng.choice(words.DOMAIN_ENDS)}")


def phone(source: Source) -> Drawn:
    """Draw a telephone number out of the ranges set aside for fiction."""
    rng = source.rng
    tail = f"01{rng.randint(0, 99):02d}"
    return copied(
        rng.choice((f"555-{tail}", f"+1 555 {tail}", f"{rng.randint(200, 989)}-555-{tail}"))
    )


def url(source: Source) -> Drawn:
    """Draw a web address."""
    page = f"/{source.made_up()}" if source.rng.random() < 0.5 else ""
    return copied(f"https://{source.made_up()}.{source.rng.choice(words.DOMAIN_ENDS)}{page}")


def code(*patterns: str) -> Maker:
    """Return a maker of identifiers: ``A`` becomes a letter and ``9`` a digit."""

    def make(source: Source) -> Drawn:
        rng = source.rng
        table = {"A": "ABCDEFGHKLMNPRSTXYZ", "9": "0123456789", "8": "123456789"}
        return copied("".join(rng.choice(table.get(c, c)) for c in rng.choice(patterns)))

    return make


# --- numbers ---------------------------------------------------------------------------------


def spell(value: int) -> str | None:
    """Write a small number in words, or None."""
    if 0 <= value <= 20:
        return NUMBER_WORDS[value]
    if value in _TENS:
        return _TENS[value]
    tens = value // 10 * 10
    if tens in _TENS and value % 10:
        return f"{_TENS[tens]}-{NUMBER_WORDS[value % 10]}"
    return None


def count(low: int, high: int, spelled: float = 0.3) -> Maker:
    """Return a maker of whole numbers, written in words or digits."""

    def make(source: Source) -> Drawn:
        rng = source.rng
        value = rng.randint(low, high)
        text = spell(value) if rng.random() < spelled else None
        if text is None:
            text = f"{value:,}" if value >= 1000 and rng.random() < 0.5 else str(value)
        return Drawn(text, {"": Leaf(value, INTEGER)})

    return make


def year(source: Source) -> Drawn:
    """Draw a year."""
    value = source.rng.randint(1850, 2030)
    return Drawn(str(value), {"": Leaf(value, INTEGER)})


def decimal(low: float, high: float, digits: int = 1) -> Maker:
    """Return a maker of numbers with a fraction."""

    def make(source: Source) -> Drawn:
        value = number(round(source.rng.uniform(low, high), digits))
        return Drawn(str(value), {"": Leaf(value, NUMBER)})

    return make


def signed(low: int, high: int) -> Maker:
    """Return a maker of whole numbers that may be written "minus 3"."""

    def make(source: Source) -> Drawn:
        value = source.rng.randint(low, high)
        text = f"minus {-value}" if value < 0 and source.rng.random() < 0.5 else str(value)
        return Drawn(text, {"": Leaf(value, INTEGER)})

    return make


_CURRENCIES: Mapping[str, Sequence[str]] = {
    "USD": ("${}", "USD {}", "{} dollars", "US${}"),
    "EUR": ("€{}", "EUR {}", "{} euros", "{} €"),
    "GBP": ("£{}", "GBP {}", "{} pounds"),
    "JPY": ("¥{}", "JPY {}", "{} yen"),
    "CHF": ("CHF {}", "{} Swiss francs"),
}


def money(low: float, high: float) -> Maker:
    """Return a maker of amounts; the currency is a second field."""

    def make(source: Source) -> Drawn:
        rng = source.rng
        currency = rng.choice(("USD", "USD", "EUR", "EUR", "GBP", "JPY", "CHF"))
        value: float = rng.randint(int(low) + 1, int(high))
        if currency != "JPY" and rng.random() < 0.65:
            value += rng.choice((0.5, 0.25, 0.99, 0.95, rng.randint(1, 99) / 100))
        value = number(round(value, 2))
        thousands = "," if value >= 1000 and rng.random() < 0.5 else ""
        written = format(value, f"{thousands}.2f") if value != int(value) else (
            format(int(value), thousands) + (".00" if rng.random() < 0.15 else "")
        )  # fmt: skip
        codes = rng.sample(sorted(_CURRENCIES), rng.randint(3, 5))
        schema = {"type": "string", "enum": sorted({currency, *codes})}
        if rng.random() < 0.5:
            schema = STRING
        return Drawn(
            rng.choice(_CURRENCIES[currency]).format(written),
            {"": Leaf(value, NUMBER), "currency": Leaf(currency, schema)},
        )

    return make


# --- dates and times -------------------------------------------------------------------------


def date(source: Source) -> Drawn:
    """Draw a day in one of the usual spellings; the record holds YYYY-MM-DD."""
    rng = source.rng
    y, m, d = rng.choice((rng.randint(1900, 2035), rng.randint(2015, 2030))), 0, 0
    m, d = rng.randint(1, 12), rng.randint(1, 28)
    iso, month = f"{y}-{m:02d}-{d:02d}", words.MONTHS[m - 1]
    ending = {1: "st", 2: "nd", 3: "rd", 21: "st", 22: "nd", 23: "rd"}.get(d, "th")
    text = rng.choice(
        (f"{d} {month} {y}", f"{month} {d}, {y}", f"{d} {month} {y}", f"{month} {d}{ending}, {y}",
         f"{d}{ending} {month} {y}", f"{d} {month[:3]} {y}", f"{month[:3]} {d}, {y}", iso)
    )  # fmt: skip
    return Drawn(text, {"": Leaf(iso, STRING)})


def clock(source: Source) -> Drawn:
    """Draw a time of day; the record holds HH:MM in 24 hours."""
    rng = source.rng
    h, m = rng.randint(0, 23), rng.choice((0, 0, 15, 30, 45, rng.randint(0, 59)))
    twelve, half = (h + 11) % 12 + 1, "am" if h < 12 else "pm"
    short = f"{twelve} {half}" if m == 0 else f"{twelve}:{m:02d} {half}"
    text = rng.choice((f"{h:02d}:{m:02d}", f"{h:02d}:{m:02d}", short, f"{twelve}:{m:02d} {half}"))
    if h == 12 and m == 0 and rng.random() < 0.5:
        text = "noon"
    return Drawn(text, {"": Leaf(f"{h:02d}:{m:02d}", STRING)})


def timestamp(source: Source) -> Drawn:
    """Draw the time of a log line, repeated as it stands."""
    rng = source.rng
    return copied(f"{rng.randint(0, 23):02d}:{rng.randint(0, 59):02d}:{rng.randint(0, 59):02d}")


# --- choices ---------------------------------------------------------------------------------


def choice(options: Mapping[str, Sequence[str]]) -> Maker:
    """Return a maker of an enum: the record's value, and the ways a passage says it.

    The enum of the schema is a random subset in random order, sometimes in capitals.
    """

    def make(source: Source) -> Drawn:
        rng = source.rng
        names = list(options)
        chosen = rng.choice(names)
        others = [name for name in names if name != chosen]
        kept = rng.sample(others, rng.randint(min(2, len(others)), min(5, len(others))))
        enum = [chosen, *kept]
        rng.shuffle(enum)
        write = str.upper if rng.random() < 0.15 else str
        return Drawn(
            rng.choice(options[chosen]),
            {"": Leaf(write(chosen), {"type": "string", "enum": [write(name) for name in enum]})},
        )

    return make


def one_of(names: Sequence[str]) -> Maker:
    """Return a maker of an enum that the passage says as the record does."""
    return choice({name: (name,) for name in names})


def flag(yes: Sequence[str], no: Sequence[str]) -> Maker:
    """Return a maker of a boolean."""

    def make(source: Source) -> Drawn:
        value = source.rng.random() < 0.5
        return Drawn(source.rng.choice(yes if value else no), {"": Leaf(value, BOOLEAN)})

    return make


def synonyms(keys: str, source: Source) -> list[str]:
    """Return the key names of a field; those after the bar serve ``new_keys`` only."""
    known, _, new = keys.partition("|")
    if source.new_keys and new.strip():
        return new.split()
    return known.split()
