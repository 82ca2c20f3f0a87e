"""From a function's parameters to a published schema and Python values."""

import datetime as dt
import enum
from collections.abc import Callable
from decimal import Decimal
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field

from mcpdb import ConfigurationError, Embedded
from mcpdb.query.arguments import Arguments


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Range(BaseModel):
    low: Annotated[int, Field(ge=0)] = 0
    high: Annotated[int, Field(le=10)]
    title: str | None = None


def test_parameters_may_be_named_like_anything_of_pydantic(refusal: Callable[..., str]) -> None:
    def tool(  # noqa: PLR0917
        schema: int,
        copy: int,
        model_config: int,
        json: int,
        model_fields: int,
        validate: int,
        a0: int,
        a1: int,
        self: int,
        cls: int,
        model_validate: int = 10,
    ) -> None: ...

    arguments = Arguments(tool)
    raw = dict.fromkeys(arguments.schema["properties"], 3)
    assert list(raw) == list(tool.__annotations__)[:-1]
    assert arguments.check(raw) == raw
    assert "'copy' is missing" in refusal(arguments, **{**raw, "copy": None, "x": 1}).replace(
        "not valid", "missing"
    )


def test_defaults_are_filled_in_and_not_shared() -> None:
    def tool(days: int = 30, tags: list[str] = [], colour: Colour = Colour.RED) -> None: ...  # noqa: B006

    arguments = Arguments(tool)
    assert arguments.check({}) == {"days": 30, "tags": [], "colour": Colour.RED}
    arguments.check({})["tags"].append("x")
    assert arguments.check({})["tags"] == []
    assert "required" not in arguments.schema
    assert arguments.schema["properties"]["colour"]["default"] == "red"


def test_a_default_may_be_written_as_a_field(refusal: Callable[..., str]) -> None:
    def tool(
        days: int = Field(30, ge=1, le=99, description="How many"),
        tags: list[str] = Field(default_factory=lambda: ["x"]),  # noqa: B008
        must: int = Field(ge=5),
    ) -> None: ...

    arguments = Arguments(tool)
    assert arguments.check({"must": 5}) == {"days": 30, "tags": ["x"], "must": 5}
    assert arguments.schema["required"] == ["must"]
    assert arguments.schema["properties"]["days"] == {
        "default": 30,
        "description": "How many",
        "maximum": 99,
        "minimum": 1,
        "type": "integer",
    }
    assert "from 1 to 99" in refusal(arguments, days=0, must=5)


def test_values_arrive_as_python_values() -> None:
    def tool(
        day: dt.date, colour: Colour, unit: Literal["m", "ft"], span: Range, price: Decimal
    ) -> None: ...

    raw = {
        "day": "2024-02-29",
        "colour": "blue",
        "unit": "ft",
        "span": {"high": 3},
        "price": "1.10",
    }
    assert Arguments(tool).check(raw) == {
        "day": dt.date(2024, 2, 29),
        "colour": Colour.BLUE,
        "unit": "ft",
        "span": Range(high=3),
        "price": Decimal("1.10"),
    }


def test_titles_are_left_out_where_pydantic_made_them_and_nowhere_else() -> None:
    def tool(
        title: str,
        span: Range,
        options: dict[str, str] = {"title": "Dr"},  # noqa: B006
        other: Annotated[dict[str, str], Field(examples=[{"title": "Mr"}])] = {},  # noqa: B006
    ) -> None: ...

    schema = Arguments(tool).schema
    assert "title" not in schema
    assert schema["properties"]["title"] == {"type": "string"}
    assert schema["properties"]["options"]["default"] == {"title": "Dr"}
    assert schema["properties"]["other"]["examples"] == [{"title": "Mr"}]
    assert "title" in schema["$defs"]["Range"]["properties"]
    assert "title" not in schema["$defs"]["Range"]


def test_an_unknown_key_inside_an_object_is_ignored_as_its_model_says(
    arguments_of: Callable[..., Arguments],
) -> None:
    assert arguments_of(Range).check({"value": {"high": 1, "x": 2}}) == {"value": Range(high=1)}


@pytest.mark.parametrize("annotation", [Callable[[], int], object(), type, "NoSuchType"])
def test_a_type_that_json_cannot_carry_is_refused(
    arguments_of: Callable[..., Arguments], annotation: Any
) -> None:
    with pytest.raises(ConfigurationError, match="parameter"):
        arguments_of(annotation)


def test_an_embedded_parameter_is_a_bounded_text(
    arguments_of: Callable[..., Arguments], refusal: Callable[..., str]
) -> None:
    arguments = arguments_of(Embedded)
    assert arguments.embedded == ("value",)
    assert arguments.schema["properties"]["value"] == {"maxLength": 8_000, "type": "string"}
    assert arguments.check({"value": "paint"}) == {"value": "paint"}
    assert "at most 8000 characters" in refusal(arguments, value="x" * 8_001)


def test_an_embedded_parameter_takes_a_field(
    arguments_of: Callable[..., Arguments], refusal: Callable[..., str]
) -> None:
    annotation = Annotated[Embedded, Field(min_length=2, max_length=20, description="What")]
    arguments = arguments_of(annotation, other=int)
    assert arguments.embedded == ("value",)
    assert arguments.schema["properties"]["value"] == {
        "description": "What",
        "maxLength": 20,
        "minLength": 2,
        "type": "string",
    }
    assert "of 2 to 20 characters" in refusal(arguments, value="x", other=1)


@pytest.mark.parametrize(
    "annotation", [Embedded | None, list[Embedded], dict[str, Embedded], Embedded | str]
)
def test_no_other_type_may_hold_an_embedded_text(
    arguments_of: Callable[..., Arguments], annotation: Any
) -> None:
    # Pydantic would take an object {text, vector}: a vector out of the model's own head.
    with pytest.raises(ConfigurationError, match="Embedded is the whole type"):
        arguments_of(annotation)


def test_no_model_may_hold_an_embedded_text() -> None:
    with pytest.raises(ConfigurationError, match="Embedded is the whole type"):

        class Search(BaseModel):  # pyright: ignore[reportUnusedClass]
            question: Embedded


def test_an_embedded_parameter_has_no_default() -> None:
    def tool(question: Embedded = Embedded("paint", (1.0,))) -> None: ...  # noqa: B008

    with pytest.raises(ConfigurationError, match="question has a default"):
        Arguments(tool)
