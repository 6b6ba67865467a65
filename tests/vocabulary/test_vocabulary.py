"""The vocabulary value itself: validation, decoding, encoding, fingerprint."""

from __future__ import annotations

import pickle
import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from constrained_diffusion.errors import VocabularyError
from constrained_diffusion.vocabulary import Vocabulary
from constrained_diffusion.vocabulary.segmentation import LongestMatch

TOKENS = [b"a", b"b", b"ab", b"\xc3", b"\xa9", None, None, None]


def small(**changes: object) -> Vocabulary:
    arguments = {"end_ids": [5], "pad_id": 6, "mask_id": 7} | changes
    return Vocabulary(TOKENS, **arguments)  # type: ignore[arg-type]


def test_attributes() -> None:
    vocabulary = small()
    assert len(vocabulary) == 8
    assert vocabulary.tokens == tuple(TOKENS)
    assert (vocabulary.end_ids, vocabulary.pad_id, vocabulary.mask_id) == ((5,), 6, 7)
    assert vocabulary.padding_ids == (6,)
    assert small(pad_id=None).padding_ids == (5,)
    assert small(end_ids=[5, 6], pad_id=None).padding_ids == (5, 6)


def test_special_tokens_never_stand_inside_text() -> None:
    vocabulary = Vocabulary([b"a", b"", b"</s>", b"x"], end_ids=[2], pad_id=2, mask_id=3)
    assert vocabulary.tokens == (b"a", None, None, None)


def test_end_ids_keep_their_order_without_repeats() -> None:
    assert small(end_ids=[6, 5, 6], pad_id=None).end_ids == (6, 5)


@pytest.mark.parametrize(
    "changes",
    [
        {"end_ids": [8]},
        {"end_ids": [-1]},
        {"end_ids": 5},
        {"end_ids": "5"},
        {"end_ids": ["5"]},
        {"end_ids": [True]},
        {"end_ids": [1.0]},
        {"end_ids": [None]},
        {"pad_id": 8},
        {"pad_id": "6"},
        {"mask_id": -1},
        {"mask_id": 5},
        {"mask_id": 6},
    ],
)
def test_wrong_special_ids_are_refused(changes: dict[str, object]) -> None:
    with pytest.raises(VocabularyError) as caught:
        small(**changes)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("tokens", [[], "ab", b"ab", 3, None, ["a"], [b"a", 3], [bytearray(b"a")]])
def test_wrong_tokens_are_refused(tokens: object) -> None:
    with pytest.raises(VocabularyError):
        Vocabulary(tokens, end_ids=[])  # type: ignore[arg-type]


def test_immutable() -> None:
    vocabulary = small()
    with pytest.raises(AttributeError):
        vocabulary.pad_id = 0
    with pytest.raises(AttributeError):
        del vocabulary.tokens
    with pytest.raises(AttributeError):
        vocabulary.other = 1  # type: ignore[attr-defined]


@pytest.mark.parametrize("convert", [list, tuple, iter, np.array, torch.tensor])
def test_decode(convert: object) -> None:
    assert small().decode(convert([0, 5, 3, 4, 7, 2, 6])) == "aéab".encode()  # type: ignore[operator]


@pytest.mark.parametrize("ids", [[8], [-1], ["a"], [None], [0.5], [[0]], 0, None])
def test_decode_refuses_what_is_no_token(ids: object) -> None:
    with pytest.raises(VocabularyError):
        small().decode(ids)  # type: ignore[arg-type]


def test_encode_without_a_source_takes_the_longest_match() -> None:
    assert small().encode("abaé") == [2, 0, 3, 4]
    assert small().encode("") == []


@pytest.mark.parametrize("text", ["c", "ac", "日", "\ud800", b"a", 3])
def test_encode_refuses_what_the_tokens_cannot_spell(text: object) -> None:
    with pytest.raises(VocabularyError):
        small().encode(text)  # type: ignore[arg-type]


short_bytes = st.binary(min_size=1, max_size=3).map(lambda data: bytes(b % 3 + 97 for b in data))


@given(tokens=st.lists(short_bytes, min_size=1, max_size=6), data=st.binary(max_size=8))
@settings(max_examples=100, deadline=None)
def test_longest_match_spells_every_text_that_can_be_spelled(
    tokens: list[bytes], data: bytes
) -> None:
    data = bytes(byte % 3 + 97 for byte in data)
    spellable = {b""}
    for _ in data:
        spellable |= {start + token for start in spellable for token in tokens}
        spellable = {text for text in spellable if data.startswith(text)}
    segmenter = LongestMatch(tokens)
    if data in spellable:
        assert b"".join(tokens[index] for index in segmenter.encode(data)) == data
    else:
        with pytest.raises(VocabularyError):
            segmenter.encode(data)


def test_longest_match_avoids_dead_ends() -> None:
    assert LongestMatch([b"ab", b"a", b"bc"]).encode(b"abc") == [1, 2]


def test_long_text_that_cannot_be_spelled_ends_quickly() -> None:
    with pytest.raises(VocabularyError):
        LongestMatch([b"a", b"aa", b"aaa"]).encode(b"a" * 20_000 + b"b")


def test_equal_vocabularies_have_equal_fingerprints() -> None:
    first, second = small(), small()
    assert first.fingerprint == second.fingerprint
    assert first == second
    assert hash(first) == hash(second)
    assert len({first, second}) == 1
    assert first != "vocabulary"


def test_fingerprint_sees_every_part() -> None:
    variants = [
        small(),
        small(end_ids=[5, 4]),
        small(end_ids=[]),
        small(pad_id=None),
        small(mask_id=None),
        Vocabulary([*TOKENS, None], end_ids=[5], pad_id=6, mask_id=7),
        Vocabulary([b"b", b"a", *TOKENS[2:]], end_ids=[5], pad_id=6, mask_id=7),
        Vocabulary([b"aba", b"b", b"", *TOKENS[3:]], end_ids=[5], pad_id=6, mask_id=7),
        Vocabulary([b"a", b"ba", b"b", *TOKENS[3:]], end_ids=[5], pad_id=6, mask_id=7),
    ]
    assert len({vocabulary.fingerprint for vocabulary in variants}) == len(variants)


def test_fingerprint_is_the_same_in_another_process() -> None:
    program = (
        "from constrained_diffusion.vocabulary import Vocabulary\n"
        f"print(Vocabulary({TOKENS!r}, end_ids=[5], pad_id=6, mask_id=7).fingerprint)"
    )
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == small().fingerprint


def test_pickle() -> None:
    vocabulary = small()
    copy = pickle.loads(pickle.dumps(vocabulary))
    assert copy == vocabulary
    assert copy.encode("ab") == vocabulary.encode("ab")
