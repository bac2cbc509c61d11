"""Who may send: write keys, and the signature of Segment's webhooks. Pure."""

import base64
import binascii
import hmac
from collections.abc import Sequence


class WriteKeys:
    """The write keys that are known.

    Args:
        keys: All of them; without any, for a trial, every request passes.
    """

    def __init__(self, keys: Sequence[str]) -> None:
        self._keys = [key.encode() for key in keys]

    def __repr__(self) -> str:
        return f"WriteKeys({len(self._keys)} keys)"

    def find(self, given: str) -> int | None:
        """The index of a key, None if it is unknown; which key matches does not affect the time."""
        if not self._keys:
            return 0
        text = given.encode("utf-8", "surrogatepass")
        matches = [hmac.compare_digest(text, key) for key in self._keys]
        return matches.index(True) if any(matches) else None


def basic_user(authorization: str) -> str:
    """The user of Basic authentication, which is the write key; empty if there is none."""
    scheme, _, coded = authorization.partition(" ")
    if scheme.lower() != "basic":
        return ""
    try:
        return base64.b64decode(coded, validate=True).decode().partition(":")[0]
    except (binascii.Error, ValueError):
        return ""


def is_signed(body: bytes, signature: str, secret: str) -> bool:
    """Whether Segment signed a body: by its HMAC with SHA-1, in hexadecimal digits."""
    expected = hmac.digest(secret.encode(), body, "sha1").hex()
    return hmac.compare_digest(expected.encode(), signature.encode("utf-8", "surrogatepass"))
