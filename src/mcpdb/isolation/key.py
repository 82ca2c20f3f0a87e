"""The key that a server shares with its database, and the token that it makes with it: who enters,
which database, which backend, and until when. Nothing here knows SQL."""

import base64
import binascii
import hashlib
import hmac
import re
from dataclasses import dataclass, field
from typing import Final, Self

from mcpdb.errors import ConfigurationError
from mcpdb.isolation.base import Backend

_FORM: Final = re.compile(r"mcpdb-key-([1-9][0-9]{0,8})-([A-Za-z0-9_-]{43})")
_KEY_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class EnterKey:
    """A key by which a server proves to its database that a tenant comes from it.

    Attributes:
        number: Which of the database's keys it is: while keys are rotated there are two.
        secret: 32 bytes.
    """

    number: int
    secret: bytes = field(repr=False)

    @classmethod
    def parse(cls, text: str) -> Self:
        """A key from its text, as `mcpdb isolation apply` and `rotate-keys` print it.

        Raises:
            ConfigurationError: It is not one. The message does not repeat it.
        """
        match = _FORM.fullmatch(text.strip())
        try:
            secret = base64.urlsafe_b64decode(f"{match[2]}=") if match else b""
        except binascii.Error:
            secret = b""
        if match is None or len(secret) != _KEY_BYTES:
            raise ConfigurationError(
                "This is not a key of mcpdb.",
                hint="A key looks like mcpdb-key-1-... and is printed once, by `mcpdb isolation "
                "apply` or `rotate-keys`.",
            )
        return cls(int(match[1]), secret)

    def token(self, tenant: str, *, backend: Backend, expires_us: int) -> bytes:
        """The proof, 32 bytes, that this server lets this tenant in here until then.

        HMAC-SHA256 (RFC 2104). Only the last of the fields has no bound in the text itself.

        Args:
            tenant: A tenant's canonical text.
            backend: The database, and the server process where one is known.
            expires_us: Microseconds since 1970.
        """
        database = backend.database.encode()
        pid = "" if backend.pid is None else str(backend.pid)
        message = b"mcpdb-enter-1|%d|%s|%s|%d|%s" % (
            len(database),
            database,
            pid.encode(),
            expires_us,
            tenant.encode(),
        )
        return hmac.digest(self.secret, message, hashlib.sha256)
