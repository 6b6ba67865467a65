"""Corpus, tokenizer, training and evaluation of the bundled code denoiser."""
