"""Canvases of a grammar around fixed tokens: a search position by position.

A layer holds the configurations that some tokens lead to, each once, with one way to it. With all
tokens of a small vocabulary and no configuration dropped, a layer that comes out empty proves that
there is no canvas. Otherwise tokens are tried that stand for many, and a layer keeps the
configurations that differ most.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numba import njit

from ...errors import LimitError, UnsatisfiableError
from .. import kernels
from ..kernels import ENDED
from ..machine import Machine
from ..memory import LEX, STACK, Memory, VocabularyText
from ..reading import UNREACHABLE
from ..tables import Int, Int32Array, Int64Array, Tables
from .canvas_tokens import Candidates
from .estimate import Estimate

WIDTHS = (24, 200)
"""How many configurations a layer keeps, at the first and the second try."""

NARROW_GAP = 4
"""Up to so many free positions between fixed ones, more tokens are tried in each."""

BEFORE_FIXED = 60
"""How many times more configurations are kept before a fixed token."""

EXHAUSTIVE_WIDTH = 20_000
MAX_CONFIGURATIONS = 50_000
"""How many configurations a search breadth first looks at."""


@njit(cache=True)
def _step_many(
    tables: Tables,
    memory: Memory,
    text: VocabularyText,
    config: Int,
    tokens: Int64Array,
    targets: Int32Array,
) -> None:
    """Writes the configuration after each token to `targets`."""
    for place in range(len(tokens)):
        targets[place] = kernels.step_token(tables, memory, text, config, tokens[place])


@dataclass(frozen=True)
class CanvasTask:
    """A canvas to find.

    Attributes:
        config: the configuration before it.
        allowed: [L] the tokens that may stand at each position; None for all.
        may_end: whether the canvas may end in a configuration, of the same machine.
        end_ids, padding_ids: the tokens that end a text, and those that follow them.
    """

    config: int
    allowed: Sequence[Sequence[int] | None]
    may_end: Callable[[int], bool]
    end_ids: tuple[int, ...]
    padding_ids: tuple[int, ...]


def search_canvas(
    estimate: Estimate,
    task: CanvasTask,
    candidates: Candidates,
    longest: int,
) -> Int64Array:
    """A canvas of a task, int64 [L].

    Args:
        candidates: text tokens to try where nothing is fixed.
        longest: the most bytes of a token.

    Raises:
        UnsatisfiableError: there is none.
        LimitError: none was found.
    """
    for width in (EXHAUSTIVE_WIDTH,) if candidates.are_all else WIDTHS:
        layers, dropped = _layers(estimate, task, candidates, width, longest)
        if len(layers) > len(task.allowed):
            for config in layers[-1]:
                if task.may_end(config):
                    return _canvas(layers, config)
    if candidates.are_all and not dropped:
        raise UnsatisfiableError("no canvas of the language agrees with the fixed positions")
    raise LimitError(
        f"no canvas that agrees with the fixed positions was found with {width} readings a "
        "position; fix fewer positions, or give the fixed text as a template"
    )


def shortest_by_tokens(estimate: Estimate, config: int, candidates: Candidates) -> list[int]:
    """As few tokens as possible after which the text may end, found breadth first.

    Raises:
        UnsatisfiableError: there are none.
        LimitError: none were found.
    """
    machine = estimate.machine
    before: dict[int, tuple[int, int]] = {config: (0, -1)}
    layer = [config]
    while layer and len(before) <= MAX_CONFIGURATIONS and not machine.full:
        for current in layer:
            if machine.finishes(current):
                tokens = []
                while current != config:
                    current, token = before[current]
                    tokens.append(token)
                return tokens[::-1]
        following = []
        for current in layer:
            targets = _targets(machine, current, candidates.few)
            for place in np.flatnonzero(targets).tolist():
                target = int(targets[place])
                if target not in before:
                    before[target] = (current, int(candidates.few[place]))
                    following.append(target)
        layer = following
    if candidates.are_all and not layer:
        raise UnsatisfiableError("the tokens of the vocabulary spell no text that ends this one")
    raise LimitError(
        f"the tokens of the vocabulary that were tried spell no text that ends this one, among "
        f"{len(before)} continuations; the vocabulary seems to lack characters of the grammar"
    )


Layer = dict[int, tuple[int, int]]


def _layers(
    estimate: Estimate,
    task: CanvasTask,
    candidates: Candidates,
    width: int,
    longest: int,
) -> tuple[list[Layer], bool]:
    """The layers up to the first empty one, and whether a configuration was dropped that might
    lead to a canvas."""
    machine = estimate.machine
    length = len(task.allowed)
    layers: list[Layer] = [{task.config: (0, -1)}]
    dropped = False
    narrow = _narrow(task.allowed)
    for position, fixed in enumerate(task.allowed):
        layer: Layer = {}
        free = candidates.many if narrow[position] else candidates.few
        for config in layers[-1]:
            for token, target in _steps(machine, task, config, fixed, free):
                layer.setdefault(target, (config, token))
        if machine.full:
            raise LimitError("the memory of configurations is full in the search for a canvas")
        # The fixed token that follows decides better than any ranking.
        decided = position + 1 < length and task.allowed[position + 1] is not None
        most = width * (BEFORE_FIXED if decided else 1)
        if len(layer) > most:
            dropped = True
            keep = _most_different(estimate, layer, most, (length - position - 1) * longest)
            layer = {config: layer[config] for config in keep}
        if not layer:
            return layers, dropped
        layers.append(layer)
    return layers, dropped


def _narrow(allowed: Sequence[Sequence[int] | None]) -> list[bool]:
    """[L] whether a position is in a gap between fixed ones that a few tokens have to fill."""
    result = [False] * len(allowed)
    start = 0
    for position, fixed in enumerate(allowed):
        if fixed is not None:
            if position - start <= NARROW_GAP:
                result[start:position] = [True] * (position - start)
            start = position + 1
    return result


def _steps(
    machine: Machine,
    task: CanvasTask,
    config: int,
    fixed: Sequence[int] | None,
    candidates: Int64Array,
) -> list[tuple[int, int]]:
    """Tokens and the configurations they lead to."""
    if config == ENDED:
        pads = task.padding_ids if fixed is None else set(fixed) & set(task.padding_ids)
        return [(min(pads), ENDED)] if pads else []
    tokens = candidates if fixed is None else np.array(fixed, np.int64)
    targets = _targets(machine, config, tokens)
    alive = np.flatnonzero(targets)
    steps = list(zip(tokens[alive].tolist(), targets[alive].tolist(), strict=True))
    ends = task.end_ids if fixed is None else set(fixed) & set(task.end_ids)
    if ends and machine.finishes(config):
        steps.append((min(ends), ENDED))
    return steps


def _targets(machine: Machine, config: int, tokens: Int64Array) -> Int32Array:
    """int32 [n], the configurations after each of some tokens; 0 is dead."""
    targets = np.zeros(len(tokens), np.int32)
    tables, memory = machine.kernel_tables, machine.kernel_memory
    _step_many(tables, memory, machine.kernel_text, config, tokens, targets)
    return targets


def _most_different(estimate: Estimate, layer: Layer, width: int, room: int) -> list[int]:
    """`width` configurations: those nearest to an end of each kind first, in turns. Kinds are told
    apart by lexer state and the state on top of the stack.

    room: the most characters that are left.
    """
    memory = estimate.machine.memory
    kinds: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for config in layer:
        if config == ENDED:
            kinds.setdefault((-1, -1), []).append((0, config))
            continue
        remaining = estimate.remaining(config)
        if not estimate.machine.suffix and (remaining >= UNREACHABLE or remaining > room):
            continue
        fields = memory.threads[memory.lists_value[config]]
        kind = int(fields[LEX]), int(memory.stacks_state[fields[STACK]])
        kinds.setdefault(kind, []).append((remaining, config))
    groups = [sorted(group) for group in kinds.values()]
    groups.sort(key=lambda group: group[0])
    turns = max((len(group) for group in groups), default=0)
    chosen: list[int] = []
    for turn in range(turns):
        chosen += [group[turn][1] for group in groups if turn < len(group)]
        if len(chosen) >= width:
            break
    return chosen[:width]


def _canvas(layers: list[Layer], config: int) -> Int64Array:
    tokens = []
    for layer in reversed(layers[1:]):
        config, token = layer[config]
        tokens.append(token)
    return np.array(tokens[::-1], np.int64)
