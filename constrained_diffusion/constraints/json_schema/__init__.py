"""JSON Schema: reading, normalising and compiling to a byte automaton.

A schema is *read* one piece at a time (`reading`, with `drafts` and `references`), *normalised* to
facts that speak of one type of value each (`normalise`, `facts`), spread out as the graph of the
values that it is made of (`components`, `unrolling`), and *compiled* (`compile`, with `assembly`,
`containers`, `strings`, `numbers`, `formats`, `layout`).
"""

from .acceptor import Acceptor
from .compile import (
    DEFAULT_MAX_DEPTH,
    DEFAULT_MAX_STATES,
    CompiledSchema,
    acceptor_of,
    compile_schema,
)
from .fields import alternatives, restrict
from .source import schema_of
from .text import canonical_spelling, canonical_text

__all__ = [
    "DEFAULT_MAX_DEPTH",
    "DEFAULT_MAX_STATES",
    "Acceptor",
    "CompiledSchema",
    "acceptor_of",
    "alternatives",
    "canonical_spelling",
    "canonical_text",
    "compile_schema",
    "restrict",
    "schema_of",
]
