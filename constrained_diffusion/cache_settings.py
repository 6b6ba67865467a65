"""Where this package keeps files that it can make again, and how much room they may take."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

from .errors import ConstrainedDiffusionError

FOLDER_VARIABLE = "CONSTRAINED_DIFFUSION_CACHE"
"""A folder, or "off" for no files at all."""

SIZE_VARIABLE = "CONSTRAINED_DIFFUSION_CACHE_SIZE"
"""The most megabytes (10**6 bytes) that compiled constraints may take."""

DEFAULT_MEGABYTES = 500


def cache_folder() -> Path | None:
    """$CONSTRAINED_DIFFUSION_CACHE, or the platform's cache folder of this package; None: off."""
    chosen = os.environ.get(FOLDER_VARIABLE)
    if not chosen:
        return platformdirs.user_cache_path("constrained-diffusion")
    return None if chosen.lower() == "off" else Path(os.path.expanduser(chosen))


def cache_bytes() -> int:
    """The most bytes that compiled constraints may take on disk.

    Raises ConstrainedDiffusionError where $CONSTRAINED_DIFFUSION_CACHE_SIZE is no number.
    """
    chosen = os.environ.get(SIZE_VARIABLE)
    if not chosen:
        return DEFAULT_MEGABYTES * 10**6
    try:
        return max(0, int(float(chosen) * 10**6))
    except (ValueError, OverflowError):
        raise ConstrainedDiffusionError(
            f"{SIZE_VARIABLE} is a number of megabytes, got {chosen!r}"
        ) from None
