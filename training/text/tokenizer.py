"""Training of the byte-level BPE that the bundled text denoiser uses.

White space, digits and runs of punctuation are split off before merging, so that a value has the
same tokens in a passage and in a record: that is what lets the model copy.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

from training.text.records import examples

PAD, END = "<pad>", "<end>"
PAD_ID, END_ID = 0, 1
SPLIT = r"\p{N}|\p{L}+|\s|[^\s\p{L}\p{N}]+"


def train_tokenizer(size: int = 1280, passages: int = 20_000, seed: int = 7) -> Tokenizer:
    """Return a tokenizer of ``size`` entries; every byte has one, so that any text encodes."""

    def corpus() -> Iterator[str]:
        for example in itertools.islice(examples(seed), passages):
            yield example.passage
            yield example.text
            yield example.hint

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(SPLIT), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=[PAD, END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(corpus(), trainer)
    return tokenizer
