"""The options that state a model and how it is loaded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from ..models import Denoiser

ModelOption = Annotated[
    str,
    typer.Option(
        "--model", metavar="NAME", help="A bundled denoiser, a checkpoint folder or an id (a/b)."
    ),
]
DeviceOption = Annotated[
    str | None, typer.Option("--device", help="cpu, cuda, cuda:N or mps. Default: what there is.")
]
DtypeOption = Annotated[
    str | None, typer.Option("--dtype", help="bfloat16, float16 or float32. Default: as stored.")
]
QuantizationOption = Annotated[
    str | None, typer.Option("--quantization", help="fp8, int8 or int4.")
]
RemoteCodeOption = Annotated[
    bool,
    typer.Option("--trust-remote-code", help="Run the code that comes with the checkpoint."),
]
DownloadOption = Annotated[
    bool, typer.Option("--download", help="Fetch the checkpoint from the Hugging Face Hub.")
]


@dataclass(frozen=True)
class ModelOptions:
    """What was given of the model options."""

    name: str
    device: str | None = None
    dtype: str | None = None
    quantization: str | None = None
    trust_remote_code: bool = False
    download: bool = False

    def load(self) -> Denoiser:
        """The denoiser. Raises what `load` raises."""
        from ..models import load

        given: dict[str, Any] = {
            "device": self.device,
            "dtype": self.dtype,
            "quantization": self.quantization,
            "trust_remote_code": self.trust_remote_code or None,
            "download": self.download or None,
        }
        return load(self.name, **{name: value for name, value in given.items() if value})
