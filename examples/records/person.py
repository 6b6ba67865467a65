"""A Pydantic model filled from a sentence: `denoiser(prompt, Model)` gives an instance."""

from typing import Literal

from pydantic import BaseModel

import constrained_diffusion as cd


class Person(BaseModel):
    name: str
    age: int
    city: str


class Ticket(BaseModel):
    service: str
    severity: Literal["low", "medium", "high"]


if __name__ == "__main__":
    denoiser = cd.load("text")
    print(denoiser("Ada Brunner, aged 36, lives in London.", Person, seed=0))
    print(denoiser("The service billing reported a problem of high severity.", Ticket, seed=0))
