"""By what an address is counted. Callers: the API's limits, the audit log's bound on refusals.

Invariant: a host that may choose among 2^64 addresses counts as one.
"""

from ipaddress import IPv6Address, ip_address


def limit_key(address: str) -> str:
    """By what limits count: an IPv6 address by its /64, which is one customer's (RFC 6177, section 2)."""
    try:
        known = ip_address(address)
    except ValueError:
        return address
    if not isinstance(known, IPv6Address):
        return str(known)
    if known.ipv4_mapped is not None:
        return str(known.ipv4_mapped)
    return f"{IPv6Address(int(known) >> 64 << 64)}/64"
