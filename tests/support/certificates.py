"""A private certificate authority, made by the command `openssl`."""

import ssl
import subprocess
from pathlib import Path

_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")


class Authority:
    """Signs certificates.

    Args:
        folder: The folder for its files; it must not exist yet.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self._folder = folder
        #: The authority's own certificate, for clients to trust.
        self.path = folder / "ca.pem"
        _openssl(
            *("req", "-x509", *_KEY, "-subj", f"/CN={folder.name}", "-days", "30"),
            *("-addext", "keyUsage=critical,keyCertSign"),  # Python 3.13 insists on it
            *("-keyout", folder / "ca.key", "-out", self.path),
        )

    def certificate(self, names: str, *, days: int = 30) -> Path:
        """Make a server's certificate, in one file with its key.

        Args:
            names: The server's names, as in `DNS:localhost,IP:127.0.0.1`.
            days: How long it is valid from now on, in days.
        """
        request, key, extensions = (self._folder / name for name in ("csr", "key", "extensions"))
        extensions.write_text(f"subjectAltName={names}\n")
        _openssl("req", *_KEY, "-subj", "/CN=server", "-keyout", key, "-out", request)
        signed = self._folder / "server.pem"
        _openssl(
            *("x509", "-req", "-in", request, "-days", str(days), "-extfile", extensions),
            *("-CA", self.path, "-CAkey", self._folder / "ca.key", "-CAcreateserial"),
            *("-out", signed),
        )
        both = self._folder / "both.pem"
        both.write_text(key.read_text() + signed.read_text())
        return both

    def server_side(self, names: str = "IP:127.0.0.1", *, days: int = 30) -> ssl.SSLContext:
        """Make the TLS context of a server with a new certificate; see `certificate`."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate(names, days=days))
        return context


def _openssl(*arguments: str | Path) -> None:
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)
