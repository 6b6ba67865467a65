"""Data, tokenizer, training and evaluation of the bundled text denoiser."""
