"""Folders of this package's own denoisers: what is loaded is what was saved, or it is refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

import constrained_diffusion as cd
from constrained_diffusion.models import checkpoint
from constrained_diffusion.models.bundled import TextDenoiser
from constrained_diffusion.models.checkpoint import digest
from constrained_diffusion.models.code import CodeDenoiser
from constrained_diffusion.models.sudoku import SudokuDenoiser
from constrained_diffusion.models.sudoku_network import SudokuConfig, SudokuNetwork
from constrained_diffusion.models.transformer import DenoiserConfig, DenoiserTransformer

KINDS = ("text", "code", "sudoku")


def make(kind: str, seed: int = 0):
    torch.manual_seed(seed)
    if kind == "sudoku":
        network = SudokuNetwork(SudokuConfig(width=4, hidden=6))
        torch.nn.init.normal_(network.score.weight)  # zero before training: no seed would matter
        return SudokuDenoiser(network, iterations=3)
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=290,
        special_tokens=["<pad>", "<end>", "<mask>", "<hole>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(["Ada lives in London", "Ada is 36"], trainer)
    size = tokenizer.get_vocab_size()
    config = DenoiserConfig(size, width=8, heads=2, encoder_layers=1, decoder_layers=1)
    network = DenoiserTransformer(config)
    if kind == "code":
        sizes = {"canvas_length": 6, "prefix_length": 9, "suffix_length": 5}
        return CodeDenoiser(network, tokenizer, **sizes)
    return TextDenoiser(network, tokenizer, canvas_length=6, prompt_length=9)


def logits(denoiser) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    high = min(10, len(denoiser.vocabulary))
    canvas = torch.randint(0, high, (2, denoiser.canvas_length), generator=generator)
    return denoiser.denoise("Ada is 36", canvas)


def settings_of(denoiser) -> tuple:
    names = ("canvas_length", "prompt_length", "prefix_length", "iterations", "noise")
    network = denoiser.network.config
    return (*(getattr(denoiser, name, None) for name in names), network, len(denoiser.vocabulary))


@pytest.fixture(scope="module", params=KINDS)
def saved(request, tmp_path_factory):
    """A kind, the denoiser, and its folder."""
    denoiser = make(request.param)
    folder = tmp_path_factory.mktemp(request.param)
    denoiser.save(folder)
    return denoiser, folder


# --- round trip ------------------------------------------------------------------------------


def test_what_was_saved_predicts_the_same_bit_by_bit(saved):
    denoiser, folder = saved
    loaded = cd.load(folder, "cpu")
    assert torch.equal(logits(loaded), logits(denoiser))
    assert settings_of(loaded) == settings_of(denoiser)
    assert loaded.vocabulary.fingerprint == denoiser.vocabulary.fingerprint


@pytest.mark.parametrize("kind", KINDS)
def test_the_bundled_ones_survive_a_round_trip_at_their_size(kind, tmp_path):
    bundled = cd.load(kind, "cpu")
    bundled.iterations = 2  # of the one for Sudoku: these canvases have no solution
    bundled.save(tmp_path)
    assert torch.equal(logits(cd.load(str(tmp_path), "cpu")), logits(bundled))
    source = Path(checkpoint.__file__).parent / "weights" / kind / "model.safetensors"
    assert (tmp_path / "model.safetensors").stat().st_size <= source.stat().st_size


def test_half_precision_is_taken_where_it_loses_nothing(tmp_path):
    denoiser = make("text")
    denoiser.save(tmp_path / "full")
    denoiser.network.half().float()
    denoiser.save(tmp_path / "half")
    sizes = [(tmp_path / n / "model.safetensors").stat().st_size for n in ("full", "half")]
    assert sizes[1] < 0.8 * sizes[0]
    assert torch.equal(logits(cd.load(tmp_path / "half", "cpu")), logits(denoiser))


# --- damage ----------------------------------------------------------------------------------


def assert_refused_or_the_same(folder: Path, denoiser) -> None:
    try:
        loaded = cd.load(folder, "cpu")
    except cd.CheckpointError as error:
        assert str(folder) in str(error) and "\n" not in str(error)
        return
    assert settings_of(loaded) == settings_of(denoiser)
    assert torch.equal(logits(loaded), logits(denoiser))


@settings(max_examples=80)
@given(data=st.data())
def test_any_damage_to_any_file_is_refused(saved, data):
    denoiser, folder = saved
    path = data.draw(st.sampled_from(sorted(p for p in folder.iterdir() if p.suffix != ".tmp")))
    content = path.read_bytes()
    kind = data.draw(st.sampled_from(("flip", "truncate", "insert", "overwrite")))
    at = data.draw(st.integers(0, len(content) - 1))
    if kind == "flip":
        mask = data.draw(st.integers(1, 255))
        damaged = content[:at] + bytes([content[at] ^ mask]) + content[at + 1 :]
    elif kind == "truncate":
        damaged = content[:at]
    else:
        new = data.draw(st.binary(min_size=1, max_size=40))
        damaged = content[:at] + new + content[at + len(new) * (kind == "overwrite") :]
    try:
        path.write_bytes(damaged)
        assert_refused_or_the_same(folder, denoiser)
    finally:
        path.write_bytes(content)


def test_every_digit_of_the_configuration_counts(saved):
    """Sizes and lengths are numbers like any other: only their own sum tells that one changed."""
    _, folder = saved
    path = folder / "config.json"
    content = path.read_bytes()
    try:
        for at, byte in enumerate(content):
            if chr(byte).isdigit():
                new = b"1" if byte != ord("1") else b"2"
                path.write_bytes(content[:at] + new + content[at + 1 :])
                with pytest.raises(cd.CheckpointError):
                    cd.load(folder, "cpu")
    finally:
        path.write_bytes(content)


def rewritten(folder: Path, target: Path, change) -> Path:
    """A copy whose configuration was changed by somebody who knows how sums are made."""
    shutil.copytree(folder, target)
    config = json.loads((target / "config.json").read_text())
    change(config, target)
    config["sha256"] = {
        name: digest((target / name).read_bytes())
        for name in config["sha256"]
        if name != "config.json"
    }
    (target / "config.json").write_text(json.dumps(config))
    return target


def _network(**changes):
    return lambda config, folder: config["network"].update(changes)


def _member(name, value):
    return lambda config, folder: config.update({name: value})


def _length(value):
    """The member that both kinds have, in effect."""
    return lambda config, folder: config.update(
        {"iterations" if "iterations" in config else "canvas_length": value}
    )


def _tensors(change):
    def damage(config, folder):
        tensors = load_file(folder / "model.safetensors")
        save_file(change(tensors), folder / "model.safetensors")

    return damage


def _first(change):
    def one(tensors):
        name = next(iter(tensors))
        return {**tensors, name: change(tensors[name])}

    return _tensors(one)


@pytest.mark.parametrize(
    "change",
    [
        _member("format_version", 2),
        _member("format_version", True),
        _member("format_version", None),
        _member("kind", "poem"),
        _member("kind", ["text"]),
        _member("network", []),
        _length(True),
        _length("6"),
        _length(0),
        _length(None),
        _network(width=10**12),
        _network(width=-8),
        _network(width=7.5),
        _network(width=True),
        _network(width="8"),
        _network(surprise=1),
        _network(decoder_layers=10**9),
        _network(rotary_base=float("nan")),
        _network(expansion=10**7, hidden=10**7),
        _tensors(lambda tensors: {}),
        _tensors(lambda tensors: dict(list(tensors.items())[1:])),
        _tensors(lambda tensors: {**tensors, "more": torch.zeros(2)}),
        _first(lambda tensor: tensor.flatten()[:-1].clone()),
        _first(lambda tensor: tensor.float() / 0),
        _first(lambda tensor: torch.zeros(tensor.shape, dtype=torch.int64)),
    ],
)
def test_tampering_with_matching_sums_is_refused(saved, tmp_path, change):
    _, folder = saved
    copy = rewritten(folder, tmp_path / "copy", change)
    with pytest.raises(cd.CheckpointError) as caught:
        cd.load(copy, "cpu")
    assert str(copy) in str(caught.value)


def test_a_configuration_of_an_earlier_release_is_read(saved, tmp_path):
    """It has no sum of its own."""
    denoiser, folder = saved
    old = rewritten(folder, tmp_path / "old", lambda config, folder: None)
    assert "config.json" not in json.loads((old / "config.json").read_text())["sha256"]
    assert torch.equal(logits(cd.load(old, "cpu")), logits(denoiser))


def test_nothing_is_unpickled(saved, tmp_path):
    _, folder = saved
    copy = tmp_path / "pickled"
    shutil.copytree(folder, copy)
    fired = tmp_path / "fired"

    class Bomb:
        def __reduce__(self):
            return (Path.touch, (fired,))

    torch.save(Bomb(), copy / "model.safetensors")
    torch.save(Bomb(), copy / "pytorch_model.bin")
    with pytest.raises(cd.CheckpointError, match="damaged"):
        cd.load(copy, "cpu")
    (copy / "model.safetensors").unlink()
    with pytest.raises(cd.CheckpointError, match="cannot be read"):
        cd.load(copy, "cpu")
    assert not fired.exists()


# --- writing ---------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_a_save_that_breaks_off_leaves_the_old_checkpoint(kind, tmp_path, monkeypatch):
    old, new = make(kind, 0), make(kind, 1)
    old.save(tmp_path)
    before = sorted(tmp_path.iterdir())

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoint.os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        new.save(tmp_path)
    assert sorted(tmp_path.iterdir()) == before
    assert torch.equal(logits(cd.load(tmp_path, "cpu")), logits(old))


@pytest.mark.parametrize("kind", KINDS)
def test_a_reader_never_sees_half_of_a_checkpoint(kind, tmp_path, monkeypatch):
    """After each rename: the old one, the new one, or an error."""
    old, new = make(kind, 0), make(kind, 1)
    seen = []
    replace = checkpoint.os.replace

    def watched(source, target):
        replace(source, target)
        try:
            seen.append(logits(cd.load(tmp_path, "cpu")))
        except cd.CheckpointError:
            seen.append(None)

    monkeypatch.setattr(checkpoint.os, "replace", watched)
    old.save(tmp_path)
    new.save(tmp_path)
    whole = [result for result in seen if result is not None]
    assert len(whole) >= 2 and torch.equal(whole[-1], logits(new))
    for result in whole:
        assert torch.equal(result, logits(old)) or torch.equal(result, logits(new))


def test_files_can_be_read_by_others(saved):
    _, folder = saved
    assert all(path.stat().st_mode & 0o444 == 0o444 for path in folder.iterdir())
