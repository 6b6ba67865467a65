"""Decoder steps on single tokens, against the decoders of the tokenizers library."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers

from constrained_diffusion.errors import VocabularyError
from constrained_diffusion.vocabulary import Vocabulary
from constrained_diffusion.vocabulary.spellings import byte_to_character, spell, spelling_steps

MIDDLE = {
    "byte level": decoders.ByteLevel(),
    "metaspace": decoders.Metaspace(),
    "metaspace, other sign": decoders.Metaspace(replacement="_"),
    "WordPiece": decoders.WordPiece(cleanup=False),
    "WordPiece with cleanup": decoders.WordPiece(cleanup=True),
    "WordPiece, other prefix": decoders.WordPiece(prefix="@@", cleanup=True),
    "replace": decoders.Replace("▁", " "),
    "byte fallback": decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback()]),
    "Llama 2": decoders.Sequence(
        [
            decoders.Replace("▁", " "),
            decoders.ByteFallback(),
            decoders.Fuse(),
            decoders.Strip(" ", 1, 0),
        ]
    ),
    "strip each token": decoders.Sequence([decoders.Strip("_", 2, 0)]),
    "nested": decoders.Sequence([decoders.Sequence([decoders.Metaspace()]), decoders.Fuse()]),
}

token_strings = st.one_of(
    st.text("ab▁ #_.'nst@", min_size=1, max_size=6),
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=4),
    st.sampled_from(["##ing", "<0x41>", "<0x0a>", "▁<0x41>", "n't", "'s", "don't", ".", "?", "Ġa"]),
)


def steps_of(decoder: decoders.Decoder) -> list:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.decoder = decoder
    return spelling_steps(json.loads(tokenizer.to_str()))


@pytest.mark.parametrize("name", MIDDLE)
@given(token=token_strings)
@settings(max_examples=100, deadline=None)
def test_a_token_is_what_the_decoder_writes_between_others(name: str, token: str) -> None:
    decoder = MIDDLE[name]
    written = spell(token, steps_of(decoder)).decode(errors="replace")
    assert decoder.decode(["b", token]) == "b" + written


def test_byte_alphabet_is_the_librarys() -> None:
    alphabet = byte_to_character()
    assert len(set(alphabet)) == 256
    assert set(alphabet) == set(pre_tokenizers.ByteLevel.alphabet())
    for byte in range(128):
        spelled = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
        assert spelled.pre_tokenize_str(chr(byte))[0][0] == alphabet[byte]


@pytest.mark.parametrize("byte", range(256))
def test_byte_tokens(byte: int) -> None:
    steps = steps_of(decoders.ByteFallback())
    assert spell(f"<0x{byte:02X}>", steps) == bytes([byte])


def test_end_of_word_suffix() -> None:
    tokenizer = Tokenizer(models.BPE(end_of_word_suffix="</w>"))
    tokenizer.decoder = decoders.BPEDecoder(suffix="</w>")
    steps = spelling_steps(json.loads(tokenizer.to_str()))
    assert [spell(token, steps) for token in ("fox", "es</w>")] == [b"fox", b"es "]
    tokenizer.decoder = decoders.ByteLevel()
    steps = spelling_steps(json.loads(tokenizer.to_str()))
    assert [spell(token, steps) for token in ("Ã©</w>", "Ã")] == ["é ".encode(), b"\xc3"]


@pytest.mark.parametrize(
    ("change", "token", "written"),
    [
        ({}, "fox", b"fox"),
        ({"pre_tokenizer": pre_tokenizers.Whitespace()}, "fox", b"fox"),
        ({"pre_tokenizer": pre_tokenizers.ByteLevel()}, "Ġfox", b" fox"),
        ({"normalizer": normalizers.ByteLevel()}, "Ġfox", b" fox"),
        ({"pre_tokenizer": pre_tokenizers.Metaspace()}, "▁fox", b" fox"),
        ({"normalizer": normalizers.Replace(" ", "_")}, "_fox", b" fox"),
        (
            {
                "pre_tokenizer": pre_tokenizers.Sequence(
                    [pre_tokenizers.Punctuation(), pre_tokenizers.Metaspace()]
                )
            },
            "▁fox",
            b" fox",
        ),
    ],
)
def test_without_a_decoder(change: dict[str, object], token: str, written: bytes) -> None:
    tokenizer = Tokenizer(models.WordLevel({token: 0, "<eos>": 1}))
    for name, value in change.items():
        setattr(tokenizer, name, value)
    assert Vocabulary.from_tokenizer(tokenizer).tokens == (written, None)


def test_word_piece_model_without_a_decoder() -> None:
    tokenizer = Tokenizer(models.WordPiece({"fox": 0, "##es": 1, "[SEP]": 2}, unk_token="[UNK]"))
    assert Vocabulary.from_tokenizer(tokenizer).tokens == (b" fox", b"es", None)


def test_unknown_token_is_special() -> None:
    tokenizer = Tokenizer(models.WordLevel({"a": 0, "unknown": 1, "<eos>": 2}, unk_token="unknown"))
    assert Vocabulary.from_tokenizer(tokenizer).tokens == (b"a", None, None)


def test_decoders_of_speech_are_refused() -> None:
    with pytest.raises(VocabularyError, match="CTC"):
        steps_of(decoders.CTC())


def test_added_tokens_outside_ascii_stand_for_themselves() -> None:
    """The library's byte-level decoder garbles such tokens, its encoder does not."""
    tokenizer = Tokenizer(models.BPE({"a": 0, "<eos>": 1}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_tokens(["café", "  "])
    vocabulary = Vocabulary.from_tokenizer(tokenizer)
    assert vocabulary.tokens[2:] == ("café".encode(), b"  ")
    assert vocabulary.encode("acafé  a") == [0, 2, 3, 0]
