"""The vocabulary of 262,080 byte strings that compile-time and kernel benchmarks share."""

from __future__ import annotations

import base64
import gzip

from _report import data_file

import constrained_diffusion as cd


def large_vocabulary() -> cd.Vocabulary:
    """262,080 text tokens, an end and a padding token."""
    with gzip.open(data_file("vocabularies", "union262k.b64.gz")) as lines:
        tokens: list[bytes | None] = [base64.b64decode(line) for line in lines]
    count = len(tokens)
    return cd.Vocabulary([*tokens, None, None], end_ids=[count], pad_id=count + 1)
