"""Examples for training and evaluation: a passage, a JSON schema, and the record it asks for.

Everything follows from a seed.  Training never sees held-out words, templates or key names;
each of the held-out sets of ``HELD_OUT_SETS`` shows one kind of them.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from constrained_diffusion.models.hint import render_hint
from training.text.domains import DOMAINS, Domain
from training.text.values import Drawn, Leaf, synonyms
from training.text.words import Source

HELD_OUT_SETS = ("values", "templates", "keys")
"""Names of the evaluation sets: new words, new templates, new key names."""

DISTRACTORS = (
    "The office closes early.", "Call back tomorrow.", "{person} was not there.",
    "See page {number}.", "Thanks again!", "{person} from {city} sends regards.",
    "The {product} arrived late.", "Nothing else happened on {date}.", "Please reply soon.",
    "There were {number} others.", "The parking place is behind the house.",
    "Coffee costs {price} there.", "Do not forget the {product}.", "Line {number} was busy.",
    "Last year it was different.", "{city} is far away.", "Good morning.", "More news at {time}.",
)  # fmt: skip


@dataclass(frozen=True)
class Example:
    """A task: read ``passage``, write ``record``, which satisfies ``schema``."""

    passage: str
    schema: dict[str, Any]
    record: dict[str, Any]
    domain: str
    template: int

    @property
    def text(self) -> str:
        """The record as the model writes it: compact JSON."""
        return json.dumps(self.record, separators=(",", ":"), ensure_ascii=False)

    @property
    def hint(self) -> str:
        """The line that names the wanted fields."""
        return render_hint(self.schema)


def examples(seed: int, held_out: str | None = None) -> Iterator[Example]:
    """Yield examples for ever.

    Args:
        seed: the same seed gives the same examples.
        held_out: None for training data, or one of ``HELD_OUT_SETS``.
    """
    if held_out is not None and held_out not in HELD_OUT_SETS:
        raise ValueError(f"unknown held-out set {held_out!r}, expected one of {HELD_OUT_SETS}")
    rng = random.Random(f"{held_out}/{seed}")
    source = Source(rng, new_values=held_out == "values", new_keys=held_out == "keys")
    while True:
        domain = rng.choice(DOMAINS)
        last = len(domain.templates) - 1
        index = last if held_out == "templates" else rng.randrange(last)
        yield _example(domain, index, source)


def value_spans(example: Example) -> list[tuple[int, int]]:
    """Return the character spans of ``example.text`` that hold values, not structure.

    The quotes of a string count as structure; the commas between the items of an array too.
    """
    spans: list[tuple[int, int]] = []
    _walk(example.record, 0, spans)
    return spans


def _walk(value: Any, start: int, spans: list[tuple[int, int]]) -> int:
    """Append the spans of ``value`` written at ``start``; return where it ends."""
    if isinstance(value, dict):
        at = start + 1
        for key, item in value.items():
            at += len(json.dumps(key, ensure_ascii=False)) + 1
            at = _walk(item, at, spans) + 1
        return max(at, start + 2)
    if isinstance(value, list):
        at = start + 1
        for item in value:
            at = _walk(item, at, spans) + 1
        return max(at, start + 2)
    length = len(json.dumps(value, ensure_ascii=False))
    quote = 1 if isinstance(value, str) else 0
    spans.append((start + quote, start + length - quote))
    return start + length


def _example(domain: Domain, index: int, source: Source) -> Example:
    rng = source.rng
    template = re.sub(
        r"<([^<>{}]*\|[^<>]*)>", lambda m: rng.choice(m[1].split("|")), domain.templates[index]
    )
    slots = list(dict.fromkeys(re.findall(r"{(\w+)}", template)))
    drawn = {slot: domain.makers[slot](source) for slot in slots}
    passage = template.format(**{slot: d.text for slot, d in drawn.items()})
    passage = passage[0].upper() + passage[1:] if rng.random() < 0.9 else passage
    leaves = _choose(_named_leaves(drawn), source)
    record, schema = _assemble(domain, leaves, source)
    if rng.random() < 0.08:
        record = {domain.name: record}
        schema = _object({domain.name: schema})
    return Example(_distract(passage, source), schema, record, domain.name, index)


def _named_leaves(drawn: dict[str, Drawn]) -> dict[str, Leaf]:
    return {name or slot: leaf for slot, d in drawn.items() for name, leaf in d.leaves.items()}


def _choose(leaves: dict[str, Leaf], source: Source) -> dict[str, Leaf]:
    """Keep a random subset, most often of most fields, in a random order half of the time."""
    rng = source.rng
    names = list(leaves)
    if rng.random() < 0.5:
        kept = set(rng.sample(names, rng.randint(1, len(names))))
        names = [name for name in names if name in kept]
    if rng.random() < 0.6:
        rng.shuffle(names)
    return {name: leaves[name] for name in names}


def _assemble(
    domain: Domain, leaves: dict[str, Leaf], source: Source
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Name the fields and nest the groups."""
    rng = source.rng
    camel = rng.random() < 0.2
    record: dict[str, Any] = {}
    properties: dict[str, Any] = {}
    inside = {
        name: group
        for group, members in domain.groups.items()
        if rng.random() < 0.5 and sum(name in leaves for name in members) >= 2
        for name in members
    }
    nested: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {}
    for name, leaf in leaves.items():
        values, schemas = record, properties
        if name in inside:
            group = inside[name]
            if group not in nested:
                key = _key(group, record, camel, source)
                nested[group] = ({}, {})
                record[key], properties[key] = nested[group][0], _object(nested[group][1])
            values, schemas = nested[group]
        key = _key(domain.fields[name], values, camel, source)
        values[key], schemas[key] = leaf.value, leaf.schema
    for group, (values, schemas) in nested.items():
        del group
        for schema in properties.values():
            if schema.get("properties") is schemas:
                schema["required"] = list(values)
    return record, _object(properties)


def _key(keys: str, taken: dict[str, Any], camel: bool, source: Source) -> str:
    """Choose a name for a field that its object does not have yet."""
    names = synonyms(keys, source)
    for _ in range(20):
        key = source.rng.choice(names)
        if camel:
            first, *rest = key.split("_")
            key = first + "".join(part.capitalize() for part in rest)
        if key not in taken:
            return key
    return f"{key}_{len(taken)}"


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _distract(passage: str, source: Source) -> str:
    """Put sentences that do not matter around the passage."""
    from training.text import values as v

    makers = {"person": v.person, "number": v.count(1, 300), "city": v.city, "date": v.date,
              "product": v.product, "price": v.money(1, 90), "time": v.clock}  # fmt: skip
    for _ in range(source.rng.choice((0, 0, 1, 1, 2))):
        sentence = source.rng.choice(DISTRACTORS)
        used = {
            name: make(source).text for name, make in makers.items() if f"{{{name}}}" in sentence
        }
        sentence = sentence.format(**used)
        before = source.rng.random() < 0.4
        passage = f"{sentence} {passage}" if before else f"{passage} {sentence}"
    return passage
