"""Makers of arrays: of simple values, and of objects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from training.text.values import Drawn, Leaf, Maker, synonyms
from training.text.words import Source


def _enumerate(texts: Sequence[str], source: Source) -> str:
    """Join as English does: "a, b and c"."""
    if len(texts) == 1:
        return texts[0]
    last = source.rng.choice((" and ", " and ", ", and ", ", "))
    return ", ".join(texts[:-1]) + last + texts[-1]


def several(maker: Maker, low: int = 1, high: int = 4) -> Maker:
    """Return a maker of an array of distinct simple values."""

    def make(source: Source) -> Drawn:
        drawn: dict[str, Drawn] = {}
        for _ in range(source.rng.randint(low, high)):
            item = maker(source)
            drawn.setdefault(item.text, item)
        leaves = [item.leaves[""] for item in drawn.values()]
        schema: dict[str, Any] = {"type": "array", "items": leaves[0].schema}
        if source.rng.random() < 0.25:
            schema |= {"minItems": 1, "maxItems": high + source.rng.randint(0, 3)}
        values = [leaf.value for leaf in leaves]
        return Drawn(_enumerate(list(drawn), source), {"": Leaf(values, schema)})

    return make


def lines(keys: Mapping[str, str], makers: Mapping[str, Maker], templates: Sequence[str],
          low: int = 1, high: int = 3) -> Maker:  # fmt: skip
    """Return a maker of an array of objects: every item is said with the same template.

    Args:
        keys: synonyms of the keys of an item, in the notation of a domain's fields.
        makers: the maker of each slot of ``templates``.
        templates: ways of saying one item.
        low: the least number of items.
        high: the largest number of items.
    """

    def make(source: Source) -> Drawn:
        rng = source.rng
        template = rng.choice(templates)
        slots = [name for name in makers if "{" + name + "}" in template]
        texts, items = [], []
        for _ in range(rng.randint(low, high)):
            drawn = {name: makers[name](source) for name in slots}
            texts.append(template.format(**{name: d.text for name, d in drawn.items()}))
            items.append(
                {leaf or name: d.leaves[leaf] for name, d in drawn.items() for leaf in d.leaves}
            )
        fields = [name for name in items[0] if name in keys]
        rng.shuffle(fields)
        fields = fields[: rng.choice((len(fields), len(fields), rng.randint(1, len(fields))))]
        named = {name: rng.choice(synonyms(keys[name], source)) for name in fields}
        item_schema = {
            "type": "object",
            # An enum differs between items (it is drawn anew): plain strings are safe for all.
            "properties": {named[f]: {"type": items[0][f].schema["type"]} for f in fields},
            "required": [named[f] for f in fields],
            "additionalProperties": False,
        }
        schema: dict[str, Any] = {"type": "array", "items": item_schema}
        if rng.random() < 0.25:
            schema |= {"minItems": 1, "maxItems": high + rng.randint(0, 3)}
        values = [{named[f]: item[f].value for f in fields} for item in items]
        return Drawn(_enumerate(texts, source), {"": Leaf(values, schema)})

    return make
