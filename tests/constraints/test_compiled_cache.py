"""`compile` with its caches: what is found again, what must not be, threads, the command line."""

from __future__ import annotations

import gc
import platform
import shutil
import threading
import weakref
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pydantic
import pytest
import torch
from cached_record import BYTES, LENGTH, RECORD

import constrained_diffusion as cd
import constrained_diffusion.models
from constrained_diffusion.cli import main
from constrained_diffusion.constraints import cache_key as key_module
from constrained_diffusion.constraints import compilation
from constrained_diffusion.constraints.base import Language
from constrained_diffusion.constraints.cache_key import cache_key
from constrained_diffusion.constraints.memory_cache import RECENT, MemoryCache


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Empty caches, in which everything is kept however fast it compiles."""
    monkeypatch.setenv("CONSTRAINED_DIFFUSION_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("CONSTRAINED_DIFFUSION_CACHE_SIZE", raising=False)
    monkeypatch.setattr(compilation, "SLOW_SECONDS", 0.0)
    RECENT.clear()
    return tmp_path / "cache" / "compiled"


def source(
    constraint: object, cache: bool | Path | None = None, vocabulary: cd.Vocabulary = BYTES
) -> str:
    compiled = cd.compile(constraint, vocabulary, length=LENGTH, cache=cache)
    return str(compiled.stats["source"])


def key(constraint: cd.Constraint, length: int = LENGTH, canvases: int = 1) -> str | None:
    return cache_key(constraint, BYTES, length=length, canvases=canvases)


class TestWhereItComesFrom:
    def test_memory_then_disk(self, folder: Path) -> None:
        assert source(RECORD) == "compiled"
        assert source(RECORD) == "memory cache"
        RECENT.clear()
        assert source(RECORD) == "disk cache"
        assert source(RECORD) == "memory cache"
        assert len(list(folder.iterdir())) == 1

    def test_what_compiles_fast_stays_off_the_disk(
        self, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(compilation, "SLOW_SECONDS", float("inf"))
        assert source(RECORD) == "compiled"
        assert not folder.exists()
        RECENT.clear()
        assert source(RECORD, cache=True) == "compiled"
        assert len(list(folder.iterdir())) == 1
        assert source(RECORD, cache=tmp_path / "other") == "memory cache"
        assert len(list((tmp_path / "other").iterdir())) == 1

    def test_false_neither_reads_nor_writes(self, folder: Path) -> None:
        assert source(RECORD, cache=False) == "compiled"
        assert not folder.exists()
        assert source(RECORD) == "compiled"
        assert source(RECORD, cache=False) == "compiled"

    def test_off_keeps_to_memory(
        self, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        cd.compile(cd.Regex("the trie of this vocabulary"), BYTES, length=LENGTH)
        shutil.rmtree(tmp_path / "cache")
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("CONSTRAINED_DIFFUSION_CACHE", "off")
        for cache in (None, True):
            RECENT.clear()
            assert source(RECORD, cache) == "compiled"
            assert source(RECORD, cache) == "memory cache"
        assert not list(tmp_path.iterdir())
        assert source(RECORD, cache=tmp_path / "asked for") == "memory cache"
        assert [path.name for path in tmp_path.iterdir()] == ["asked for"]

    def test_size_is_a_limit(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("CONSTRAINED_DIFFUSION_CACHE_SIZE", "0")
        source(RECORD)
        assert not folder.exists() or not list(folder.iterdir())
        monkeypatch.setenv("CONSTRAINED_DIFFUSION_CACHE_SIZE", "0.004")
        for n in range(20):
            source(cd.Regex(f"[a-z]{n + 1}"), cache=True)
        sizes = [path.stat().st_size for path in folder.iterdir()]
        assert 1 < len(sizes) < 20 and sum(sizes) <= 4000

    @pytest.mark.parametrize("size", ["much", "nan", "inf"])
    def test_size_is_a_number(self, size: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("CONSTRAINED_DIFFUSION_CACHE_SIZE", size)
        with pytest.raises(cd.ConstrainedDiffusionError, match=r"CACHE_SIZE.*megabytes"):
            source(RECORD)

    @pytest.mark.parametrize("cache", ["off", 1, b"x"])
    def test_cache_is_a_folder_or_a_truth_value(self, cache: object) -> None:
        with pytest.raises(cd.ConstrainedDiffusionError, match="cache is a folder"):
            source(RECORD, cache)  # type: ignore[arg-type]

    def test_errors_are_not_kept(self, folder: Path) -> None:
        for _ in range(2):
            with pytest.raises(cd.UnsatisfiableError):
                source(cd.Regex("a") & cd.Regex("b"))
        assert not folder.exists()

    def test_a_canvas_too_small_is_so_again(self) -> None:
        for _ in range(3):
            with pytest.raises(cd.CanvasTooSmallError) as caught:
                cd.compile(cd.Regex("a{9}"), BYTES, length=4, canvases=2)
            assert (caught.value.needed, caught.value.available) == (9, 8)


@pytest.mark.parametrize(
    ("constraint", "texts"),
    [
        (RECORD, ['{"name":"x","size":3}', '{ "name": "x", "size": "m" }', '{"size":3}']),
        (cd.Text(0, 30), ["a" * 30, "a" * 31, "é" * 5000]),
        (cd.Template("x=", cd.Hole("x", cd.Choice(["a", "bb"])), "."), ["x=a.", "x=b.", "x=bb."]),
    ],
)
def test_what_is_read_does_the_same(constraint: object, texts: list[str]) -> None:
    first = cd.compile(constraint, BYTES, length=LENGTH)
    RECENT.clear()
    again = cd.compile(constraint, BYTES, length=LENGTH)
    assert again.stats["source"] == "disk cache"
    for name in set(first.stats) - {"seconds", "source"}:
        assert again.stats[name] == first.stats[name]
    assert (again.min_tokens, again.bounds) == (first.min_tokens, first.bounds)
    assert again.shortest() == first.shortest()
    for text in texts:
        assert again.accepts(text) == first.accepts(text)
        assert again.explain(text) == first.explain(text)
    logits = torch.randn(LENGTH, len(BYTES), generator=torch.Generator().manual_seed(5))
    one, other = first.posterior(logits), again.posterior(logits)
    assert torch.equal(one.log_evidence, other.log_evidence)
    assert torch.equal(one.marginals(), other.marginals())
    assert torch.equal(one.mode(), other.mode())


def test_a_damaged_entry_is_compiled_anew(folder: Path) -> None:
    expected = cd.compile(RECORD, BYTES, length=LENGTH).tokens.edge_target.tolist()
    (path,) = folder.iterdir()
    stored = path.read_bytes()
    for at in range(0, len(stored), 97):
        path.write_bytes(stored[:at] + bytes([stored[at] ^ 4]) + stored[at + 1 :])
        RECENT.clear()
        compiled = cd.compile(RECORD, BYTES, length=LENGTH)
        assert compiled.stats["source"] == "compiled"
        assert compiled.tokens.edge_target.tolist() == expected
        assert path.read_bytes() == stored


def test_the_value_is_read_by_the_constraint_that_was_given() -> None:
    class Record(pydantic.BaseModel):
        name: str

    model = cd.JsonSchema(Record)
    plain = cd.JsonSchema(model.schema, open_objects=False)
    assert key(model) == key(plain)
    assert source(model) == "compiled"
    compiled = cd.compile(plain, BYTES, length=LENGTH)
    assert compiled.stats["source"] == "memory cache"
    assert compiled.parse('{"name":"x"}') == {"name": "x"}
    assert cd.compile(model, BYTES, length=LENGTH).parse('{"name":"x"}') == Record(name="x")


@pytest.mark.parametrize(
    ("owner", "name", "value"),
    [
        (key_module, "__version__", "0.0.0"),
        (key_module, "FORMAT_VERSION", -1),
        (key_module, "_COMPILER", "other code"),
        (platform, "python_version", lambda: "2.7.18"),
    ],
)
def test_what_another_version_made_is_not_read(
    owner: object, name: str, value: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(owner, name, value)
        assert source(RECORD) == "compiled"
        RECENT.clear()
        assert source(RECORD) == "disk cache"
    assert source(RECORD) == "compiled"


@dataclass(frozen=True)
class Mine(cd.Constraint):
    """A constraint of a caller: what its code does is not known."""

    text: str

    def language(self, capacity: int | None = None) -> Language:
        return cd.Regex(self.text).language(capacity)


class Special(cd.Regex):
    pass


@pytest.mark.parametrize(
    "constraint",
    [
        Mine("a"),
        Special("a"),
        cd.Regex("a") + Mine("b"),
        ~Mine("b"),
        cd.Template("x", cd.Hole("hole", Mine("a"))),
    ],
)
def test_a_callers_own_class_is_never_cached(constraint: cd.Constraint, folder: Path) -> None:
    assert key(constraint) is None
    for _ in range(2):
        assert source(constraint, cache=True) == "compiled"
    assert not folder.exists()


class TestMemory:
    def test_neither_vocabulary_nor_constraint_is_kept_alive(self) -> None:
        class Weak(cd.Vocabulary):
            """Other than its base it can be referred to weakly."""

        vocabulary = Weak(list(BYTES.tokens), end_ids=[256], pad_id=257)
        constraint = cd.Regex("(ab)+")
        assert source(constraint, vocabulary=vocabulary) == "compiled"
        assert source(cd.Regex("(ab)+")) == "memory cache"
        alive = weakref.ref(vocabulary), weakref.ref(constraint)
        del vocabulary, constraint
        gc.collect()
        assert [reference() for reference in alive] == [None, None]

    def test_the_least_recently_used_go_first(self) -> None:
        automata, _ = compilation.compiled_automata(
            cd.Regex("a"), BYTES, length=LENGTH, canvases=1, cache=False
        )
        cache = MemoryCache(3 * automata.nbytes)
        for name in "abc":
            cache.put(name, automata)
        assert cache.get("a") is automata
        cache.put("d", automata)
        assert [cache.get(name) is not None for name in "abcd"] == [True, False, True, True]
        cache.put("c", automata)
        assert [cache.get(name) is not None for name in "abcd"] == [True, False, True, True]
        tiny = MemoryCache(automata.nbytes - 1)
        tiny.put("a", automata)
        assert tiny.get("a") is None

    def test_size_counts_every_array(self) -> None:
        compiled = cd.compile(RECORD, BYTES, length=LENGTH)
        automata = RECENT.get(key(cd.JsonSchema(RECORD)) or "")
        assert automata is not None
        compiled.posterior(torch.zeros(LENGTH, len(BYTES))).mode()
        tokens, automaton = automata.tokens, automata.language.automaton
        own = tokens.token_class.nbytes + tokens.edge_target.nbytes + tokens.edge_set.nbytes
        assert automata.nbytes > own + automaton.transitions.nbytes + 8 * len(BYTES)


def test_threads_compile_at_once() -> None:
    constraints: list[Callable[[], cd.Constraint]] = [
        lambda: cd.Regex("(ab|c)*d{3}"),
        lambda: cd.JsonSchema(RECORD),
        lambda: cd.Text(0, 12) & cd.Regex("[a-c]*"),
        lambda: cd.Template("x", cd.Hole("y", cd.JsonSchema({"type": "number"}))),
    ]
    expected = [
        cd.compile(make(), BYTES, length=LENGTH, cache=False).tokens.edge_target.tolist()
        for make in constraints
    ]
    workers = 6
    together = threading.Barrier(workers)

    def work(number: int) -> list[bool]:
        together.wait()
        right = []
        for turn in range(24):
            index = (number + turn) % len(constraints)
            if turn % 8 == 7:
                RECENT.clear()
            cache = False if turn % 5 == 4 else None
            compiled = cd.compile(constraints[index](), BYTES, length=LENGTH, cache=cache)
            right.append(compiled.tokens.edge_target.tolist() == expected[index])
        return right

    with ThreadPoolExecutor(workers) as pool:
        results = list(pool.map(work, range(workers)))
    assert all(all(right) for right in results)


class TestCommandLine:
    @pytest.fixture
    def report(
        self, monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]
    ) -> Callable[..., dict[str, str]]:
        """What `compile` reports for a vocabulary of bytes."""
        denoiser = constrained_diffusion.models.RandomDenoiser(BYTES, LENGTH)
        monkeypatch.setattr(constrained_diffusion.models, "load", lambda *_, **__: denoiser)

        def run(*arguments: str) -> dict[str, str]:
            RECENT.clear()
            assert main(["compile", *arguments]) == 0
            output, errors = capsysbinary.readouterr()
            assert errors == b""
            return dict(line.split(":", 1) for line in output.decode().splitlines())

        return run

    def test_compile_tells_the_source(self, report: Callable[..., dict[str, str]]) -> None:
        assert report("--regex", "ab+")["source"].strip() == "compiled"
        assert report("--regex", "ab+")["source"].strip() == "disk cache"

    def test_no_cache(self, report: Callable[..., dict[str, str]], folder: Path) -> None:
        assert report("--regex", "ab+", "--no-cache")["source"].strip() == "compiled"
        assert not folder.exists()
        report("--regex", "ab+")
        assert report("--regex", "ab+", "--no-cache")["source"].strip() == "compiled"

    def test_a_text_for_several_canvases(self, report: Callable[..., dict[str, str]]) -> None:
        for expected in ("compiled", "disk cache"):
            found = report("--regex", "a{100}")
            assert found["source"].strip() == expected and "3 of 40" in found["canvas"]
