"""Token bytes of trained tokenizers, checked against the library's own decoding."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizer_families import BUILDERS, trained, vocabulary_of
from tokenizers import Tokenizer

from constrained_diffusion.errors import VocabularyError
from constrained_diffusion.vocabulary import Vocabulary

any_text = st.text(st.characters(exclude_categories=["Cs"]))
# Without the metaspace, which tokenizers themselves take for a space, and without what opens the
# text of a special token.
plain_text = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="▁<[")),
    st.text("abdefo Ti0129.,\"{}:é日🙂\n'", max_size=40),
)

BYTE_COMPLETE = [name for name in BUILDERS if name != "word_piece"]
PREFIX_FREE = ["byte_level_bpe", "nested_byte_level_bpe", "fallback_bpe"]
PREFIXED = ["prefixed_byte_level_bpe", "prefixed_fallback_bpe", "unigram"]


def spelled(vocabulary: Vocabulary, tokenizer: Tokenizer, text: str) -> bytes:
    return vocabulary.decode(tokenizer.encode(text, add_special_tokens=False).ids)


@pytest.mark.parametrize("name", PREFIX_FREE)
@given(text=plain_text)
@settings(max_examples=80, deadline=None)
def test_source_tokens_spell_the_text(name: str, text: str) -> None:
    assert spelled(vocabulary_of(name), trained(name), text) == text.encode()


@pytest.mark.parametrize("name", PREFIXED)
@given(text=plain_text)
@settings(max_examples=80, deadline=None)
def test_source_tokens_spell_the_text_after_a_leading_space(name: str, text: str) -> None:
    result = spelled(vocabulary_of(name), trained(name), text)
    assert result in (text.encode(), b" " + text.encode())


@pytest.mark.parametrize("name", BUILDERS)
def test_every_token_is_what_the_decoder_writes_in_the_middle_of_a_text(name: str) -> None:
    tokenizer, vocabulary = trained(name), vocabulary_of(name)
    before = tokenizer.token_to_id("d")
    checked = 0
    for index, token in enumerate(vocabulary.tokens):
        if token is None:
            continue
        written = tokenizer.decode([before, index], skip_special_tokens=False)
        # Tokens that hold a part of a character come out as replacement characters.
        assert written == "d" + token.decode(errors="replace") or not _is_text(token), token
        checked += _is_text(token)
    assert checked > 200


def _is_text(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


@given(text=plain_text)
@settings(max_examples=80, deadline=None)
def test_word_piece_spells_what_its_decoder_writes(text: str) -> None:
    tokenizer, vocabulary = trained("word_piece"), vocabulary_of("word_piece")
    ids = tokenizer.encode(text, add_special_tokens=False).ids
    known = [index for index in ids if vocabulary.tokens[index] is not None]
    # The first token is written without the space that it has in the middle.
    written = tokenizer.decode(known)
    assert vocabulary.decode(known).removeprefix(b" ") == written.encode()


@pytest.mark.parametrize("name", BUILDERS)
@given(text=any_text)
@settings(max_examples=80, deadline=None)
def test_encode_and_decode_round_trip(name: str, text: str) -> None:
    vocabulary = vocabulary_of(name)
    try:
        ids = vocabulary.encode(text)
    except VocabularyError:
        assert name not in BYTE_COMPLETE
        return
    assert vocabulary.decode(ids) == text.encode()
    assert all(vocabulary.tokens[index] is not None for index in ids)


@pytest.mark.parametrize("name", BYTE_COMPLETE)
def test_all_single_bytes_are_tokens(name: str) -> None:
    assert {bytes([byte]) for byte in range(256)} <= set(vocabulary_of(name).tokens)


@pytest.mark.parametrize("name", BYTE_COMPLETE)
@pytest.mark.parametrize("text", ["<eos>", "<pad><mask>", "<tool>", "a<tool>b", "<0x0A>", "Ġ Ċ é"])
def test_text_that_looks_like_a_token_round_trips(name: str, text: str) -> None:
    vocabulary = vocabulary_of(name)
    assert vocabulary.decode(vocabulary.encode(text)) == text.encode()


@pytest.mark.parametrize("name", BUILDERS)
def test_special_and_added_tokens(name: str) -> None:
    tokenizer, vocabulary = trained(name), vocabulary_of(name)
    for token in tokenizer.get_added_tokens_decoder().values():
        index = tokenizer.token_to_id(token.content)
        literal = (b" " if name == "word_piece" else b"") + token.content.encode()
        assert vocabulary.tokens[index] == (None if token.special else literal)
    end, pad, mask = (
        ("[SEP]", "[PAD]", "[MASK]") if name == "word_piece" else ("<eos>", "<pad>", "<mask>")
    )
    assert vocabulary.end_ids == (tokenizer.token_to_id(end),)
    assert vocabulary.pad_id == tokenizer.token_to_id(pad)
    assert vocabulary.mask_id == tokenizer.token_to_id(mask)
    assert len(vocabulary) == tokenizer.get_vocab_size()


@pytest.mark.parametrize("name", PREFIXED)
def test_encoding_keeps_the_source_tokens_without_the_leading_space(name: str) -> None:
    """The prefix space falls away; every later token is the source tokenizer's."""
    tokenizer, vocabulary = trained(name), vocabulary_of(name)
    text = "the quick fox"
    source = tokenizer.encode("\n" + text, add_special_tokens=False).ids
    ids = vocabulary.encode(text)
    assert ids == source[-len(ids) :]
    assert vocabulary.decode(ids) == text.encode()


def test_truncation_and_padding_do_not_touch_encoding() -> None:
    tokenizer = Tokenizer.from_str(trained("byte_level_bpe").to_str())
    plain = Vocabulary.from_tokenizer(trained("byte_level_bpe"))
    tokenizer.enable_truncation(3)
    tokenizer.enable_padding(length=10, pad_id=0, pad_token="<pad>")
    text = "The quick brown fox"
    assert Vocabulary.from_tokenizer(tokenizer).encode(text) == plain.encode(text)
