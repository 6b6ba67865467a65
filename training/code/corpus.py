"""Which Python source the code denoiser is trained on, and where it comes from.

Only source that installed packages ship: the interpreter's standard library (PSF licence) and a
named list of packages under MIT, BSD or Apache licences. Left out: tests, vendored copies of other
packages, and every file that shares a run of `OVERLAP` words and signs with a program of the
evaluation sets.
"""

from __future__ import annotations

import gzip
import hashlib
import importlib.metadata
import json
import re
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

STANDARD_LIBRARY = "python"
HELD_OUT_PACKAGES = frozenset({"click", "python-dateutil", "sortedcontainers"})
"""Never trained on."""
PACKAGES: tuple[str, ...] = (
    "absl-py", "accelerate", "anyio", "attrs", "filelock", "fsspec", "h11", "httpcore2", "httpx2",
    "huggingface_hub", "Jinja2", "jsonschema", "lark", "markdown-it-py", "mpmath", "mypy",
    "networkx", "numba", "numpy", "packaging", "pandas", "platformdirs", "pluggy", "psutil",
    "pydantic", "pytest", "python-constraint2", "PyYAML", "rich", "setuptools", "sympy", "torch",
    "transformers", "typer", "vulture", *sorted(HELD_OUT_PACKAGES),
)  # fmt: skip
LARGEST_SHARE = 2_500_000
"""Characters of one package at most, its files taken by hash: none drowns the others."""
SMALLEST, LARGEST = 400, 200_000
"""Characters of a file."""
HELD_OUT_ONE_IN = 40
"""One file in so many of the other packages is held out."""
OVERLAP = 10
"""Length of the runs of words and signs that are compared with the evaluation sets."""
_WORD = re.compile(r"\w+|[^\w\s]")
SKIPPED_FOLDERS = frozenset(
    {"_vendor", "_vendored", "vendor", "test", "tests", "testing", "idle_test", "idlelib",
     "lib2to3", "pydoc_data", "site-packages", "__pycache__", "turtledemo", "encodings",
     "benchmarks", "_distutils", "vendored_packages"}
)  # fmt: skip


@dataclass(frozen=True)
class Source:
    """One file of Python: the package and path that it comes from, and its text."""

    package: str
    path: str
    text: str

    @property
    def held_out(self) -> str | None:
        """The set that the file belongs to, "packages" or "files"; None: it is trained on."""
        if self.package in HELD_OUT_PACKAGES:
            return "packages"
        bucket = _hash(f"{self.package}/{self.path}") % HELD_OUT_ONE_IN
        return "files" if bucket == 0 else None


@dataclass(frozen=True)
class Package:
    """A package of the corpus with what its metadata says of its licence."""

    name: str
    version: str
    licence: str


def packages() -> list[Package]:
    """The packages of the corpus that are installed, the standard library first."""
    found = [Package(STANDARD_LIBRARY, sysconfig.get_python_version(), "PSF-2.0")]
    for name in PACKAGES:
        try:
            metadata = importlib.metadata.metadata(name)
        except importlib.metadata.PackageNotFoundError:
            continue
        classifiers = metadata.get_all("Classifier") or []
        licences = [c.split("::")[-1].strip() for c in classifiers if c.startswith("License")]
        said = metadata.get("License-Expression") or ", ".join(licences) or metadata["License"]
        found.append(Package(name, metadata["Version"], said.splitlines()[0]))
    return found


def sources() -> Iterator[Source]:
    """The files of the corpus: ASCII, of fitting size, parsable or not; duplicates once."""
    seen: set[str] = set()
    for package in packages():
        size = 0
        for path, file in sorted(_files(package.name), key=lambda pair: _hash(pair[0])):
            if size > LARGEST_SHARE and package.name != STANDARD_LIBRARY:
                break
            try:
                text = file.read_text("ascii")
            except (OSError, UnicodeError):
                continue
            if not SMALLEST <= len(text) <= LARGEST or "\t" in text or "\r" in text:
                continue
            key = hashlib.sha256(text.encode()).hexdigest()
            if key not in seen:
                seen.add(key)
                size += len(text)
                yield Source(package.name, path, text)


def _files(package: str) -> Iterator[tuple[str, Path]]:
    """Pairs (path within the package, file), without what is skipped."""
    if package == STANDARD_LIBRARY:
        root = Path(sysconfig.get_paths()["stdlib"])
        named = ((str(file.relative_to(root)), file) for file in root.rglob("*.py"))
    else:
        distribution = importlib.metadata.distribution(package)
        named = (
            (str(file), Path(str(file.locate())))
            for file in distribution.files or ()
            if file.suffix == ".py"
        )
    for path, file in named:
        parts = Path(path).parts
        name = parts[-1]
        if SKIPPED_FOLDERS.isdisjoint(parts) and not name.startswith(
            ("test_", "conftest", "_vers")
        ):
            yield path, file


def evaluation_programs(folder: Path) -> list[str]:
    """Prompt and solution of every task in a folder's HumanEval files."""
    programs = []
    for file in sorted(folder.glob("HumanEval*.jsonl.gz")):
        with gzip.open(file, "rt") as lines:
            for line in lines:
                task = json.loads(line)
                suffix = task.get("suffix", "")
                programs.append(task["prompt"] + task["canonical_solution"] + suffix)
    return programs


def runs_of(text: str, length: int = OVERLAP) -> set[tuple[str, ...]]:
    """The runs of `length` words and signs of a text."""
    words = _WORD.findall(text)
    return {tuple(words[i : i + length]) for i in range(len(words) - length + 1)}


def _hash(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
