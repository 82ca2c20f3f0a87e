"""Arguments that make a small query a large one: how long a text is made, how many rows."""

from typing import Any, Final

from mcpdb.sql.nodes import Tree

_LONGEST: Final = 1000
_MOST_ROWS: Final = 1_000_000
_LENGTHS: Final = frozenset({"repeat", "lpad", "rpad"})


def too_much(name: str, arguments: list[Tree]) -> tuple[str, str] | None:
    """What is wrong with the arguments of a function of PostgreSQL's, and what to write instead.

    Args:
        name: The function's.
        arguments: Its nodes.
    """
    if name in _LENGTHS and length(arguments) is None:
        return (
            f"The second argument of {name} has to be a whole number up to {_LONGEST}",
            f"Write the number itself, such as {name}(x, 10).",
        )
    # Infinity less infinity is no number, and not above any.
    if name == "generate_series" and not _rows(arguments) <= _MOST_ROWS:
        return (
            f"This generate_series has more than {_MOST_ROWS:,} rows",
            "Move its bounds together, or make its step larger.",
        )
    return None


def length(arguments: list[Tree]) -> int | None:
    """The second argument, if it is a whole number, not above the limit, and stands there."""
    number = _number(arguments[1]) if len(arguments) > 1 else None
    return int(number) if number is not None and number <= _LONGEST else None


def _rows(arguments: list[Tree]) -> float:
    numbers = [_number(one) for one in arguments[:3]]
    if len(numbers) < 2 or numbers[0] is None or numbers[1] is None:
        return 0
    step = numbers[2] if len(numbers) > 2 else None
    # A step that is not a number is taken for 1, and so is 0, which PostgreSQL refuses.
    return abs(numbers[1] - numbers[0]) / abs(step or 1)


def _number(node: Tree) -> float | None:
    """The number that a node is, also with a cast around it; None where it is none."""
    while "TypeCast" in node:
        node = node["TypeCast"]["arg"]
    constant: dict[str, Any] = node.get("A_Const", {})
    if "ival" in constant:
        return int(constant["ival"].get("ival", 0))
    text = str(constant.get("fval", {}).get("fval") or constant.get("sval", {}).get("sval", ""))
    try:
        return int(text, 0)
    except ValueError:
        pass
    try:
        return float(text)
    except ValueError:
        return None
