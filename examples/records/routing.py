"""Which records may go on by themselves, and which a person should look at.

A model fills a ticket out of each message. The constraint makes the ticket valid, not right; the
probability that the model gave to the value it chose says how far to trust it. Below a threshold
the ticket goes to a person. See docs/fields.md.

    python examples/records/routing.py 0.8
"""

from __future__ import annotations

import sys
from typing import Literal

from pydantic import BaseModel
from rich.console import Console
from rich.table import Table

import constrained_diffusion as cd

MESSAGES = [
    "Ticket T-104: Ada Brunner reports a high problem in Mailbox.",
    "The low bug in Calendar is not fixed. It hit 12 users.",
    "Issue B-77 (medium) is closed. Owner: Ines Falk.",
    "Status of C-12: open. Severity: low. Reporter: Leo Marsh.",
    "Mailbox crashed for 250 people, says Ada Brunner. This is critical.",
    "Something seems odd with the invoices again.",
    "A medium fault of Calendar, found by Leo Marsh, is not fixed.",
    "T-9: the printer smells of smoke and nobody can log in.",
    "Ticket T-33: some say it is low, some say it is high.",
    "Please call me back about the contract.",
]


class Ticket(BaseModel):
    id: str
    severity: Literal["low", "medium", "high", "critical"]


def main(threshold: float) -> None:
    denoiser = cd.load("text")
    # Compiled once for all messages.
    constraint = cd.compile(Ticket, denoiser.vocabulary, length=denoiser.canvas_length)
    table = Table("message", "severity", "probability", "best other", "goes to")
    for message in MESSAGES:
        result = cd.generate(denoiser, message, constraint, seed=0)
        values = result.values("/severity")
        chosen = result.value.severity
        probability = values.pop(chosen)
        other = max(values, key=values.__getitem__)
        table.add_row(
            message,
            chosen,
            f"{probability:.0%}",
            f"{other} {values[other]:.0%}",
            "the ticket system" if probability >= threshold else "[bold]a person[/bold]",
        )
    Console().print(table)


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 0.8)
