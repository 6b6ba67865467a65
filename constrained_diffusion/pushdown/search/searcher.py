"""`Searcher`: from a model's prediction to the best canvases of a language."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from ...automata.automaton import ByteAutomaton
from ...errors import InternalError, LimitError
from .. import kernels
from ..machine import Machine
from ..reading import GrammarReading
from ..tables import BoolArray, Int64Array
from .beam import Limits, beam
from .grammar_tokens import grammar_tokens
from .guide import Guide
from .lattice import Lattice, build_lattice
from .relaxed_steps import END, PADDING
from .survivors import Edges, Survivors, best_path, live_edges

if TYPE_CHECKING:
    from torch import Tensor

    from ...inference.tables import Allowed
    from ...vocabulary import Vocabulary

WIDTH = 64
"""Configurations that a position keeps."""

MARGIN = 15.0
"""Nats below a position's best hypothesis at which others are dropped."""

POPS_PER_SLOT = 4

WIDER = 4
"""How much more room a repeated search gets, in the beam and in the relaxed machine."""

COLLAPSE = 40.0
"""Nats between what the relaxed machine promises and what was found that call for a repetition."""


class Searcher:
    """Searches canvases with a machine. It serves one thread at a time, as the machine does.

    Attributes:
        width, margin, pops: limits of each position; see `beam.Limits`.
    """

    def __init__(
        self,
        machine: Machine,
        pieces: Sequence[ByteAutomaton | GrammarReading],
        vocabulary: Vocabulary,
        *,
        width: int = WIDTH,
        margin: float = MARGIN,
        pops: int | None = None,
    ) -> None:
        """pieces: the parts that the machine's tables were assembled from."""
        self.width = width
        self.margin = margin
        self.pops = POPS_PER_SLOT * width if pops is None else pops
        self._machine = machine
        self._repairs = grammar_tokens(pieces, vocabulary)
        self._always = np.array(
            sorted({*vocabulary.end_ids, *vocabulary.padding_ids}), np.int64
        )
        self._roles = np.zeros(len(vocabulary), np.uint8)
        self._roles[list(vocabulary.end_ids)] |= END
        self._roles[list(vocabulary.padding_ids)] |= PADDING
        self._guide = Guide(machine, pieces, self._roles)
        self._slot_of = np.full(len(machine.memory.lists_parent), -1, np.int32)
        self._row_of = self._slot_of.copy()

    def lattice(self, log_probs: Tensor, allowed: Allowed, witness: Int64Array) -> Lattice:
        """The candidates of each position.

        log_probs: [L, V] on the CPU; allowed: the tokens of fixed positions; witness: int64 [L],
        candidates in any case. Raises ConstrainedDiffusionError for NaN and +inf.
        """
        return build_lattice(
            log_probs, allowed, witness, always=self._always, repairs=self._repairs
        )
