"""Keys of the caches: what they tell apart, and what they do not."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from cached_record import BYTES, LENGTH, RECORD

import constrained_diffusion as cd
from constrained_diffusion.constraints import cache_key as key_module
from constrained_diffusion.constraints.cache_key import cache_key


def key(constraint: cd.Constraint, length: int = LENGTH, canvases: int = 1) -> str | None:
    return cache_key(constraint, BYTES, length=length, canvases=canvases)


DIFFERENT: list[cd.Constraint] = [
    cd.Regex("a"),
    cd.Regex("b"),
    cd.Regex("a") + "b",
    "a" + cd.Regex("b"),
    cd.Regex("a") | cd.Regex("b"),
    cd.Regex("b") | cd.Regex("a"),
    cd.Regex("a") & cd.Regex("b"),
    ~cd.Regex("a"),
    ~~cd.Regex("a"),
    cd.Choice(["a"]),
    cd.Choice(["a", "b"]),
    cd.Choice(["b", "a"]),
    cd.Choice(["ab"]),
    cd.Text(),
    cd.Text(1),
    cd.Text(0, 1),
    cd.Template("a", "b"),
    cd.Template("ab"),
    cd.Template("a", cd.Hole("b", cd.Regex("a"))),
    cd.Template("a", cd.Hole("c", cd.Regex("a"))),
    cd.JsonSchema(True),
    cd.JsonSchema({}),
    cd.JsonSchema({"enum": [1, True]}),
    cd.JsonSchema({"enum": [1.0, True]}),
    cd.JsonSchema({"enum": [True, 1]}),
    cd.JsonSchema(RECORD),
    cd.JsonSchema(RECORD, whitespace="spaced"),
    cd.JsonSchema(RECORD, whitespace="flexible"),
    cd.JsonSchema(RECORD, max_depth=1),
    cd.JsonSchema(RECORD, max_depth=2),
    cd.JsonSchema(RECORD, open_objects=True),
    cd.JsonSchema(RECORD, open_objects=False),
    cd.JsonSchema({**RECORD, "properties": dict(reversed(RECORD["properties"].items()))}),  # type: ignore[attr-defined]
    cd.JsonSchema(RECORD, registry={}),
    cd.JsonSchema(RECORD, registry={"urn:a": True}),
    cd.JsonSchema(RECORD, registry={"urn:a": {}}),
    cd.JsonSchema(RECORD, registry={"urn:b": {}}),
    cd.Regex("\ud800\udc00"),
    cd.Regex("\U00010000"),
]


def test_different_constraints_have_different_keys() -> None:
    keys = [key(constraint) for constraint in DIFFERENT]
    assert None not in keys
    assert len(set(keys)) == len(DIFFERENT)


def test_equal_constraints_have_equal_keys() -> None:
    assert key(cd.Choice(["a", "b"])) == key(cd.Choice(iter("ab")))
    assert key(cd.JsonSchema(RECORD)) == key(cd.JsonSchema(json.dumps(RECORD)))


def test_vocabulary_and_room_are_part_of_the_key() -> None:
    regex = cd.Regex("a")
    other = cd.Vocabulary([*BYTES.tokens[:256], b"ab", None, None], end_ids=[257], pad_id=258)
    keys = {
        key(regex),
        key(regex, length=LENGTH + 1),
        key(regex, canvases=2),
        cache_key(regex, other, length=LENGTH, canvases=1),
    }
    assert len(keys) == 4
    same = cd.Vocabulary(list(BYTES.tokens), end_ids=[256], pad_id=257)
    assert cache_key(regex, same, length=LENGTH, canvases=1) == key(regex)


@pytest.mark.parametrize("seed", ["1", "2"])
def test_another_process_finds_the_same(seed: str) -> None:
    program = (
        "import constrained_diffusion as cd\n"
        "from constrained_diffusion.constraints.cache_key import cache_key\n"
        "v = cd.Vocabulary([bytes([b]) for b in range(256)] + [None, None], end_ids=[256],"
        " pad_id=257)\n"
        f"c = cd.JsonSchema({RECORD!r}) + cd.Choice(['a', 'b'])\n"
        f"print(cache_key(c, v, length={LENGTH}, canvases=1))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        env={"PYTHONHASHSEED": seed, "PYTHONPATH": str(Path(cd.__file__).parents[1])},
        check=True,
    )
    assert done.stdout.strip() == key(cd.JsonSchema(RECORD) + cd.Choice(["a", "b"]))


def test_any_edit_of_the_compiler_is_another_version(tmp_path: Path) -> None:
    package = tmp_path / "package"
    for folder in ("automata/regex", "constraints", "cli"):
        (package / folder).mkdir(parents=True)
    code = package / "automata" / "regex" / "code.py"
    code.write_text("one = 1\n")
    hashes = [key_module._source_hash(package)]
    code.write_text("one = 2\n")
    hashes.append(key_module._source_hash(package))
    (package / "constraints" / "more.py").write_text("")
    hashes.append(key_module._source_hash(package))
    code.rename(code.with_name("moved.py"))
    hashes.append(key_module._source_hash(package))
    assert len(set(hashes)) == 4
    (package / "cli" / "unrelated.py").write_text("two = 2\n")
    (package / "constraints" / "notes.txt").write_text("no code")
    assert key_module._source_hash(package) == hashes[-1]


def test_there_is_source_to_hash() -> None:
    assert key_module._source_hash(Path("/nowhere")) != key_module._COMPILER


def test_what_cannot_be_written_down_has_no_key() -> None:
    deep: cd.Constraint = cd.Regex("a")
    for _ in range(20_000):
        deep = ~deep
    assert key(deep) is None
    assert key(cd.Text(0, 10**5000)) is None
