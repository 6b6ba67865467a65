"""The trie of a vocabulary and its disk cache."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from constrained_diffusion.automata import trie as trie_module
from constrained_diffusion.automata.trie import VocabularyTrie, build_trie, trie_of
from constrained_diffusion.vocabulary import Vocabulary

SMALL = Vocabulary([b"ab", b"a", b"b", b"ab", b"", None, None], end_ids=[5], pad_id=6)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty disk cache and nothing in memory."""
    monkeypatch.setenv("CONSTRAINED_DIFFUSION_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(trie_module, "_recent", type(trie_module._recent)())
    monkeypatch.setattr(trie_module, "STORED_FROM", 0)
    return tmp_path / "cache"


def strings(trie: VocabularyTrie) -> dict[int, bytes]:
    """The string of each token, read off by the preorder walk."""
    found, path = {}, bytearray()
    for node in range(trie.num_nodes):
        del path[trie.depth[node] - 1 :]
        path.append(trie.byte[node])
        for token in trie.tokens[trie.token_offsets[node] : trie.token_offsets[node + 1]]:
            found[int(token)] = bytes(path)
    return found


@settings(max_examples=100)
@given(st.lists(st.binary(max_size=4) | st.none(), min_size=1, max_size=30))
def test_holds_every_text_token_and_skips_subtrees(tokens: list[bytes | None]) -> None:
    trie = build_trie(Vocabulary(tokens, end_ids=[]))
    assert strings(trie) == {i: token for i, token in enumerate(tokens) if token}
    prefixes = {token[:n] for token in tokens if token for n in range(1, len(token) + 1)}
    assert trie.num_nodes == len(prefixes)
    for node in range(trie.num_nodes):
        below = node + 1
        while below < trie.num_nodes and trie.depth[below] > trie.depth[node]:
            below += 1
        assert trie.end[node] == below


def test_special_tokens_are_not_in_it() -> None:
    assert strings(build_trie(SMALL)) == {0: b"ab", 1: b"a", 2: b"b", 3: b"ab"}


def test_no_text_tokens() -> None:
    trie = build_trie(Vocabulary([None], end_ids=[0]))
    assert trie.num_nodes == 0 and trie.max_depth == 0


def test_is_read_back_from_disk(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = trie_of(SMALL)
    assert trie_of(SMALL) is first
    assert [path.suffix for path in cache.iterdir()] == [".npz"]
    trie_module._recent.clear()
    monkeypatch.setattr(trie_module, "build_trie", lambda vocabulary: pytest.fail("built again"))
    assert strings(trie_of(SMALL)) == strings(first)


@pytest.mark.parametrize("damage", ["empty", "cut", "flipped", "pickle", "indices", "folder"])
def test_damaged_file_is_built_again(cache: Path, damage: str) -> None:
    expected = strings(trie_of(SMALL))
    (path,) = cache.iterdir()
    data = path.read_bytes()
    if damage == "empty":
        path.write_bytes(b"")
    elif damage == "cut":
        path.write_bytes(data[: len(data) // 2])
    elif damage == "flipped":
        middle = data.index(b"ab", 100) if b"ab" in data[100:] else len(data) // 3
        path.write_bytes(data[:middle] + bytes([data[middle] ^ 255]) + data[middle + 1 :])
    elif damage == "pickle":
        np.savez(path, byte=np.array([{}], dtype=object), allow_pickle=True)
    elif damage == "indices":
        with np.load(path) as archive:
            arrays = dict(archive)
        arrays["tokens"] = arrays["tokens"] + 1000
        np.savez(path, **arrays)
    else:
        path.unlink()
        path.mkdir()
    trie_module._recent.clear()
    assert strings(trie_of(SMALL)) == expected
    trie_module._recent.clear()
    assert strings(trie_of(SMALL)) == expected


def test_unwritable_cache_only_costs_time(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocker = tmp_path / "file"
    blocker.write_text("")
    monkeypatch.setenv("CONSTRAINED_DIFFUSION_CACHE", os.fspath(blocker / "below"))
    assert strings(trie_of(SMALL)) == strings(build_trie(SMALL))


def test_no_files_where_the_cache_is_off(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(cache.parent)
    monkeypatch.setenv("CONSTRAINED_DIFFUSION_CACHE", "off")
    assert strings(trie_of(SMALL)) == strings(build_trie(SMALL))
    assert not list(cache.parent.iterdir())


def test_other_vocabularies_have_other_tries(cache: Path) -> None:
    other = Vocabulary([b"ab", b"a", b"c", None], end_ids=[3])
    assert strings(trie_of(SMALL)) != strings(trie_of(other))
    assert len(list(cache.iterdir())) == 2
