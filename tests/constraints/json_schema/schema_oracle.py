"""What the tests compare with: `jsonschema`, and helpers that know nothing of the compiler."""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Iterator
from typing import Any

import jsonschema
import numpy as np

from constrained_diffusion.automata import ByteAutomaton
from constrained_diffusion.constraints.json_schema.drafts import Draft

URIS = {
    Draft.DRAFT4: "http://json-schema.org/draft-04/schema#",
    Draft.DRAFT6: "http://json-schema.org/draft-06/schema#",
    Draft.DRAFT7: "http://json-schema.org/draft-07/schema#",
    Draft.DRAFT2019_09: "https://json-schema.org/draft/2019-09/schema",
    Draft.DRAFT2020_12: "https://json-schema.org/draft/2020-12/schema",
}
"""What `$schema` says in each draft."""


def validator(schema: Any) -> Any:
    """A validator of the schema's draft (2020-12 by default) that asserts formats."""
    kind = jsonschema.validators.validator_for(schema, default=jsonschema.Draft202012Validator)
    return kind(schema, format_checker=kind.FORMAT_CHECKER)


def spell(value: Any) -> bytes:
    """The spelling of a value that compact compiled schemas read."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def orderings(value: Any) -> Iterator[Any]:
    """`value` with the keys of its objects in every order."""
    if isinstance(value, list):
        for items in itertools.product(*(list(orderings(item)) for item in value)):
            yield list(items)
    elif isinstance(value, dict):
        for names in itertools.permutations(value):
            options = [list(orderings(value[name])) for name in names]
            for values in itertools.product(*options):
                yield dict(zip(names, values, strict=True))
    else:
        yield value


def accepts_some_order(automaton: ByteAutomaton, value: Any) -> bool:
    return any(automaton.accepts(spell(ordered)) for ordered in orderings(value))


def walk(automaton: ByteAutomaton, rng: random.Random, length: int = 60) -> bytes:
    """A random text of the language: about `length` random steps, then the shortest way out."""
    text = bytearray()
    state = 0
    byte_sets = [np.flatnonzero(automaton.byte_class == k) for k in range(automaton.num_classes)]
    while True:
        row = automaton.transitions[state]
        columns = np.flatnonzero(row >= 0)
        if len(text) >= length:
            if automaton.accepting[state]:
                return bytes(text)
            nearest = automaton.distance[row[columns]].min()
            columns = columns[automaton.distance[row[columns]] == nearest]
        elif automaton.accepting[state] and (len(columns) == 0 or rng.random() < 0.3):
            return bytes(text)
        column = int(rng.choice(columns.tolist()))
        text.append(int(rng.choice(byte_sets[column].tolist())))
        state = int(row[column])
