"""What all denoisers of this package can do: `denoiser(prompt, OutputType)`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .protocol import Denoiser


class BaseDenoiser:
    """Adds the call to a class that has the attributes and the `denoise` of `Denoiser`."""

    def __call__(self: Denoiser, prompt: Any, output_type: Any, **options: Any) -> Any:
        """Generates an instance of `output_type` for `prompt`; for a list of prompts, a list.

        output_type: a Pydantic model, `Literal[…]`, `int`, `list[…]`, a JSON schema as a dict, or
            a constraint. `options` go to `generate` (sampler, canvases, seed, on_step).

        Raises what `generate` raises.
        """
        from ..constraints import as_constraint
        from ..sampling import generate

        made = generate(self, prompt, as_constraint(output_type), **options)
        return [result.value for result in made] if isinstance(made, list) else made.value
