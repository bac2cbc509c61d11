"""Writing a host before a port. Pure."""


def bracketed(host: str) -> str:
    """Write a host as in a URL: an IPv6 address in brackets, because of its colons."""
    return f"[{host}]" if ":" in host else host
