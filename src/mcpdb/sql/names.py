"""Names that are two for the parser and one for the server, or the other way round.

The parser reads UTF-8. A database in an encoding of one byte folds the case of letters that are
not ASCII, and cuts names at 63 letters where the parser cuts them at 63 bytes.
"""

import unicodedata
from typing import Final

from mcpdb.sql.nodes import Tree, place
from mcpdb.sql.words import Text, shown

_LONGEST: Final = 60  # bytes; the parser has cut what had more than 63


class Names:
    """The aliases that one query gives.

    Args:
        text: The query's.
    """

    def __init__(self, text: Text) -> None:
        self._text = text
        self._by_skeleton: dict[str, str] = {}

    def give(self, name: str, node: Tree) -> None:
        """The query calls this node so.

        Raises:
            SqlRefused: The server might take another name for it.
        """
        self.read(name, node)
        skeleton = _skeleton(name)
        other = self._by_skeleton.setdefault(skeleton, name)
        if other == name:
            return
        if name.isascii() and other.isascii():
            return
        raise self._text.refuse(
            f"The names {shown(other)} and {shown(name)} may be one to the server",
            "Give one of them a name that differs in more than case and accents.",
            place(node),
        )

    def read(self, name: str, node: Tree) -> None:
        """The query refers to something by this name, in this node.

        Raises:
            SqlRefused: It may have been cut off elsewhere than the server cuts it off.
        """
        if not name.isascii() and len(name.encode()) >= _LONGEST:
            raise self._text.refuse(
                f"The name {shown(name)} is too long",
                f"With letters that are not ASCII, a name has to have fewer than {_LONGEST} bytes.",
                place(node),
            )


def _skeleton(name: str) -> str:
    if name.isascii():
        return name.lower()
    letters = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", name).casefold())
    return "".join(letter for letter in letters if not unicodedata.combining(letter))
