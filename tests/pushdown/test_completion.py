"""Shortest texts, against the enumeration of all short ones."""

from __future__ import annotations

from itertools import product

import completion_cases
import pytest
from completion_cases import CASES

from constrained_diffusion.automata import algebra
from constrained_diffusion.automata.regex import from_regex
from constrained_diffusion.errors import UnsatisfiableError
from constrained_diffusion.pushdown.completion import Completer
from constrained_diffusion.pushdown.machine import Machine
from constrained_diffusion.pushdown.reading import assemble, read
from constrained_diffusion.vocabulary import Vocabulary


@pytest.mark.parametrize("name", CASES)
def test_shortest_is_the_least_of_all_texts(name: str) -> None:
    case = CASES[name]
    machine, completer = completion_cases.bytes_completer(name)
    texts = completion_cases.texts(name)
    compared = 0
    for size in range(4):
        for letters in product(case.alphabet, repeat=size):
            prefix = "".join(letters)
            config = machine.run(prefix.encode())
            rest = [len(text) - size for text in texts if text.startswith(prefix)]
            if config == 0:
                assert not rest
                continue
            try:
                found = completer.shortest(config).decode()
            except UnsatisfiableError:
                # A terminal may be read before it shows that the parser does not take it.
                assert not rest
                continue
            assert machine.accepts((prefix + found).encode())
            if size + len(found) <= case.length or rest:
                assert len(found) == min(rest), (prefix, found)
                compared += 1
    assert compared > 3


@pytest.mark.parametrize("name", CASES)
def test_shortest_tokens_spell_an_accepted_text(name: str) -> None:
    machine, completer = completion_cases.bytes_completer(name)
    tokens = completer.shortest_tokens(machine.start)
    assert machine.accepts(bytes(tokens))
    assert completer.finishes_within(machine.start, len(tokens))
    assert not completer.finishes_within(machine.start, len(tokens) - 1)


def test_characters_that_only_longer_tokens_hold() -> None:
    machine, completer = completion_cases.completer("brackets", [b"a)", b"(", b"((", b"]["])
    tokens = completer.shortest_tokens(machine.start)
    # "(a)" is the shortest text of these tokens, which "a" is not.
    assert tokens == [1, 0]
    _, completer = completion_cases.completer("brackets", [b"(", b"[a"])
    with pytest.raises(UnsatisfiableError):
        completer.shortest_tokens(machine.start)


def test_completion_within_a_character() -> None:
    machine, completer = completion_cases.bytes_completer("strings")
    for character in ("é", "漢", "\U0001f600"):
        encoded = character.encode()
        for cut in range(1, len(encoded)):
            start = b'{"' + encoded[:cut]
            text = start + completer.shortest(machine.run(start))
            assert machine.accepts(text)
            assert len(text.decode()) == len('{"é":""}')


def test_parts_in_sequence() -> None:
    piece = read(completion_cases.grammar("brackets"))
    pieces = [algebra.literal(b"x"), piece, from_regex("yy+", match="full"), piece]
    machine = Machine(assemble(pieces), [])
    vocabulary = Vocabulary([b"x", b"a", b"y", None], end_ids=(3,))
    completer = Completer(machine, pieces, vocabulary)
    for start, expected in ((b"", 5), (b"x(", 5), (b"xay", 2), (b"xayy[", 3), (b"xayya", 0)):
        text = completer.shortest(machine.run(start))
        assert len(text) == expected
        assert machine.accepts(start + text)


def test_nothing_finishes() -> None:
    machine = Machine(assemble([from_regex("ab|b", match="full")]), [])
    completer = Completer(
        machine, [from_regex("ab|b", match="full")], Vocabulary([b"a", None], end_ids=(1,))
    )
    assert completer.shortest(machine.start) == b"b"
    with pytest.raises(UnsatisfiableError):
        completer.shortest_tokens(machine.start)
