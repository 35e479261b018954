"""The base of every shape in lab.yaml, and the small types they are made of."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, PlainValidator, ValidationInfo

from lab.document import quote
from lab.units import RATE, SIZE, TIME, Unit, parse


class Shape(BaseModel):
    """A value: frozen, strict, no unknown keys."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        alias_generator=lambda name: name.replace("_", "-"),
        validate_by_alias=True,
        validate_by_name=True,
    )


def _quantity(unit: Unit, *, fixed: bool = False) -> PlainValidator:
    """Make a validator: text with a unit from people, bare numbers from our own JSON.

    fixed: no factor may stand here.
    """

    def read(value: Any, info: ValidationInfo) -> Any:
        if info.mode == "json" and isinstance(value, int | float):
            return value
        if isinstance(value, str) and value.startswith("$") and not fixed:
            return value
        number = parse(value, unit)
        if unit is not SIZE:
            return number
        if not number.is_integer() or number < 1:
            raise ValueError(f"{quote(value)} is not a whole number of bytes, 1 or more.")
        return int(number)

    return PlainValidator(read)


def _count(value: Any) -> Any:
    is_number = isinstance(value, int) and not isinstance(value, bool)
    if (is_number and value >= 1) or (isinstance(value, str) and value.startswith("$")):
        return value
    raise ValueError(f"{quote(value)} is not a number of connections. Write 4, or $factor.")


Seconds = Annotated[float, _quantity(TIME, fixed=True)]
MoreSeconds = Annotated[Seconds, Field(gt=0)]
Rate = Annotated[float | str, _quantity(RATE)]  # requests per second, or $factor
Bytes = Annotated[int, _quantity(SIZE, fixed=True)]
Size = Annotated[int | str, _quantity(SIZE)]  # bytes, or $factor
Count = Annotated[int | str, PlainValidator(_count)]  # connections, or $factor
Text = Annotated[str, Field(min_length=1)]
Level = Annotated[int, Field(ge=0)]
