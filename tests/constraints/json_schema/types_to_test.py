"""Python types of every kind, by how their compiled schemas relate to what Pydantic exports."""

from __future__ import annotations

import collections
import dataclasses
import datetime
import decimal
import enum
import fractions
import ipaddress
import pathlib
import uuid
from collections.abc import Mapping, Sequence
from typing import (
    Annotated,
    Any,
    Generic,
    Literal,
    NamedTuple,
    Optional,
    TypeVar,
    Union,
)

import annotated_types
from pydantic import (
    UUID4,
    AnyUrl,
    AwareDatetime,
    Base64Bytes,
    BaseModel,
    ConfigDict,
    Field,
    FileUrl,
    FutureDate,
    HttpUrl,
    IPvAnyAddress,
    NaiveDatetime,
    PastDate,
    PastDatetime,
    PostgresDsn,
    RedisDsn,
    RootModel,
    SecretStr,
    StringConstraints,
    computed_field,
    conint,
    constr,
)
from typing_extensions import NotRequired, TypedDict

UTC = datetime.timezone.utc


class Colour(enum.Enum):
    RED = "red"
    GREEN = "green"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 10


class Address(BaseModel):
    street: str = Field(min_length=1, max_length=20)
    number: int = Field(ge=1, lt=1000)


class Person(BaseModel):
    name: str
    age: Annotated[int, annotated_types.Interval(ge=0, le=150)]
    height: Optional[float] = None  # noqa: UP045 - both spellings occur in users' code
    colours: list[Colour] = []
    address: Address
    home: Address | None = None


class Tree(BaseModel):
    value: int
    children: list[Tree] = []


class Cat(BaseModel):
    kind: Literal["cat"]
    lives: int


class Dog(BaseModel):
    kind: Literal["dog", "wolf"]
    tricks: list[str]


Pet = Annotated[Union[Cat, Dog], Field(discriminator="kind")]  # noqa: UP007

Item = TypeVar("Item")


class Page(BaseModel, Generic[Item]):
    items: list[Item]
    following: int | None = None


class Names(RootModel[list[str]]):
    pass


class Renamed(BaseModel):
    model_config = ConfigDict(populate_by_name=True)
    from_: str = Field(alias="from")
    to: str = Field(validation_alias="target", serialization_alias="to")


class Rectangle(BaseModel):
    width: int
    height: int

    @computed_field  # type: ignore[prop-decorator]
    @property
    def area(self) -> int:
        return self.width * self.height


class Extra(BaseModel):
    model_config = ConfigDict(extra="allow")
    known: int


class Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")
    day: datetime.date
    number: int
    share: float
    key: uuid.UUID


class Stripped(BaseModel):
    model_config = ConfigDict(str_strip_whitespace=True, str_min_length=1)
    text: str


class Hexadecimal(BaseModel):
    model_config = ConfigDict(val_json_bytes="hex")
    digest: bytes = Field(min_length=2, max_length=3)


class Base64(BaseModel):
    model_config = ConfigDict(val_json_bytes="base64")
    data: bytes = Field(max_length=7)


@dataclasses.dataclass
class Point:
    x: float
    y: float = 0.0


class Movie(TypedDict):
    title: str
    year: NotRequired[int]


class Range(NamedTuple):
    low: int
    high: int = 10


PLAIN: list[Any] = [
    int,
    bool,
    None,
    str,
    float,
    Any,
    list[int],
    dict[str, float],
    Mapping[str, int],
    Sequence[bool],
    collections.deque[int],
    tuple[int, str],
    tuple[int, ...],
    tuple[()],
    Literal["a", 1, True, None],
    Optional[int],  # noqa: UP045
    int | str | None,
    Colour,
    Level,
    Address,
    Person,
    Tree,
    Pet,
    list[Pet],
    Cat | Dog,
    Page[Address],
    Names,
    Renamed,
    Rectangle,
    Extra,
    Strict,
    Point,
    Movie,
    Range,
    SecretStr,
    pathlib.Path,
    ipaddress.IPv4Address,
    ipaddress.IPv6Address,
    uuid.UUID,
    datetime.date,
    datetime.time,
    datetime.datetime,
    AwareDatetime,
    constr(pattern=r"^[A-Z]{3}-\d+$"),
    constr(max_length=3, to_upper=True),
    conint(gt=-3, le=40),
    Annotated[list[bool], Field(min_length=1, max_length=2)],
    bytes,
]
"""Types whose schema by Pydantic is what they take."""

COUNTED: list[Any] = [
    Annotated[int, Field(multiple_of=5, ge=0)],
    Annotated[float, Field(multiple_of=0.5)],
    set[int],
    set[Literal["a", "b", "c"]],
    frozenset[bool],
    Annotated[set[str], Field(min_length=1, max_length=3)],
    dict[Literal["a", "b"], int],
    dict[uuid.UUID, int],
    dict[datetime.date, int],
    dict[Annotated[str, Field(pattern="^[a-z]+$")], int],
    Annotated[dict[str, int], Field(min_length=1, max_length=2)],
    collections.Counter[str],
]
"""The same, with keywords that count or look at keys."""

NARROWED: list[Any] = [
    decimal.Decimal,
    Annotated[decimal.Decimal, Field(ge=0, le=decimal.Decimal("10.5"))],
    fractions.Fraction,
    complex,
    datetime.timedelta,
    NaiveDatetime,
    PastDate,
    FutureDate,
    PastDatetime,
    Annotated[datetime.date, Field(ge=datetime.date(2019, 12, 30), lt=datetime.date(2020, 3, 1))],
    Annotated[AwareDatetime, Field(gt=datetime.datetime(2020, 2, 28, tzinfo=UTC))],
    HttpUrl,
    AnyUrl,
    FileUrl,
    PostgresDsn,
    RedisDsn,
    UUID4,
    IPvAnyAddress,
    ipaddress.IPv4Network,
    ipaddress.IPv6Interface,
    Base64Bytes,
    Annotated[bytes, Field(max_length=3)],
    Annotated[str, StringConstraints(strip_whitespace=True, min_length=2, max_length=4)],
    Annotated[str, StringConstraints(strip_whitespace=True, pattern="^.{3}$")],
    Stripped,
    Hexadecimal,
    Base64,
]
"""Types that take less than their schema by Pydantic says, or that say nothing of it."""

NARROWED_AND_COUNTED: list[Any] = [
    Annotated[decimal.Decimal, Field(max_digits=3)],
    Annotated[decimal.Decimal, Field(decimal_places=2)],
    Annotated[decimal.Decimal, Field(max_digits=5, decimal_places=2)],
    Annotated[decimal.Decimal, Field(max_digits=2, decimal_places=2)],
    Annotated[decimal.Decimal, Field(max_digits=2, decimal_places=2, ge=0)],
    Annotated[decimal.Decimal, Field(max_digits=4, decimal_places=0)],
    Annotated[decimal.Decimal, Field(max_digits=6, decimal_places=2, ge=0)],
    Annotated[decimal.Decimal, Field(max_digits=3, gt=0)],
    Annotated[decimal.Decimal, Field(gt=0, lt=7)],
    Annotated[decimal.Decimal, Field(multiple_of=decimal.Decimal("0.25"), lt=4)],
    dict[int, str],
    dict[bool, int],
    dict[float, int],
    dict[decimal.Decimal, int],
]
