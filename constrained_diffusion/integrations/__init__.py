"""Constraints for loops that are not ours: those of transformers and of vLLM."""
