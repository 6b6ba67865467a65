"""What a domain of passages is, and the key names that several domains share.

A field is "key key ... | key ...": the names a record may give it, and after the bar those that
only an evaluation uses.  In a template ``{slot}`` is a field and ``<a|b>`` a choice of words.
The last template of every domain is held out of training.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from training.text.values import Maker

PERSON = "name full_name person full_name contact_name | individual"
CITY = "city town location place | municipality"
DATE = "date day on | calendar_date"
PRICE = "price cost amount unit_price | fee"
CURRENCY = "currency currency_code | money_unit"
QUANTITY = "quantity qty count amount units | number_of_units"
EMAIL = "email email_address mail e_mail | mailbox"
PHONE = "phone phone_number tel telephone | callback_number"
COLOUR = "color colour | shade"
TIME = "time at start_time | hour"


@dataclass(frozen=True)
class Domain:
    """A kind of passage.

    Attributes:
        name: what it is about; also the key when a record is wrapped.
        fields: key names of each field.
        makers: maker of each slot.
        templates: passages; the last one is held out.
        groups: fields that may be nested together, under one of the names that are the key.
    """

    name: str
    fields: Mapping[str, str]
    makers: Mapping[str, Maker]
    templates: Sequence[str]
    groups: Mapping[str, Sequence[str]] = field(default_factory=dict)
