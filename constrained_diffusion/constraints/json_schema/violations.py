"""Ways of violating: how one value can fail to satisfy schemas that it must not all satisfy."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from ...errors import LimitError
from .normalise import Conjunction, Normaliser
from .reading import NOTHING
from .time_limit import check_time

MAX_WAYS = 4_096
FEW_SCHEMAS = 3


def violations(
    normaliser: Normaliser,
    values: Sequence[int],
    schemas: Sequence[int],
    can_be: Callable[[Sequence[int]], bool],
) -> Iterator[tuple[Conjunction, tuple[int, ...]]]:
    """The ways in which a value that satisfies `values` can violate some of `schemas`.

    Yields components with the schemas that their values violate. All violations of a value are in
    one of the ways. A few schemas may be violated or not, in any combination; of many, those that
    are not violated are satisfied, so that combinations which no value has are seen.

    Raises LimitError if there are too many ways.
    """
    few = len(schemas) <= FEW_SCHEMAS
    ways: list[tuple[Conjunction, tuple[int, ...]]] = [(normaliser.conjunction(values), ())]
    for schema in schemas:
        check_time()
        longer = []
        for value, chosen in ways:
            kept = value if few else normaliser.conjunction((*value, schema))
            violating = normaliser.conjunction((*value, ~schema))
            if few or can_be(kept):
                longer.append((kept, chosen))
            if can_be(violating):
                longer.append((violating, (*chosen, schema)))
        ways = longer
        if len(ways) > MAX_WAYS:
            raise LimitError(
                f"a value is told apart by more than {MAX_WAYS:,} combinations of branches of "
                "oneOf, not or if; use fewer branches"
            )
    for value, chosen in ways:
        if value != (NOTHING,):
            yield value, chosen
