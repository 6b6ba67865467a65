"""What the views show of a few steps, with text that tries to break out of them."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from io import StringIO

import pytest
import torch
from rich.console import Console

from constrained_diffusion import MaskedSampler, UniformSampler, Vocabulary, generate
from constrained_diffusion.viewing import LiveView, Recorder, State, render_page
from constrained_diffusion.viewing.frames import pieces, visible
from constrained_diffusion.viewing.terminal import STYLES, canvas_text, render

NASTY = b"</script><script>alert(1)</script>&amp;{{PROMPT}}"
TOKENS = [b'"', NASTY, b"\xc3", b"\xa9", b"\n", b"\x1b[31m", None, None, None]
VOCABULARY = Vocabulary(TOKENS, end_ids=[6], pad_id=7, mask_id=8)
CLEAN = [0, 1, 2, 3, 4, 5, 0, 6, 7, 7, 7, 7, 7, 7]
LENGTH = len(CLEAN)


class Converging:
    """Predicts the clean canvas, the more certainly the more of it stands already."""

    vocabulary, canvas_length = VOCABULARY, LENGTH

    def __init__(self, noise):
        self.noise = noise

    def denoise(self, prompt, canvas, *, previous=None, self_conditioning=None):
        generator = torch.Generator().manual_seed(int(canvas.sum()))
        logits = 2 * torch.randn(1, LENGTH, len(VOCABULARY), generator=generator)
        right = (canvas[0] == torch.tensor(CLEAN)).float()
        logits[0, torch.arange(LENGTH), CLEAN] += 4 + 12 * right.mean() + 4 * right
        return logits


@pytest.fixture(scope="module", params=["uniform", "masked"])
def recorded(request):
    recorder = Recorder()
    sampler = UniformSampler(steps=16) if request.param == "uniform" else MaskedSampler(steps=6)
    result = generate(
        Converging(request.param), "prompt", sampler=sampler, seed=3, on_step=recorder
    )
    return recorder, result


class Page(HTMLParser):
    """Collects the elements and the text in each; entities are resolved as a browser does."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.text, self._open = [], {}, []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag not in ("meta", "link", "input", "br"):
            self._open.append(dict(attributes).get("id") or tag)

    def handle_endtag(self, tag):
        if tag not in ("meta", "link", "input", "br"):
            self._open.pop()

    def handle_data(self, data):
        for name in self._open[-1:]:
            self.text[name] = self.text.get(name, "") + data


def test_frames_hold_text_states_and_figures(recorded):
    recorder, result = recorded
    frames = recorder.frames
    assert [frame.index for frame in frames] == list(range(result.steps))
    assert frames[-1].text == result.text == (b'"' + NASTY + b'\xc3\xa9\n\x1b[31m"').decode()
    assert all(len(frame.states) == len(frame.entropy) == LENGTH for frame in frames)
    assert State.UNCERTAIN in frames[0].states and State.CHANGING not in frames[0].states
    assert frames[-1].decided == LENGTH


def test_states_follow_entropy_commitment_and_change():
    draft = torch.tensor([0, 0, 0, 0])

    class Fake:
        index, canvas_index, previous_tokens, vocabulary = 0, 0, (), VOCABULARY
        canvas, log_evidence, text = draft, 0.0, ""
        entropy = torch.tensor([0.0, 0.5, 0.5, 0.5])
        committed = torch.tensor([False, True, False, False])

    recorder, first, second = Recorder(), Fake(), Fake()
    first.draft, second.draft = draft, torch.tensor([1, 1, 1, 0])
    assert recorder(first).states[1:] == [State.ACCEPTED, State.UNCERTAIN, State.UNCERTAIN]
    assert recorder(second).states == [
        State.FIXED,
        State.ACCEPTED,
        State.CHANGING,
        State.UNCERTAIN,
    ]
    other_canvas = Fake()
    other_canvas.canvas_index, other_canvas.draft = 1, draft
    assert State.CHANGING not in recorder(other_canvas).states


def test_pieces_join_to_the_text():
    assert pieces(VOCABULARY, [0, 2, 3, 0]) == ['"', "", "é", '"']
    assert pieces(VOCABULARY, [2, 6, 7, 3]) == ["", "\ufffd▪", "·", "\ufffd"]
    assert pieces(VOCABULARY, [8, 2]) == ["▒", "\ufffd"]
    assert pieces(VOCABULARY, []) == []


def test_nothing_that_a_terminal_acts_on_is_left():
    shown = visible("".join(map(chr, [*range(0x100), 0x202E, 0x200B, 0xFEFF, 0xD800])))
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e\u200b\ufeff\ud800]", shown)
    assert visible("a\nb") == "a⏎\nb"
    assert visible("é日🙂") == "é日🙂"


def test_page_is_one_file_that_escapes_everything(recorded):
    recorder, result = recorded
    prompt = "</pre><img src=x onerror=alert(1)>{{DATA}} & <b>"
    source = render_page(recorder, result, prompt=prompt)
    page = Page(source)
    assert not page._open, "every element is closed"
    tags = [tag for tag, _ in page.elements]
    assert tags.count("script") == 2 and "img" not in tags and "b" in tags
    assert not any(
        name in ("src", "srcset") or name.startswith("on")
        for _, attributes in page.elements
        for name in attributes
    )
    assert not re.search(r"https?:|//[a-z]|@import|url\(", source.split("<script id=")[0])
    assert page.text["prompt"] == prompt
    assert page.text["result"] == visible(result.text).replace("⏎\n", "\n")
    assert len(source) < 60_000


def test_page_data_is_that_of_the_steps(recorded):
    recorder, result = recorded
    data = json.loads(Page(render_page(recorder, result)).text["data"])
    assert len(data["frames"]) == result.steps
    for shown, frame in zip(data["frames"], recorder.frames, strict=True):
        assert "".join(data["tokens"][i][0] for i in shown["draft"]) == visible(
            "".join(pieces(VOCABULARY, frame.draft))
        )
        assert len(shown["noisy"]) == len(shown["states"]) == len(shown["entropy"]) == LENGTH
        assert shown["states"] == "".join(state.value[0] for state in frame.states)
    labels = {label for _, label in data["tokens"]}
    assert {"end (token 6)", "padding (token 7)", "'\\xa9' (token 3)"} <= labels


def test_json_result_is_indented():
    tokens = [*(bytes([byte]) for byte in range(256)), None]
    vocabulary = Vocabulary(tokens, end_ids=[256])
    target = [*b'{"a":[1,"<"]}', 256]

    class Certain:
        canvas_length, noise = len(target), "uniform"

        def denoise(self, prompt, canvas, *, previous=None, self_conditioning=None):
            return 30.0 * torch.nn.functional.one_hot(torch.tensor([target]), 257)

    Certain.vocabulary = vocabulary
    recorder = Recorder()
    result = generate(Certain(), "", on_step=recorder)
    page = Page(render_page(recorder, result))
    assert page.text["result"] == '{\n  "a": [\n    1,\n    "<"\n  ]\n}'


def test_terminal_states_differ_by_style_and_not_by_colour_alone(recorded):
    recorder, _ = recorded
    attributes = {
        tuple(word for word in style.split() if word in ("bold", "underline", "reverse", "italic"))
        for style in STYLES.values()
    }
    assert len(attributes) == len(State)
    console = Console(record=True, width=80, file=StringIO())
    console.print(render(VOCABULARY, recorder.frames, canvases=2))
    text = console.export_text()
    assert "canvas 1 of 2" in text and f"step {len(recorder.frames):>3}" in text
    assert "\x1b" not in text and "␛[31m" in text
    assert "6 more positions of padding" in text


def test_padding_is_short_and_the_rest_complete(recorded):
    frame = recorded[0].frames[-1]
    shown = canvas_text(VOCABULARY, frame).plain
    assert shown == visible(frame.text) + "▪ · 6 more positions of padding"


def test_without_a_terminal_each_step_is_a_line(recorded):
    _, result = recorded
    output = StringIO()
    with LiveView(Console(file=output, width=40)) as view:
        generate(Converging("masked"), "", sampler=MaskedSampler(steps=5), on_step=view)
    lines = output.getvalue().splitlines()
    assert len(lines) == 5
    assert all(line.startswith(f"step {k:>3}") for k, line in enumerate(lines, start=1))
    assert result.text.split("<")[0] in lines[-1]


def test_on_a_terminal_the_view_is_redrawn():
    output = StringIO()
    console = Console(file=output, width=60, force_terminal=True)
    with LiveView(console) as view:
        generate(Converging("masked"), "", sampler=MaskedSampler(steps=5), on_step=view)
    assert output.getvalue().count("step ") >= 5 and "\x1b[2K" in output.getvalue()
