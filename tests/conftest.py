"""Settings for all tests."""

from hypothesis import settings

# The first call of a kernel compiles it, and machines are noisy: no test asserts a time.
settings.register_profile("default", deadline=None, max_examples=60)
settings.load_profile("default")
