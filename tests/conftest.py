"""Settings for all tests."""

import os
import tempfile

from hypothesis import settings

# The first call of a kernel compiles it, and machines are noisy: no test asserts a time.
settings.register_profile("default", deadline=None, max_examples=60)
settings.load_profile("default")

# Not the cache of whoever runs the tests; set here, so that child processes inherit it.
_CACHE = tempfile.TemporaryDirectory(prefix="constrained-diffusion-")
os.environ["CONSTRAINED_DIFFUSION_CACHE"] = _CACHE.name
