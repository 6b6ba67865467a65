"""Training of the byte-level BPE that the bundled code denoiser uses.

A name has the same tokens wherever it stands, which is what lets the model copy it: names are never
merged with the spaces before them. Operators are merged with theirs, a line break with the
indentation behind it, and digits stand alone.
"""

from __future__ import annotations

from collections.abc import Iterable

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

PAD, END, MASK, HOLE = "<pad>", "<end>", "<mask>", "<hole>"
PAD_ID, END_ID, MASK_ID, HOLE_ID = 0, 1, 2, 3
SPLIT = r"\p{N}|[\p{L}_]+| ?[^\s\p{L}\p{N}_]+ ?|\n+ *| +|\s"


def train_tokenizer(texts: Iterable[str], size: int = 2048) -> Tokenizer:
    """A tokenizer of `size` entries; every byte has one, so that any text encodes."""
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
        special_tokens=[PAD, END, MASK, HOLE],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer
