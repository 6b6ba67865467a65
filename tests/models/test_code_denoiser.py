"""The bundled code denoiser: how it reads the text around a hole, and its checkpoint folder."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from damaged_folders import COMMON, check_refused, edit

import constrained_diffusion as cd
from constrained_diffusion.errors import CheckpointError, ConstrainedDiffusionError
from constrained_diffusion.models import code
from constrained_diffusion.models.code import CodeDenoiser, InfillPrompt
from constrained_diffusion.models.transformer import DenoiserConfig, DenoiserTransformer
from training.code.tokenizer import HOLE_ID, MASK_ID, PAD_ID, train_tokenizer

BUNDLED = Path(code.__file__).parent / "weights" / "code"

SOURCE = """\
def area(width, height):
    total = width * height
    if total > 100:
        return total - 12
    return total
"""


@pytest.fixture(scope="module")
def tokenizer():
    return train_tokenizer([SOURCE] * 3, size=330)


@pytest.fixture(scope="module")
def denoiser(tokenizer) -> CodeDenoiser:
    """Random weights: none of these laws may depend on training."""
    torch.manual_seed(0)
    config = DenoiserConfig(
        tokenizer.get_vocab_size(), width=32, heads=2, encoder_layers=1, decoder_layers=2
    )
    network = DenoiserTransformer(config)
    return CodeDenoiser(network, tokenizer, canvas_length=12, prefix_length=20, suffix_length=10)


@pytest.fixture(scope="module")
def bundled() -> CodeDenoiser:
    loaded = cd.load("code", device="cpu")
    assert isinstance(loaded, CodeDenoiser)
    return loaded


def masks(denoiser: CodeDenoiser, rows: int = 1) -> torch.Tensor:
    return torch.full((rows, denoiser.canvas_length), MASK_ID)


# --- tokens ----------------------------------------------------------------------------------


def test_any_text_encodes_and_comes_back(tokenizer):
    for text in (SOURCE, "héllo €5\n\t x☃", "\x00\x7f", "x  # \r\n\n\n   y", "日本語 12.5"):
        assert tokenizer.decode(tokenizer.encode(text).ids) == text


def test_a_name_has_the_same_tokens_wherever_it_stands(tokenizer):
    own = tokenizer.encode("total").ids
    for before, after in ((" ", " "), ("(", ")"), ("\n    ", " = 1"), ("return ", "\n")):
        left, right = (tokenizer.encode(text).ids for text in (before, after))
        assert tokenizer.encode(f"{before}total{after}").ids == [*left, *own, *right]


def test_digits_and_indentation(tokenizer):
    assert [tokenizer.decode([i]) for i in tokenizer.encode("100").ids] == ["1", "0", "0"]
    assert len(tokenizer.encode("\n    ").ids) == 1


def test_text_that_looks_like_a_special_token_is_text(denoiser):
    before, after = denoiser.encode_prompt(InfillPrompt("<mask>", "<hole><end>"))
    assert {PAD_ID, MASK_ID, HOLE_ID}.isdisjoint(before + after)
    assert denoiser.vocabulary.decode(before) == b"<mask>"


def test_only_the_nearest_tokens_are_read(denoiser):
    prefix, suffix = SOURCE * 30, SOURCE * 30
    before, after = denoiser.encode_prompt(InfillPrompt(prefix, suffix))
    assert (len(before), len(after)) == (20, 10)
    assert prefix.endswith(denoiser.vocabulary.decode(before).decode())
    assert suffix.startswith(denoiser.vocabulary.decode(after).decode())
    # What lies further away changes nothing.
    near = InfillPrompt("x = 1\n" + SOURCE * 29, SOURCE * 29 + "y = 2\n")
    assert torch.equal(
        denoiser.denoise(near, masks(denoiser)),
        denoiser.denoise(InfillPrompt(prefix, suffix), masks(denoiser)),
    )


# --- denoiser --------------------------------------------------------------------------------


def test_denoise_is_a_function_of_its_arguments(denoiser):
    prompt = InfillPrompt("def area(", "):\n    return 1\n")
    canvas = torch.randint(0, len(denoiser.vocabulary), (2, denoiser.canvas_length))
    before = canvas.clone()
    first = denoiser.denoise(prompt, canvas)
    denoiser.denoise(InfillPrompt("other", "text"), canvas)
    assert torch.equal(denoiser.denoise(prompt, canvas), first)
    assert torch.equal(canvas, before)
    assert first.shape == (*canvas.shape, len(denoiser.vocabulary))
    assert first.dtype == torch.float32 and first.isfinite().all()
    torch.testing.assert_close(first.exp().sum(-1), torch.ones(canvas.shape))
    torch.testing.assert_close(denoiser.denoise(prompt, canvas[1:]), first[1:])


def test_prefix_and_suffix_are_both_read(denoiser):
    canvas = masks(denoiser)
    plain = denoiser.denoise(InfillPrompt("total = ", "\nreturn total"), canvas)
    for other in (
        InfillPrompt("width = ", "\nreturn total"),
        InfillPrompt("total = ", "\nreturn width"),
        InfillPrompt("total = \nreturn total", ""),
    ):
        assert not torch.allclose(denoiser.denoise(other, canvas), plain)


def test_infilling_shows_both_texts(denoiser):
    assert denoiser.infill_prompt("a", "b") == InfillPrompt("a", "b")
    sampler = cd.MaskedSampler(steps=3)
    texts = [
        cd.generate(denoiser, prompt, sampler=sampler, seed=1).text
        for prompt in (InfillPrompt("total = ", SOURCE), InfillPrompt("total = ", ""), "total = ")
    ]
    assert texts[1] == texts[2] != texts[0]


def test_a_plain_text_is_a_prefix(denoiser):
    canvas = masks(denoiser)
    assert torch.equal(
        denoiser.denoise("def area(", canvas),
        denoiser.denoise(InfillPrompt("def area(", ""), canvas),
    )


@pytest.mark.parametrize("prompt", [InfillPrompt("", ""), InfillPrompt("a", ""), "", "x" * 100_000])
def test_texts_of_any_length(denoiser, prompt):
    assert denoiser.denoise(prompt, masks(denoiser)).isfinite().all()


def test_earlier_canvases_are_text_before_the_hole(denoiser):
    prompt, written = InfillPrompt("total = ", "\nreturn total"), "width * height"
    ids = denoiser.tokenizer.encode(written).ids
    continued = denoiser.denoise(prompt, masks(denoiser), previous=torch.tensor([ids]))
    joined = InfillPrompt(prompt.prefix + written, prompt.suffix)
    before, _ = denoiser.encode_prompt(joined)
    assert before == denoiser.tokenizer.encode(prompt.prefix).ids + ids
    torch.testing.assert_close(continued, denoiser.denoise(joined, masks(denoiser)))


def test_a_prompt_that_is_no_text_is_refused():
    with pytest.raises(ConstrainedDiffusionError, match="suffix: a text, got int"):
        InfillPrompt("x", 3)  # type: ignore[arg-type]
    with pytest.raises(ConstrainedDiffusionError, match="prefix: no valid text"):
        InfillPrompt("\ud800", "")


# --- positions -------------------------------------------------------------------------------


def test_the_canvas_stands_where_the_hole_is(denoiser):
    """Rotary positions are relative: padding before the prompt that moves the hole with it is
    not seen, and moving the canvas alone is."""
    network = denoiser.network
    prompt = torch.randint(4, 300, (1, 9))
    padded = torch.cat([torch.full((1, 5), PAD_ID), prompt], 1)
    canvas = masks(denoiser)

    def predict(ids: torch.Tensor, origin: int | torch.Tensor) -> torch.Tensor:
        memory = network.encode(ids).at(origin)
        return network.decode(memory, canvas, None).log_probabilities()

    plain = predict(prompt, 4)
    torch.testing.assert_close(predict(padded, 9), plain, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(predict(prompt, torch.tensor([4])), plain)
    assert not torch.allclose(predict(prompt, 3), plain, atol=1e-4)


def test_rows_of_a_memory(denoiser):
    network = denoiser.network
    prompts = torch.randint(4, 300, (2, 9))
    owner, origin = torch.tensor([1, 0, 1]), torch.tensor([2, 5, 7])
    canvas = torch.randint(0, 300, (3, 6))
    together = network.decode(network.encode(prompts).rows(owner).at(origin), canvas, None)
    for row in range(3):
        memory = network.encode(prompts[owner[row]][None]).at(int(origin[row]))
        alone = network.decode(memory, canvas[row : row + 1], None)
        torch.testing.assert_close(
            together.log_probabilities()[row], alone.log_probabilities()[0], atol=1e-4, rtol=1e-4
        )


# --- checkpoint folder -----------------------------------------------------------------------


def test_saved_and_loaded_it_predicts_the_same(denoiser, tmp_path):
    denoiser.save(tmp_path)
    loaded = cd.load(tmp_path, device="cpu")
    assert isinstance(loaded, CodeDenoiser)
    prompt = InfillPrompt("total = ", "\nreturn total")
    assert torch.equal(
        loaded.denoise(prompt, masks(denoiser)), denoiser.denoise(prompt, masks(denoiser))
    )


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        *COMMON,
        (lambda f: (f / "tokenizer.json").write_text("{}"), "tokenizer.json.*damaged"),
        (edit(canvas_length=0), "canvas_length"),
        (edit(prefix_length="long"), "prefix_length"),
    ],
)
def test_a_damaged_folder_is_refused(denoiser, tmp_path, damage, message):
    check_refused(denoiser, tmp_path, damage, message)


def test_a_tokenizer_without_a_hole_mark_is_refused(denoiser):
    from training.text.tokenizer import train_tokenizer as train_other

    with pytest.raises(CheckpointError, match="<mask>"):
        CodeDenoiser(denoiser.network, train_other(size=300, passages=3))


# --- the bundled one -------------------------------------------------------------------------


def test_the_bundled_denoiser_is_small_and_reads_enough(bundled):
    assert sum(file.stat().st_size for file in BUNDLED.iterdir()) < 8_000_000
    assert bundled.prefix_length + 1 + bundled.suffix_length >= 512
    assert 64 <= bundled.canvas_length <= 96
    assert bundled.noise == "masked" and bundled.vocabulary.mask_id is not None


def test_the_bundled_denoiser_copies_names(bundled):
    """The loop's variable is nowhere but in the text around the hole."""
    prompt = InfillPrompt(
        "def f(zorblax, n):\n    total = 0\n    for quib in ", ":\n        total += 1\n"
    )
    names = bundled.tokenizer.encode("zorblax").ids
    others = bundled.tokenizer.encode("vumplet").ids
    scores = bundled.denoise(prompt, masks(bundled))[0, 0]
    assert scores[names[0]] > scores[others[0]]


def test_the_same_seed_gives_the_same_text(bundled):
    sampler = cd.MaskedSampler(steps=6, temperature=0.7)
    texts = [
        cd.generate(bundled, "import os\n\n\ndef main():\n", sampler=sampler, seed=5).text
        for _ in range(2)
    ]
    assert texts[0] == texts[1]
