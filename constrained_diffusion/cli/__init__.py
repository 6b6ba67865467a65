"""The command line: `constrained-diffusion`, also `python -m constrained_diffusion`.

Text goes to standard output and nothing else does; progress and warnings go to standard error.
Exit status: 0 done, 1 refused or unsolvable, 2 bad input or usage (130: interrupted). Every error
is one line, "error: …".
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

TRACEBACK_VARIABLE = "CONSTRAINED_DIFFUSION_TRACEBACK"
"""Set it to see where an error comes from."""


_INTERRUPTED = 130
"""128 and the number of the signal, as shells report it."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line on `arguments` (default: those of the process); the exit status."""
    from ..errors import CanvasTooSmallError, ConstrainedDiffusionError, UnsatisfiableError
    from .app import app

    try:
        status = app(
            None if arguments is None else list(arguments),
            prog_name="constrained-diffusion",
            standalone_mode=False,
        )
        sys.stdout.flush()
        if status == _INTERRUPTED:
            return _fail("interrupted", _INTERRUPTED)
        return status if isinstance(status, int) else 0
    except BrokenPipeError:
        # Nobody reads any more. Python would complain once more when it closes standard output.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        return _fail("interrupted", _INTERRUPTED)
    except (UnsatisfiableError, CanvasTooSmallError) as error:
        return _fail(str(error), 1)
    except (ConstrainedDiffusionError, OSError) as error:
        return _fail(_words(error), 2)
    except RecursionError:
        return _fail("the input is nested too deeply", 2)
    except MemoryError:
        return _fail("not enough memory", 2)
    except Exception as error:
        usage = getattr(error, "format_message", None)
        if usage is not None:
            return _fail(f"{usage()} See --help.", 2)
        words = str(error).strip().partition("\n")[0]
        return _fail(f"internal error, please report it: {type(error).__name__}: {words}", 2)


def _words(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return str(error)


def _fail(message: str, status: int) -> int:
    if os.environ.get(TRACEBACK_VARIABLE):
        import traceback

        traceback.print_exc()
    print(f"error: {' '.join(message.split())}", file=sys.stderr)
    return status
