"""A host's name or address before a port. Pure."""


def bracketed(host: str) -> str:
    """The host as URLs write it: an address of IPv6 in brackets, which keep its colons apart."""
    return f"[{host}]" if ":" in host else host
