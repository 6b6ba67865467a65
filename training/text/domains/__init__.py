"""The domains of the passages."""

from training.text.domains import culture, machines, people, trade, travel
from training.text.domains.domain import Domain

DOMAINS: tuple[Domain, ...] = (
    people.PEOPLE,
    people.CONTACTS,
    trade.ORDERS,
    trade.PRODUCTS,
    trade.INVOICES,
    travel.FLIGHTS,
    travel.HOTELS,
    machines.LOGS,
    machines.TICKETS,
    travel.WEATHER,
    culture.BOOKS,
    machines.MEETINGS,
    people.VACANCIES,
    culture.RECIPES,
    culture.EVENTS,
    people.PETS,
)
"""All domains; the order is part of what a seed means."""

__all__ = ["DOMAINS", "Domain"]
