"""What keeps statements: the one unused for longest goes first, and no more than so many stay."""

from hypothesis import given
from hypothesis import strategies as st

from mcpdb.recent import Recent

_STEPS = st.lists(st.tuples(st.booleans(), st.integers(0, 5)), max_size=40)


@given(size=st.integers(0, 4), steps=_STEPS)
def test_it_keeps_the_last_ones_that_were_used(size: int, steps: list[tuple[bool, int]]) -> None:
    recent: Recent[int, int] = Recent(size)
    used: list[int] = []
    for is_put, key in steps:
        if is_put:
            recent[key] = key * 2
        if is_put or key in used:
            used = [other for other in used if other != key] + [key]
            used = used[max(0, len(used) - size) :]
        assert recent.get(key) == (key * 2 if key in used else None)
        assert list(recent) == used
        assert len(recent) == len(used)


def test_an_entry_can_be_taken_out() -> None:
    recent: Recent[str, int] = Recent(2)
    recent["a"] = 1
    assert recent.pop("a") == 1
    assert "a" not in recent
