"""A trie of the text tokens of a vocabulary in preorder, built once and cached on disk."""

from __future__ import annotations

import contextlib
import os
import tempfile
import threading
import zipfile
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ..cache_settings import cache_folder

if TYPE_CHECKING:
    from ..vocabulary import Vocabulary

LAYOUT_VERSION = 1
RECENT_TRIES = 8
STORED_FROM = 10_000
"""Smaller vocabularies are built as quickly as they are read."""


@dataclass(frozen=True, eq=False)
class VocabularyTrie:
    """The byte strings of all text tokens as a forest in preorder; node j is the string that ends
    with `byte[j]`. The walk that skips everything below node j goes on at `end[j]`.

    byte           uint8 [N]    last byte of the node's string
    depth          int32 [N]    length of the node's string, 1 for the roots
    end            int32 [N]    first node after the subtree of the node
    token_offsets  int32 [N+1]  tokens[token_offsets[j]:token_offsets[j+1]] have the node's string
    tokens         int32 [T]    token ids, in the order of their strings

    Several tokens may have the same bytes. Special tokens (None, b"", the end, padding and mask
    tokens) are not in the trie.
    """

    byte: NDArray[np.uint8]
    depth: NDArray[np.int32]
    end: NDArray[np.int32]
    token_offsets: NDArray[np.int32]
    tokens: NDArray[np.int32]

    @property
    def num_nodes(self) -> int:
        return len(self.byte)

    @property
    def max_depth(self) -> int:
        """The most bytes that a text token has; 0 without text tokens."""
        return int(self.depth.max(initial=0))


def text_token_ids(vocabulary: Vocabulary) -> list[int]:
    """The ids that may stand inside text: those with bytes that have no special role."""
    special = {*vocabulary.end_ids, vocabulary.pad_id, vocabulary.mask_id}
    return [i for i, token in enumerate(vocabulary.tokens) if token and i not in special]


def build_trie(vocabulary: Vocabulary) -> VocabularyTrie:
    """The trie of `vocabulary`, built anew: O(bytes) after sorting the tokens."""
    tokens = vocabulary.tokens
    text: dict[int, bytes] = {i: tokens[i] or b"" for i in text_token_ids(vocabulary)}
    order = sorted(text, key=text.__getitem__)
    strings = [text[i] for i in order]
    offsets = np.zeros(len(strings) + 1, np.int64)
    np.cumsum([len(string) for string in strings], out=offsets[1:])
    data = np.frombuffer(b"".join(strings), np.uint8)
    byte, depth, end, token_offsets = _preorder(data, offsets)
    return VocabularyTrie(byte, depth, end, token_offsets, np.array(order, np.int32))


def trie_of(vocabulary: Vocabulary) -> VocabularyTrie:
    """The trie of `vocabulary`: from memory, else from the disk cache, else built and cached.

    The key is the vocabulary's fingerprint. A damaged cache file is replaced; a folder that cannot
    be written to only costs the time to build again.
    """
    fingerprint = vocabulary.fingerprint
    with _recent_lock:
        trie = _recent.get(fingerprint)
        if trie is None:
            trie = _stored_or_built(vocabulary, fingerprint)
            _recent[fingerprint] = trie
        _recent.move_to_end(fingerprint)
        while len(_recent) > RECENT_TRIES:
            _recent.popitem(last=False)
    return trie


_recent: OrderedDict[str, VocabularyTrie] = OrderedDict()
_recent_lock = threading.Lock()


def _stored_or_built(vocabulary: Vocabulary, fingerprint: str) -> VocabularyTrie:
    folder = cache_folder()
    if folder is None or len(vocabulary) < STORED_FROM:
        return build_trie(vocabulary)
    path = folder / f"trie-v{LAYOUT_VERSION}-{fingerprint}.npz"
    trie = _load(path, len(vocabulary))
    if trie is None:
        trie = build_trie(vocabulary)
        _store(path, trie)
    return trie


def _load(path: Path, vocabulary_size: int) -> VocabularyTrie | None:
    """The trie stored at `path`, or None if there is none or it is not what `_store` writes."""
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = [archive[name] for name in ("byte", "depth", "end", "token_offsets", "tokens")]
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
    trie = VocabularyTrie(*arrays)
    return trie if _is_sound(trie, vocabulary_size) else None


def _is_sound(trie: VocabularyTrie, vocabulary_size: int) -> bool:
    """Whether all indices are in range, so that compiled code may use them unchecked."""
    types = (np.uint8, np.int32, np.int32, np.int32, np.int32)
    arrays: tuple[NDArray[Any], ...] = (
        trie.byte,
        trie.depth,
        trie.end,
        trie.token_offsets,
        trie.tokens,
    )
    if any(a.dtype != t or a.ndim != 1 for a, t in zip(arrays, types, strict=True)):
        return False
    nodes = len(trie.byte)
    if (len(trie.depth), len(trie.end), len(trie.token_offsets)) != (nodes, nodes, nodes + 1):
        return False
    depths = np.diff(trie.depth, prepend=np.int32(0))
    return bool(
        depths.max(initial=0) <= 1
        and trie.depth.min(initial=1) >= 1
        and np.all(trie.end > np.arange(nodes))
        and trie.end.max(initial=0) <= nodes
        and trie.token_offsets[0] == 0
        and trie.token_offsets[-1] == len(trie.tokens)
        and np.diff(trie.token_offsets).min(initial=0) >= 0
        and trie.tokens.min(initial=0) >= 0
        and trie.tokens.max(initial=0) < max(vocabulary_size, 1)
    )


def _store(path: Path, trie: VocabularyTrie) -> None:
    """Write the trie where `_load` finds it; readers see the whole file or none."""
    arrays: dict[str, Any] = {
        name: getattr(trie, name) for name in ("byte", "depth", "end", "token_offsets", "tokens")
    }
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name, suffix=".tmp")
        try:
            with os.fdopen(handle, "wb") as file:
                np.savez(file, **arrays)
            os.replace(temporary, path)
        except BaseException:
            os.unlink(temporary)
            raise


@njit(cache=True)
def _preorder(
    data: NDArray[np.uint8], offsets: NDArray[np.int64]
) -> tuple[NDArray[np.uint8], NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]]:
    """Nodes of the trie of the strings data[offsets[i]:offsets[i+1]], given in sorted order."""
    count = len(offsets) - 1
    byte = np.empty(len(data), np.uint8)
    depth = np.empty(len(data), np.int32)
    first_token = np.empty(len(data) + 1, np.int32)
    nodes = 0
    for i in range(count):
        start, length = offsets[i], offsets[i + 1] - offsets[i]
        common = 0
        if i > 0:
            before = offsets[i - 1]
            shorter = min(length, start - before)
            while common < shorter and data[before + common] == data[start + common]:
                common += 1
        for d in range(common, length):
            byte[nodes] = data[start + d]
            depth[nodes] = d + 1
            first_token[nodes] = i
            nodes += 1
    first_token[nodes] = count

    # A node is created by the first token below it, which has the node's own string only if no
    # further node was created for it; equal strings follow it directly and create none.
    token_offsets = np.empty(nodes + 1, np.int32)
    for j in range(nodes):
        token_offsets[j] = first_token[j]
    token_offsets[nodes] = count

    end = np.empty(nodes, np.int32)
    open_nodes = np.empty(nodes + 1, np.int32)
    top = 0
    for j in range(nodes):
        while top > 0 and depth[open_nodes[top - 1]] >= depth[j]:
            top -= 1
            end[open_nodes[top]] = j
        open_nodes[top] = j
        top += 1
    while top > 0:
        top -= 1
        end[open_nodes[top]] = nodes
    return byte[:nodes].copy(), depth[:nodes].copy(), end, token_offsets
