"""Tokenizer files and the configuration files beside them; input that is none."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from tokenizer_families import trained
from tokenizers import AddedToken, Tokenizer, models, pre_tokenizers

from constrained_diffusion.errors import VocabularyError
from constrained_diffusion.vocabulary import Vocabulary

NAMES = ["a", "b", "<s>", "</s>", "<eos>", "<end_of_turn>", "<pad>", "[MASK]", "<x>"]


def write(folder: Path, special: tuple[str, ...] = (), **files: object) -> Path:
    """A folder with a word-level tokenizer of NAMES and the given JSON files."""
    tokenizer = Tokenizer(models.WordLevel({name: i for i, name in enumerate(NAMES)}))
    tokenizer.add_special_tokens(list(special))
    tokenizer.save(str(folder / "tokenizer.json"))
    for name, content in files.items():
        (folder / f"{name}.json").write_text(json.dumps(content), encoding="utf-8")
    return folder


def ids(vocabulary: Vocabulary) -> tuple[tuple[int, ...], int | None, int | None]:
    return vocabulary.end_ids, vocabulary.pad_id, vocabulary.mask_id


def test_folder_and_file_give_the_same(tmp_path: Path) -> None:
    source = trained("byte_level_bpe")
    source.save(str(tmp_path / "tokenizer.json"))
    expected = Vocabulary.from_tokenizer(source)
    for path in (tmp_path, tmp_path / "tokenizer.json", str(tmp_path)):
        vocabulary = Vocabulary.from_tokenizer(path)
        assert vocabulary == expected
        assert vocabulary.encode("The quick fox") == expected.encode("The quick fox")


def test_file_under_another_name(tmp_path: Path) -> None:
    path = tmp_path / "mine.json"
    trained("unigram").save(str(path))
    assert Vocabulary.from_tokenizer(path) == Vocabulary.from_tokenizer(trained("unigram"))


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, ((3, 4, 5), 6, 7)),
        ({"generation_config": {"eos_token_id": 5}}, ((5,), 6, 7)),
        ({"generation_config": {"eos_token_id": [5, 4], "pad_token_id": 8}}, ((5, 4), 8, 7)),
        ({"config": {"eos_token_id": [3]}}, ((3,), 6, 7)),
        ({"config": {"text_config": {"eos_token_id": 3, "pad_token_id": 2}}}, ((3,), 2, 7)),
        ({"config": {"mask_token_id": 8, "eos_token_id": 4}}, ((4,), 6, 8)),
        (
            {"config": {"eos_token_id": 3}, "generation_config": {"eos_token_id": 4}},
            ((4,), 6, 7),
        ),
        ({"tokenizer_config": {"eos_token": "<x>", "pad_token": "<s>"}}, ((8,), 2, 7)),
        ({"tokenizer_config": {"eos_token": {"content": "<x>"}}}, ((8,), 6, 7)),
        ({"special_tokens_map": {"eos_token": {"content": "</s>"}}}, ((3,), 6, 7)),
        ({"special_tokens_map": {"eos_token": "</s>", "mask_token": "<x>"}}, ((3,), 6, 8)),
        (
            {
                "tokenizer_config": {"eos_token": "</s>"},
                "generation_config": {"eos_token_id": [5, 4]},
            },
            ((5, 4, 3), 6, 7),
        ),
        ({"tokenizer_config": {"eos_token": "absent"}}, ((3, 4, 5), 6, 7)),
        ({"generation_config": {"eos_token_id": -1, "pad_token_id": None}}, ((3, 4, 5), 6, 7)),
    ],
)
def test_special_ids_from_the_files_beside(
    files: Mapping[str, object], expected: object, tmp_path: Path
) -> None:
    assert ids(Vocabulary.from_tokenizer(write(tmp_path, **files))) == expected


def test_added_end_tokens_come_before_tokens_that_only_look_like_one(tmp_path: Path) -> None:
    folder = write(tmp_path, special=("<eos>",))
    assert Vocabulary.from_tokenizer(folder).end_ids == (4,)


def test_special_tokens_that_only_the_configuration_knows(tmp_path: Path) -> None:
    folder = write(
        tmp_path,
        special_tokens_map={"bos_token": "<s>", "additional_special_tokens": ["<x>"]},
        tokenizer_config={
            "added_tokens_decoder": {
                "9": {"content": "<|call|>", "special": True},
                "10": {"content": "extra", "special": False},
            }
        },
    )
    vocabulary = Vocabulary.from_tokenizer(folder)
    assert vocabulary.tokens == (b"a", b"b", *[None] * 8, b"extra")


def test_overrides_win(tmp_path: Path) -> None:
    folder = write(tmp_path, generation_config={"eos_token_id": 5})
    vocabulary = Vocabulary.from_tokenizer(folder, end_ids=[8], pad_id=None, mask_id=2, size=20)
    assert ids(vocabulary) == ((8,), None, 2)
    assert len(vocabulary) == 20
    assert vocabulary.tokens[9:] == (None,) * 11
    assert vocabulary.tokens[5] == b"<end_of_turn>"


def test_gaps_between_ids_are_special() -> None:
    tokenizer = Tokenizer(models.WordLevel({"a": 0, "b": 5, "<eos>": 7}))
    tokens = Vocabulary.from_tokenizer(tokenizer).tokens
    assert tokens == (b"a", None, None, None, None, b"b", None, None)


@pytest.mark.parametrize("changes", [{"size": 3}, {"size": "9"}, {"size": True}, {"eos": 3}])
def test_wrong_overrides_are_refused(changes: dict[str, object], tmp_path: Path) -> None:
    with pytest.raises(VocabularyError):
        Vocabulary.from_tokenizer(write(tmp_path), **changes)


def test_without_an_end_token() -> None:
    tokenizer = Tokenizer(models.WordLevel({"a": 0, "b": 1}))
    with pytest.raises(VocabularyError, match="end_ids"):
        Vocabulary.from_tokenizer(tokenizer)
    assert Vocabulary.from_tokenizer(tokenizer, end_ids=[1]).tokens == (b"a", None)
    assert Vocabulary.from_tokenizer(tokenizer, end_ids=[]).padding_ids == ()


@pytest.mark.parametrize("source", [None, 3, object(), ["a"], b"tokenizer.json", {"model": {}}])
def test_unknown_objects_are_refused(source: object) -> None:
    with pytest.raises(VocabularyError, match="cannot read a vocabulary from") as caught:
        Vocabulary.from_tokenizer(source)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"3",
        b"\xff\xfe",
        b"{}",
        b'{"model": {}}',
        b'{"model": {"type": "BPE"}}',
        b'{"model": {"type": "Other", "vocab": {}, "merges": []}}',
        b'{"version": "1.0", "added_tokens": [], "model": {"type": "WordLevel", "vocab": {}, '
        b'"unk_token": "u"}}',
        b"[" * 100_000,
        b'{"added_tokens": [{"id": 3}], "model": {"type": "WordLevel", "vocab": {"a": 0}}}',
        b'{"model": {"type": "WordLevel", "vocab": {"a": 4000000000}, "unk_token": "u"}}',
    ],
)
def test_broken_files_are_refused_in_one_line(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "tokenizer.json"
    path.write_bytes(content)
    with pytest.raises(VocabularyError) as caught:
        Vocabulary.from_tokenizer(path, end_ids=[])
    assert "\n" not in str(caught.value)


def test_broken_configuration_is_refused(tmp_path: Path) -> None:
    folder = write(tmp_path)
    (folder / "config.json").write_text("{", encoding="utf-8")
    with pytest.raises(VocabularyError, match=r"config\.json"):
        Vocabulary.from_tokenizer(folder)


@pytest.mark.parametrize("name", ["absent", "absent.json", "empty"])
def test_missing_files_are_refused(name: str, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(VocabularyError) as caught:
        Vocabulary.from_tokenizer(tmp_path / name)
    assert "\n" not in str(caught.value)


def test_configured_ids_outside_the_vocabulary_are_refused(tmp_path: Path) -> None:
    folder = write(tmp_path, generation_config={"eos_token_id": 900})
    with pytest.raises(VocabularyError, match="900"):
        Vocabulary.from_tokenizer(folder)


def test_custom_python_components_are_refused() -> None:
    class Custom:
        def pre_tokenize(self, pretok: object) -> None:
            """Does nothing."""

    tokenizer = Tokenizer(models.WordLevel({"a": 0, "<eos>": 1}))
    tokenizer.pre_tokenizer = pre_tokenizers.PreTokenizer.custom(Custom())
    with pytest.raises(VocabularyError, match="serialised"):
        Vocabulary.from_tokenizer(tokenizer)


def test_added_spaces_in_sentencepiece_spelling() -> None:
    """Gemma lists runs of `▁` as added tokens; they stand for spaces."""
    tokenizer = Tokenizer.from_str(trained("fallback_bpe").to_str())
    tokenizer.add_tokens([AddedToken("▁▁▁▁▁▁▁▁▁", normalized=False)])
    assert Vocabulary.from_tokenizer(tokenizer).tokens[-1] == b" " * 9
