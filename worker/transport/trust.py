"""Loads the trusted certificates, once for all connections to Convertro."""

import re
import ssl
from pathlib import Path

from requests.utils import DEFAULT_CA_BUNDLE_PATH
from urllib3.util.ssl_ import create_urllib3_context

from convertro.errors import SettingsError
from convertro.setting_text import path_named

#: How `openssl rehash` names certificates in a directory; OpenSSL looks for no others.
_HASHED = re.compile(r"[0-9a-f]{8}\.[0-9]+")


def tls_context(variable: str, path: str) -> ssl.SSLContext:
    """Make the context of all TLS connections.

    Args:
        variable: The environment variable that names the trusted certificates, for errors.
        path: The file or directory of the certificates; if empty, those of certifi are trusted.

    Raises:
        SettingsError: The path cannot be read or has no certificates, or a variable of OpenSSL's is
            wrong.
    """
    context = _context()
    variable, path = (variable, path) if path else ("certifi", DEFAULT_CA_BUNDLE_PATH)
    try:
        place = path_named(path)
        if Path(place).is_dir():
            context.load_verify_locations(capath=place)
            empty = not any(_HASHED.fullmatch(file.name) for file in Path(place).iterdir())
        else:
            context.load_verify_locations(cafile=place)
            empty = context.cert_store_stats()["x509"] == 0
    except ssl.SSLError:
        empty = True
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "is no path"
        raise SettingsError(f"{variable}: cannot read {path!r}: {reason}") from None
    if empty:
        raise SettingsError(
            f"{variable}: {path!r} holds no certificates: it must be a PEM file, or a "
            "directory made by `openssl rehash`"
        )
    return context


def _context() -> ssl.SSLContext:
    try:
        return create_urllib3_context()
    except OSError as error:  # it opens the file to which keys are to be logged
        reason = f"cannot write {error.filename!r}: {error.strerror}"
        raise SettingsError(f"SSLKEYLOGFILE: {reason}") from None
