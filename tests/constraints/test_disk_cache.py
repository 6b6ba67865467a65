"""The files of the disk cache: damage, room, several processes; and what is stored in them."""

from __future__ import annotations

import dataclasses
import errno
import io
import logging
import multiprocessing
import os
import random
import tempfile
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import constrained_diffusion as cd
from constrained_diffusion.constraints import disk_cache
from constrained_diffusion.constraints.cache_entry import (
    CompiledAutomata,
    from_bytes,
    to_bytes,
)
from constrained_diffusion.constraints.compilation import compiled_automata
from constrained_diffusion.constraints.disk_cache import DiskCache
from constrained_diffusion.constraints.memory_cache import RECENT

BYTES = cd.Vocabulary([bytes([b]) for b in range(256)] + [None, None], end_ids=[256], pad_id=257)
CONSTRAINTS: list[cd.Constraint] = [
    cd.Regex("a"),
    cd.Regex("(ab|é)*c?"),
    cd.Choice(["red", "green", "日本"]),
    cd.Text(2, 300),
    cd.Template("x=", cd.Hole("x", cd.Regex("[0-9]+")), ";"),
    cd.JsonSchema({"type": "array", "items": {"enum": [1, "b", None]}, "maxItems": 3}),
    ~cd.Regex("a*"),
]


def compiled(constraint: cd.Constraint) -> CompiledAutomata:
    return compiled_automata(constraint, BYTES, length=40, canvases=1, cache=False)[0]


AUTOMATA = [compiled(constraint) for constraint in CONSTRAINTS]


class TestEntries:
    @pytest.mark.parametrize("automata", AUTOMATA)
    def test_everything_comes_back_as_compiled_code_had_it(
        self, automata: CompiledAutomata
    ) -> None:
        read = from_bytes(to_bytes(automata), len(BYTES))
        assert read is not None
        assert read.capacity == automata.capacity
        assert read.language.bounds == automata.language.bounds
        for ours, theirs in (
            (read.language.automaton, automata.language.automaton),
            (read.tokens, automata.tokens),
        ):
            for field in dataclasses.fields(theirs):
                found, expected = getattr(ours, field.name), getattr(theirs, field.name)
                assert type(found) is type(expected)
                if isinstance(expected, np.ndarray):
                    assert found.dtype == expected.dtype
                    assert found.flags.carray, "contiguous, aligned and writable"
                np.testing.assert_array_equal(found, expected)

    def test_bounds_are_kept(self) -> None:
        automata = compiled(cd.JsonSchema({"type": "array"}))
        assert automata.language.bounds
        read = from_bytes(to_bytes(automata), len(BYTES))
        assert read is not None and read.language.bounds == automata.language.bounds

    def test_of_another_vocabulary_is_refused(self) -> None:
        assert from_bytes(to_bytes(AUTOMATA[0]), len(BYTES) + 1) is None

    @given(st.binary(max_size=200))
    def test_other_bytes_are_refused(self, data: bytes) -> None:
        assert from_bytes(data, len(BYTES)) is None
        assert from_bytes(zlib.compress(data), len(BYTES)) is None

    @given(st.data())
    def test_no_index_leads_out_of_its_table(self, data: st.DataObject) -> None:
        automata = data.draw(st.sampled_from(AUTOMATA))
        tokens, automaton = automata.tokens, automata.language.automaton
        limits = {
            "token_class": (tokens, tokens.num_classes),
            "set_classes": (tokens, tokens.num_classes),
            "set_offsets": (tokens, len(tokens.set_classes) + 1),
            "edge_offsets": (tokens, tokens.num_edges + 1),
            "edge_set": (tokens, tokens.num_sets),
            "edge_target": (tokens, tokens.num_states),
            "distance": (tokens, tokens.num_states),
            "transitions": (automaton, automaton.num_states),
            "byte_class": (automaton, automaton.num_classes),
        }
        name = data.draw(st.sampled_from(sorted(limits)))
        owner, limit = limits[name]
        wrong = limit if name == "byte_class" else data.draw(st.sampled_from([limit, -2, 2**30]))
        array = getattr(owner, name).copy()
        array.flat[data.draw(st.integers(0, array.size - 1))] = wrong
        changed = dataclasses.replace(owner, **{name: array})
        if owner is tokens:
            automata = automata._replace(tokens=changed)
        else:
            automata = automata._replace(language=cd.constraints.Language(changed))
        assert from_bytes(to_bytes(automata), len(BYTES)) is None

    @pytest.mark.parametrize("name", ["start", "done", "num_classes"])
    @pytest.mark.parametrize("wrong", [-2, 2**40])
    def test_no_number_leads_out_of_a_table(self, name: str, wrong: int) -> None:
        changed = dataclasses.replace(AUTOMATA[1].tokens, **{name: wrong})
        assert from_bytes(to_bytes(AUTOMATA[1]._replace(tokens=changed)), len(BYTES)) is None

    @pytest.mark.parametrize("name", ["accepting", "distance", "edge_set", "token_class"])
    def test_no_table_is_too_short(self, name: str) -> None:
        shorter = getattr(AUTOMATA[1].tokens, name)[:-1]
        changed = dataclasses.replace(AUTOMATA[1].tokens, **{name: shorter})
        assert from_bytes(to_bytes(AUTOMATA[1]._replace(tokens=changed)), len(BYTES)) is None


class TestDamage:
    def test_what_was_stored_is_loaded(self, tmp_path: Path) -> None:
        cache = DiskCache(tmp_path / "new" / "folder", 10_000)
        assert "key" not in cache and cache.load("key") is None
        cache.store("key", b"data")
        assert "key" in cache and cache.load("key") == b"data"
        cache.store("key", b"other")
        assert DiskCache(cache.folder, 10_000).load("key") == b"other"
        cache.store("empty", b"")
        assert cache.load("empty") == b""

    @given(st.binary(max_size=300), st.data())
    def test_any_damage_is_found_and_removed(self, content: bytes, data: st.DataObject) -> None:
        with tempfile.TemporaryDirectory() as folder:
            cache = DiskCache(Path(folder), 10_000)
            cache.store("key", content)
            (path,) = Path(folder).iterdir()
            stored = path.read_bytes()
            kind = data.draw(st.sampled_from(["flip", "cut", "longer", "other"]))
            at = data.draw(st.integers(0, len(stored) - 1))
            if kind == "flip":
                flipped = stored[at] ^ 1 << data.draw(st.integers(0, 7))
                damaged = stored[:at] + bytes([flipped]) + stored[at + 1 :]
            elif kind == "cut":
                damaged = stored[:at]
            elif kind == "longer":
                damaged = stored + data.draw(st.binary(min_size=1, max_size=9))
            else:
                damaged = data.draw(st.binary(max_size=400).filter(lambda b: b != stored))
            path.write_bytes(damaged)
            assert cache.load("key") is None
            assert not path.exists()
            cache.store("key", content)
            assert cache.load("key") == content

    def test_an_entry_under_the_name_of_another_is_found(self, tmp_path: Path) -> None:
        cache = DiskCache(tmp_path, 10_000)
        cache.store("one", b"data of one")
        (tmp_path / f"one{disk_cache.SUFFIX}").rename(tmp_path / f"two{disk_cache.SUFFIX}")
        assert cache.load("two") is None

    def test_a_file_larger_than_any_entry_is_not_read(self, tmp_path: Path) -> None:
        cache = DiskCache(tmp_path, 4000)
        with (tmp_path / f"key{disk_cache.SUFFIX}").open("wb") as file:
            file.truncate(2**40)
        assert cache.load("key") is None
        assert "key" not in cache

    def test_damage_is_told_to_whoever_debugs_only(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        cache = DiskCache(tmp_path, 10_000)
        cache.store("key", b"data")
        (path,) = tmp_path.iterdir()
        path.write_bytes(b"")
        with caplog.at_level(logging.DEBUG):
            assert cache.load("key") is None
        assert [record.levelno for record in caplog.records] == [logging.DEBUG]
        assert str(path) in caplog.text

    def test_a_folder_in_its_place_counts_as_absent(self, tmp_path: Path) -> None:
        cache = DiskCache(tmp_path, 10_000)
        (tmp_path / f"key{disk_cache.SUFFIX}").mkdir()
        assert cache.load("key") is None
        cache.store("key", b"data")
        assert cache.load("key") is None
        cache.store("other", b"data")
        assert cache.load("other") == b"data"


class TestRoom:
    def test_reading_an_entry_keeps_it(self, tmp_path: Path) -> None:
        cache = DiskCache(tmp_path, 1000)
        for key in "abcd":
            cache.store(key, bytes(200))
        assert cache.load("a") is not None
        cache.store("e", bytes(200))
        assert [cache.load(key) is not None for key in "abcde"] == [True, False, True, True, True]

    @given(
        st.lists(
            st.tuples(
                st.sampled_from("abcdef"), st.sampled_from([0, 150, 218, 219]), st.booleans()
            ),
            min_size=10,
            max_size=30,
        )
    )
    def test_the_least_recently_used_go_first(self, uses: list[tuple[str, int, bool]]) -> None:
        """Against a list in order of use."""
        limit, overhead = 1000, 32
        with tempfile.TemporaryDirectory() as folder:
            cache = DiskCache(Path(folder), limit)
            kept: list[tuple[str, int]] = []
            for key, size, is_load in uses:
                known = dict(kept)
                if is_load:
                    loaded = cache.load(key)
                    assert (None if loaded is None else len(loaded)) == known.get(key)
                    if key in known:
                        kept.remove((key, known[key]))
                        kept.append((key, known[key]))
                elif size + overhead <= limit // disk_cache.LARGEST_SHARE:
                    # What the entry replaces counts as room taken until it is replaced.
                    while sum(s + overhead for _, s in kept) + size + overhead > limit:
                        kept.pop(0)
                    kept = [*((k, s) for k, s in kept if k != key), (key, size)]
                    cache.store(key, bytes(size))
                else:
                    cache.store(key, bytes(size))
                files = {path.name: path.stat().st_size for path in Path(folder).iterdir()}
                assert files == {k + disk_cache.SUFFIX: s + overhead for k, s in kept}

    def test_only_its_own_files_are_removed(self, tmp_path: Path) -> None:
        for name in ("notes.txt", "work.tmp", "data.npz"):
            (tmp_path / name).write_bytes(bytes(5000))
            os.utime(tmp_path / name, (0, 0))
        cache = DiskCache(tmp_path, 1000)
        for key in "abcdefghij":
            cache.store(key, bytes(200))
        names = {path.name for path in tmp_path.iterdir()}
        assert {"notes.txt", "work.tmp", "data.npz"} < names
        assert len(names) == 3 + 4

    def test_what_a_dead_process_left_is_removed_in_time(self, tmp_path: Path) -> None:
        old, young = (tmp_path / f"{name}{disk_cache.TEMPORARY}" for name in ("old", "young"))
        for path in (old, young):
            path.write_bytes(b"half")
        os.utime(old, (0, 0))
        DiskCache(tmp_path, 1000).store("key", b"data")
        assert young.exists() and not old.exists()


class TestNoRoom:
    @pytest.fixture(autouse=True)
    def no_warnings_before(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(disk_cache, "_warned", set())

    def test_a_folder_that_cannot_be_made_warns_once(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        (tmp_path / "file").write_text("")
        for _ in range(3):
            cache = DiskCache(tmp_path / "file" / "below", 1000)
            cache.store("key", b"data")
            assert cache.load("key") is None and "key" not in cache
        assert [record.levelno for record in caplog.records] == [logging.WARNING]
        assert "below" in caplog.text and "CONSTRAINED_DIFFUSION_CACHE" in caplog.text

    @pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write")
    def test_a_folder_that_may_only_be_read_is_read(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        cache = DiskCache(tmp_path, 1000)
        cache.store("key", b"data")
        tmp_path.chmod(0o500)
        try:
            cache.store("other", b"data")
            assert cache.load("key") == b"data" and cache.load("other") is None
        finally:
            tmp_path.chmod(0o700)
        assert [record.levelno for record in caplog.records] == [logging.WARNING]

    @pytest.mark.parametrize("step", ["fdopen", "replace", "utime"])
    def test_a_full_disk_leaves_nothing_behind(
        self,
        step: str,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        def full(*arguments: object, **options: object) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        class FullFile(io.FileIO):
            write = full  # type: ignore[assignment]

        cache = DiskCache(tmp_path, 1000)
        cache.store("before", b"data")
        with monkeypatch.context() as patch:
            patch.setattr(os, step, FullFile if step == "fdopen" else full)
            cache.store("key", b"data")
            cache.store("another", b"data")
        assert [path.stem for path in tmp_path.iterdir()] == ["before"]
        assert cache.load("before") == b"data"
        assert [record.levelno for record in caplog.records] == [logging.WARNING]

    def test_compiling_goes_on(self, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
        (tmp_path / "file").write_text("")
        RECENT.clear()
        compiled = cd.compile(cd.Regex("(ab)+"), BYTES, length=8, cache=tmp_path / "file" / "below")
        assert compiled.accepts("abab")
        assert len(caplog.records) == 1


def hammer(folder: str, seed: int, rounds: int) -> int:
    """Compiles over and over in one folder and damages it; the number of hits.

    Raises AssertionError where anything but the right automaton comes back.
    """
    randomness = random.Random(seed)
    expected = [(a.language.automaton.key(), a.tokens.edge_target) for a in AUTOMATA]
    hits = 0
    for _ in range(rounds):
        index = randomness.randrange(len(CONSTRAINTS))
        RECENT.clear()
        automata, source = compiled_automata(
            CONSTRAINTS[index], BYTES, length=40, canvases=1, cache=Path(folder)
        )
        hits += source == "disk cache"
        key, targets = expected[index]
        assert automata.language.automaton.key() == key
        np.testing.assert_array_equal(automata.tokens.edge_target, targets)
        if randomness.random() < 0.1:
            for path in list(Path(folder).iterdir())[:1]:
                try:
                    with path.open("r+b") as file:
                        file.truncate(randomness.randrange(200))
                except FileNotFoundError:
                    continue
    return hits


def test_processes_share_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With room for some of the entries only, so that they remove each other's all the time."""
    sizes = [len(to_bytes(automata)) + 32 for automata in AUTOMATA]
    limit = max(4 * max(sizes), sum(sizes) * 2 // 3)
    assert limit < sum(sizes)
    monkeypatch.setenv("CONSTRAINED_DIFFUSION_CACHE_SIZE", str(limit / 10**6))
    folder = tmp_path / "cache"
    with multiprocessing.get_context("spawn").Pool(3) as pool:
        hits = pool.starmap(hammer, [(str(folder), seed, 80) for seed in range(3)])
    assert all(hits)
    cache = DiskCache(folder, limit)
    cache.store("last", b"")
    files = list(folder.iterdir())
    assert all(path.suffix == disk_cache.SUFFIX for path in files)
    assert sum(path.stat().st_size for path in files) <= limit
