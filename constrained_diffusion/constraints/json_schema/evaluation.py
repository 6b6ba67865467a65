"""Evaluation: what `unevaluatedProperties` and `unevaluatedItems` speak of.

Which keys and items a schema *evaluates* depends on which of its branches hold (JSON Schema
2020-12, core, sections 11.2 and 11.3). Here a schema is spread out into alternatives: for each, it
is known which branches hold, so what they evaluate together is known as well.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from ...errors import LimitError
from .assertions import with_tests
from .drafts import Draft
from .facts import ArrayFacts, ArrayGroup, ObjectFacts, ObjectGroup
from .normal_form import ALL_FACTS, MAX_CONJUNCTIONS, Facts, union
from .normalise import (
    ARRAY_KEYWORDS,
    OBJECT_KEYWORDS,
    UNEVALUATED,
    Normaliser,
    stating_keywords,
    without_key,
)
from .reading import ANYTHING, NOTHING, ReadSchema
from .references import escape

MAX_BRANCHES = 8


@dataclass(frozen=True)
class Evaluated:
    """What branches that hold evaluate of an object or an array.

    names, patterns: the keys (patterns with the pointers of their keywords), or all of them.
    items: how many of the first items, or all of them.
    matching: schemas; an item that satisfies one of them is evaluated.
    """

    names: frozenset[str] = frozenset()
    patterns: frozenset[tuple[str, str]] = frozenset()
    all_keys: bool = False
    items: int = 0
    all_items: bool = False
    matching: frozenset[int] = frozenset()

    def __or__(self, other: Evaluated) -> Evaluated:
        return Evaluated(
            self.names | other.names,
            self.patterns | other.patterns,
            self.all_keys or other.all_keys,
            max(self.items, other.items),
            self.all_items or other.all_items,
            self.matching | other.matching,
        )


NOTHING_EVALUATED = Evaluated()

Alternatives = list[tuple[Facts, Evaluated]]
"""Facts of which at least one holds, each with what is evaluated where they hold."""


class Evaluator:
    """Spreads schemas of one document out."""

    def __init__(self, normaliser: Normaliser) -> None:
        self._normaliser = normaliser

    def alternatives(self, schema: int) -> Alternatives:
        """The alternatives of the schema with this number."""
        if schema in (ANYTHING, NOTHING):
            return [(self._normaliser.schema_facts(schema), NOTHING_EVALUATED)]
        with self._normaliser.entered(schema):
            return self.alternatives_of(self._normaliser.reader.read(schema))

    def alternatives_of(self, schema: ReadSchema) -> Alternatives:
        """The alternatives of a schema."""
        result: Alternatives = [(ALL_FACTS, NOTHING_EVALUATED)]
        for keyword in stating_keywords(schema):
            result = _product(result, self._keyword(schema, keyword))
        for keyword in UNEVALUATED:
            if keyword in schema.keywords:
                rest = schema.keywords[keyword]
                with_rest = self._rest_of_keys if keyword == UNEVALUATED[0] else self._rest_of_items
                result = [with_rest(facts, evaluated, rest) for facts, evaluated in result]
        return result

    def _keyword(self, schema: ReadSchema, keyword: str) -> Alternatives:
        value = schema.keywords[keyword]
        if keyword in ("$ref", "$dynamicRef"):
            return self.alternatives(value)
        if keyword == "allOf":
            result: Alternatives = [(ALL_FACTS, NOTHING_EVALUATED)]
            for branch in value:
                result = _product(result, self.alternatives(branch))
            return result
        if keyword == "anyOf":
            return self._any(value)
        if keyword == "oneOf":
            return self._one(value)
        if keyword == "if":
            return self._conditional(schema, value)
        if keyword == "dependentSchemas":
            result = [(ALL_FACTS, NOTHING_EVALUATED)]
            for name, dependent in value.items():
                without = (without_key(name), NOTHING_EVALUATED)
                present = with_tests(objects=(ObjectFacts(required=(name,)),))
                holding = _product([(present, NOTHING_EVALUATED)], self.alternatives(dependent))
                result = _product(result, [without, *holding])
            return result
        facts = self._normaliser.keyword_facts(schema, keyword)
        return [(facts, self._beside(schema, keyword))]

    def _beside(self, schema: ReadSchema, keyword: str) -> Evaluated:
        """What the tests of keys or items evaluate that are stated with `keyword`."""
        keywords = schema.keywords
        if keyword in OBJECT_KEYWORDS:
            return _evaluated_keys(schema)
        if keyword not in ARRAY_KEYWORDS:
            return NOTHING_EVALUATED
        items = keywords.get("items")
        matching: frozenset[int] = frozenset()
        if "contains" in keywords and schema.draft >= Draft.DRAFT2020_12:
            matching = frozenset((keywords["contains"],))
        if isinstance(items, tuple):
            return Evaluated(
                items=len(items), all_items="additionalItems" in keywords, matching=matching
            )
        return Evaluated(
            items=len(keywords.get("prefixItems", ())),
            all_items=items is not None,
            matching=matching,
        )

    def _any(self, branches: Sequence[int]) -> Alternatives:
        """Which branches that evaluate something hold, and which do not."""
        evaluating, others = [], []
        for branch in branches:
            alternatives = self.alternatives(branch)
            if all(evaluated == NOTHING_EVALUATED for _, evaluated in alternatives):
                others.append(branch)
            else:
                evaluating.append((alternatives, self._complement(branch)))
        if len(evaluating) > MAX_BRANCHES:
            raise LimitError(
                f"unevaluatedProperties and unevaluatedItems see through at most {MAX_BRANCHES} "
                f"branches of anyOf, not {len(evaluating)}"
            )
        result: Alternatives = []
        for holds in itertools.product((True, False), repeat=len(evaluating)):
            chosen: Alternatives = [(ALL_FACTS, NOTHING_EVALUATED)]
            for (alternatives, complement), held in zip(evaluating, holds, strict=True):
                chosen = _product(chosen, alternatives if held else complement)
            if not any(holds):
                rest = union(self._normaliser.schema_facts(branch) for branch in others)
                chosen = _product(chosen, [(rest, NOTHING_EVALUATED)])
            result += chosen
        return result

    def _one(self, branches: Sequence[int]) -> Alternatives:
        complements = [self._complement(branch) for branch in branches]
        result: Alternatives = []
        for number, branch in enumerate(branches):
            chosen = self.alternatives(branch)
            for other, complement in enumerate(complements):
                if other != number:
                    chosen = _product(chosen, complement)
            result += chosen
        return result

    def _conditional(self, schema: ReadSchema, condition: int) -> Alternatives:
        then = self.alternatives(schema.keywords.get("then", ANYTHING))
        otherwise = self.alternatives(schema.keywords.get("else", ANYTHING))
        return [
            *_product(self.alternatives(condition), then),
            *_product(self._complement(condition), otherwise),
        ]

    def _complement(self, schema: int) -> Alternatives:
        return [(~self._normaliser.schema_facts(schema), NOTHING_EVALUATED)]

    def _rest_of_keys(
        self, facts: Facts, evaluated: Evaluated, schema: int
    ) -> tuple[Facts, Evaluated]:
        if evaluated.all_keys:
            return facts, evaluated
        group = ObjectGroup(
            tuple((name, ANYTHING) for name in sorted(evaluated.names)),
            tuple((*pattern, ANYTHING) for pattern in sorted(evaluated.patterns)),
            schema,
        )
        tests = with_tests(objects=(ObjectFacts((group,)),))
        return facts & tests, evaluated | Evaluated(all_keys=True)

    def _rest_of_items(
        self, facts: Facts, evaluated: Evaluated, schema: int
    ) -> tuple[Facts, Evaluated]:
        if evaluated.all_items:
            return facts, evaluated
        rest = schema
        if evaluated.matching:
            rest = self._normaliser.union_of((schema, *evaluated.matching))
        group = ArrayGroup((ANYTHING,) * evaluated.items, rest)
        tests = with_tests(arrays=(ArrayFacts((group,)),))
        return facts & tests, evaluated | Evaluated(all_items=True)


def _evaluated_keys(schema: ReadSchema) -> Evaluated:
    keywords = schema.keywords
    return Evaluated(
        names=frozenset(keywords.get("properties", ())),
        patterns=frozenset(
            (pattern, f"{schema.pointer}/patternProperties/{escape(pattern)}")
            for pattern in keywords.get("patternProperties", ())
        ),
        all_keys="additionalProperties" in keywords,
    )


def _product(ours: Alternatives, theirs: Alternatives) -> Alternatives:
    """Both hold: every pair of alternatives that do not contradict each other."""
    if len(ours) * len(theirs) > MAX_CONJUNCTIONS:
        raise LimitError(
            f"unevaluatedProperties and unevaluatedItems see over {MAX_CONJUNCTIONS} combinations "
            "of branches; use fewer branches in anyOf and oneOf"
        )
    pairs = [(a & b, mine | its) for a, mine in ours for b, its in theirs]
    possible = [(facts, evaluated) for facts, evaluated in pairs if facts.is_possible]
    return possible or pairs[:1]
