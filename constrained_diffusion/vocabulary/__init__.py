"""Token ids and the bytes that they stand for, read from the usual tokenizers."""

from constrained_diffusion.vocabulary.vocabulary import Vocabulary

__all__ = ["Vocabulary"]
