"""Token ids and the bytes that they stand for, read from the usual tokenizers."""

from .vocabulary import Vocabulary

__all__ = ["Vocabulary"]
