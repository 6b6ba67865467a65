"""LALR(1) lookaheads of a grammar without empty rules."""

from __future__ import annotations

from .automaton import Automaton
from .components import strongly_connected_components
from .grammar import ReducedGrammar, nonterminal_rules


def lookaheads(
    grammar: ReducedGrammar, automaton: Automaton, end_terminal: int
) -> list[dict[int, int]]:
    """For each state and each rule that is complete in it the bit set of terminals that may follow.

    DeRemer and Pennello, "Efficient computation of LALR(1) look-ahead sets" (1982). Without empty
    rules the relation "reads" is empty, and "includes" comes only from last symbols.
    """
    transitions = automaton.transitions
    rules = nonterminal_rules(grammar)
    edges = [
        (state, number)
        for state, row in enumerate(transitions)
        for is_terminal, number in row
        if not is_terminal
    ]
    index = {edge: place for place, edge in enumerate(edges)}

    read_in = []
    for row in transitions:
        bits = 0
        for is_terminal, number in row:
            if is_terminal:
                bits |= 1 << number
        read_in.append(bits)
    read_in[automaton.end] |= 1 << end_terminal
    follow = [read_in[transitions[state][False, head]] for state, head in edges]

    includes: list[list[int]] = [[] for _ in edges]
    reductions: list[tuple[int, int, int]] = []
    for place, (state, head) in enumerate(edges):
        for rule in rules[head]:
            body = grammar.rules[rule].body
            before = after = state
            for symbol in body:
                before, after = after, transitions[after][symbol]
            is_terminal, last = body[-1]
            if not is_terminal:
                includes[index[before, last]].append(place)
            reductions.append((after, rule, place))

    for component in strongly_connected_components(includes):
        union = 0
        for place in component:
            union |= follow[place]
            for other in includes[place]:
                union |= follow[other]
        for place in component:
            follow[place] = union

    result: list[dict[int, int]] = [{} for _ in transitions]
    for state, rule, place in reductions:
        result[state][rule] = result[state].get(rule, 0) | follow[place]
    return result
