"""Small tokenizers of each family, trained here with the tokenizers library."""

from __future__ import annotations

import json
from functools import cache

from tokenizers import (
    AddedToken,
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    trainers,
)

from constrained_diffusion.vocabulary import Vocabulary

CORPUS = [
    "The quick brown fox jumps over the lazy dog, twice.",
    '{"name": "Ada Lovelace", "age": 36, "tags": ["poet", "mathematician"]}',
    "Straße, naïve café, Ωμέγα, Привет мир, 日本語のテキスト, 🙂🙃",
    "def forward(self, canvas):\n    return self.denoise(canvas)\n\n",
    "don't they're we've I'm it's  two  spaces   three",
    "0123456789 3.14159 -1e10 + - * / = < > [ ] ( ) { } # ! ? ; : ' \" \\ | ~ ` ^ & % $ @",
] * 4

SPECIALS = ["<pad>", "<eos>", "<mask>"]


def byte_level_bpe() -> Tokenizer:
    """As GPT-2, Llama 3, Qwen and Dream."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=500,
        special_tokens=SPECIALS,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(CORPUS, trainer)
    return tokenizer


def prefixed_byte_level_bpe() -> Tokenizer:
    """With a space before the start, as GPT-2's and RoBERTa's option."""
    tokenizer = byte_level_bpe()
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    return tokenizer


def nested_byte_level_bpe() -> Tokenizer:
    """Byte-level inside sequences, as Llama 3 and DeepSeek."""
    tokenizer = byte_level_bpe()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
        ]
    )
    tokenizer.decoder = decoders.Sequence([decoders.ByteLevel()])
    return tokenizer


def fallback_bpe() -> Tokenizer:
    """Byte fallback and a normaliser that writes spaces as metaspaces, as Gemma."""
    byte_tokens = [f"<0x{byte:02X}>" for byte in range(256)]
    tokenizer = Tokenizer(models.BPE(byte_fallback=True, unk_token="<unk>", fuse_unk=True))
    tokenizer.normalizer = normalizers.Replace(" ", "▁")
    trainer = trainers.BpeTrainer(
        vocab_size=600,
        special_tokens=[*SPECIALS, "<unk>", *byte_tokens],
        max_token_length=8,
        limit_alphabet=60,
        show_progress=False,
    )
    tokenizer.train_from_iterator(CORPUS, trainer)
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
    )
    return _without_added(tokenizer, byte_tokens)


def prefixed_fallback_bpe() -> Tokenizer:
    """The same with a metaspace before the start and its removal in the decoder, as Llama 2."""
    tokenizer = fallback_bpe()
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]
    )
    tokenizer.decoder = decoders.Sequence(
        [
            decoders.Replace("▁", " "),
            decoders.ByteFallback(),
            decoders.Fuse(),
            decoders.Strip(" ", 1, 0),
        ]
    )
    return tokenizer


def unigram() -> Tokenizer:
    """Unigram with byte fallback and metaspace pre-tokenizer, as T5 and XLM-R."""
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="first")
    trainer = trainers.UnigramTrainer(
        vocab_size=400,
        special_tokens=[*SPECIALS, "<unk>"],
        unk_token="<unk>",
        show_progress=False,
    )
    tokenizer.train_from_iterator(CORPUS, trainer)
    pieces = [(token, -10.0) for token in (*SPECIALS, "<unk>")]
    pieces += [(f"<0x{byte:02X}>", -20.0) for byte in range(256)]
    known = {token for token, _ in pieces}
    scored = sorted(tokenizer.get_vocab().items(), key=lambda item: item[1])
    pieces += [(token, -10.0 - 0.01 * i) for token, i in scored if token not in known]
    fallback = Tokenizer(models.Unigram(pieces, unk_id=3, byte_fallback=True))
    fallback.pre_tokenizer = tokenizer.pre_tokenizer
    fallback.decoder = decoders.Sequence(
        [decoders.ByteFallback(), decoders.Metaspace(replacement="▁", prepend_scheme="first")]
    )
    fallback.add_special_tokens(SPECIALS)
    return fallback


def word_piece() -> Tokenizer:
    """As BERT, cased."""
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=False, strip_accents=False)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece(prefix="##", cleanup=True)
    trainer = trainers.WordPieceTrainer(
        vocab_size=500,
        special_tokens=["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"],
        show_progress=False,
    )
    tokenizer.train_from_iterator(CORPUS, trainer)
    return tokenizer


def _without_added(tokenizer: Tokenizer, texts: list[str]) -> Tokenizer:
    """The trainer can only seed tokens as special ones; make them ordinary again."""
    description = json.loads(tokenizer.to_str())
    description["added_tokens"] = [
        token for token in description["added_tokens"] if token["content"] not in texts
    ]
    return Tokenizer.from_str(json.dumps(description))


BUILDERS = {
    "byte_level_bpe": byte_level_bpe,
    "prefixed_byte_level_bpe": prefixed_byte_level_bpe,
    "nested_byte_level_bpe": nested_byte_level_bpe,
    "fallback_bpe": fallback_bpe,
    "prefixed_fallback_bpe": prefixed_fallback_bpe,
    "unigram": unigram,
    "word_piece": word_piece,
}


@cache
def trained(name: str) -> Tokenizer:
    """The trained tokenizer of a family, with an ordinary added token `<tool>`."""
    tokenizer = BUILDERS[name]()
    tokenizer.add_tokens([AddedToken("<tool>", normalized=False)])
    return tokenizer


@cache
def vocabulary_of(name: str) -> Vocabulary:
    """The vocabulary read from the trained tokenizer."""
    return Vocabulary.from_tokenizer(trained(name))
