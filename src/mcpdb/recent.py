"""A mapping that keeps what was used last. It knows nothing of what it keeps."""

from collections import OrderedDict
from collections.abc import Iterator, MutableMapping
from typing import TypeVar

from typing_extensions import override

K = TypeVar("K")
V = TypeVar("V")


class Recent(MutableMapping[K, V]):
    """At most `size` entries; the one unused for longest goes first. Of size 0, it keeps none.

    For one event loop: not safe between threads.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._entries: OrderedDict[K, V] = OrderedDict()

    @override
    def __getitem__(self, key: K) -> V:
        value = self._entries[key]
        self._entries.move_to_end(key)
        return value

    @override
    def __setitem__(self, key: K, value: V) -> None:
        self._entries[key] = value
        self._entries.move_to_end(key)
        while len(self._entries) > self._size:
            self._entries.popitem(last=False)

    @override
    def __delitem__(self, key: K) -> None:
        del self._entries[key]

    @override
    def __iter__(self) -> Iterator[K]:
        return iter(self._entries)

    @override
    def __len__(self) -> int:
        return len(self._entries)
