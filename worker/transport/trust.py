"""Which certificates are trusted: one store for every connection to Convertro."""

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
    """What TLS connections are made with.

    Args:
        variable: The environment's variable that says which certificates are trusted.
        path: Their file or directory; those that come with requests if it is empty.

    Raises:
        SettingsError: There are none.
    """
    context = create_urllib3_context()
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
