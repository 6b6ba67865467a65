"""Random walks over compiled real schemas: each text is valid, whatever part of the automaton it
leads through. The benchmark json_schema_walks.py does the same at length."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from fuzz_oracle import Judge, Undecided, read
from real_records import RECORDS, SHARED, spread_out
from schema_oracle import walk

from constrained_diffusion.automata import ByteAutomaton
from constrained_diffusion.constraints.json_schema import compile_schema
from constrained_diffusion.errors import ConstrainedDiffusionError

SWEEP_SECONDS = 20


def through_every_edge(automaton: ByteAutomaton, rng: random.Random, most: int) -> Iterator[bytes]:
    """Texts that together take every transition (or `most` of them, drawn at random): a shortest
    way to it, and from there a shortest way out."""
    sources, columns, targets = automaton.edges
    members = [np.flatnonzero(automaton.byte_class == k) for k in range(automaton.num_classes)]
    # States stand in breadth-first order and edges by source: the first edge into a state comes
    # from a state that is nearest to the start.
    first = dict(
        zip(*(each.tolist() for each in np.unique(targets, return_index=True)), strict=True)
    )
    for edge in rng.sample(range(len(sources)), min(most, len(sources))):
        way = [edge]
        while sources[way[-1]] != 0:
            way.append(first[int(sources[way[-1]])])
        text = bytearray(rng.choice(members[columns[each]].tolist()) for each in reversed(way))
        state = int(targets[edge])
        while automaton.distance[state] > 0:
            row = automaton.transitions[state]
            ahead = np.where(row >= 0, automaton.distance[row], np.iinfo(np.int32).max)
            column = int(rng.choice(np.flatnonzero(ahead == ahead.min()).tolist()))
            text.append(int(rng.choice(members[column].tolist())))
            state = int(row[column])
        yield bytes(text)


def check(record: dict[str, Any], automaton: ByteAutomaton, walks: int, edges: int) -> None:
    rng, judge = random.Random(record["name"]), Judge(record["schema"])
    texts = [walk(automaton, rng, (30, 100, 300)[number % 3]) for number in range(walks)]
    texts += through_every_edge(automaton, rng, edges)
    for text in texts:
        assert automaton.accepts(text)
        try:
            problem = judge.problem(read(text.decode()))
        except Undecided:
            continue
        assert problem is None, (record["name"], text.decode(), problem)


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record["name"])
def test_sample(record: dict[str, Any]) -> None:
    check(record, compile_schema(record["schema"]).automaton, walks=30, edges=150)


@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared data are not there")
def test_sweep_over_all_sets() -> None:
    """Bounded by time; the schemas that took long to compile have their turn in the benchmark."""
    deadline = time.monotonic() + SWEEP_SECONDS
    compiled = 0
    for record in spread_out(8):
        if time.monotonic() > deadline:
            break
        if len(json.dumps(record["schema"])) > 10_000:
            continue
        try:
            automaton = compile_schema(record["schema"], max_states=30_000).automaton
        except ConstrainedDiffusionError:
            continue
        compiled += 1
        check(record, automaton, walks=6, edges=10)
    assert compiled > 20
