"""Which IP addresses are somebody's public server, and what the others are.

Callers: `policy`. Source: the IANA registries of special-purpose addresses for IPv4 and IPv6 (RFC 6890), and
the addresses at which clouds answer their own machines. Invariant: only global unicast has no kind.
"""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

INNER = frozenset({"loopback", "private", "shared", "unique_local"})
"""Kinds of networks that people run themselves; a listed name may lead there."""

_IPV4: tuple[tuple[str, str], ...] = (
    ("168.63.129.16/32", "metadata"),  # Azure's, a public address by its number
    ("100.100.100.200/32", "metadata"),  # Alibaba's, among the shared ones
    ("192.0.0.192/32", "metadata"),  # Oracle's
    ("0.0.0.0/8", "unspecified"),
    ("10.0.0.0/8", "private"),
    ("100.64.0.0/10", "shared"),
    ("127.0.0.0/8", "loopback"),
    ("169.254.0.0/16", "link_local"),
    ("172.16.0.0/12", "private"),
    ("192.0.0.0/24", "reserved"),
    ("192.0.2.0/24", "documentation"),
    ("192.88.99.0/24", "transition"),
    ("192.168.0.0/16", "private"),
    ("198.18.0.0/15", "reserved"),
    ("198.51.100.0/24", "documentation"),
    ("203.0.113.0/24", "documentation"),
    ("224.0.0.0/4", "multicast"),
    ("240.0.0.0/4", "reserved"),
)
_IPV6: tuple[tuple[str, str], ...] = (
    ("::/128", "unspecified"),
    ("::1/128", "loopback"),
    ("::ffff:0:0/96", "transition"),  # IPv4-mapped
    ("::/96", "transition"),  # IPv4-compatible
    ("::ffff:0:0:0/96", "transition"),  # IPv4-translated
    ("64:ff9b::/96", "transition"),  # NAT64
    ("64:ff9b:1::/48", "transition"),
    ("100::/64", "reserved"),
    ("2001::/32", "transition"),  # Teredo
    ("2001::/23", "reserved"),
    ("2001:db8::/32", "documentation"),
    ("2002::/16", "transition"),  # 6to4
    ("3ffe::/16", "reserved"),
    ("3fff::/20", "documentation"),
    ("fd00:ec2::/32", "metadata"),  # Amazon's, with its clock, names and credentials of containers
    ("fd20:ce::/64", "metadata"),  # Google's
    ("fd00:c1::/32", "metadata"),  # Oracle's
    ("fd00:42::/32", "metadata"),  # Scaleway's
    ("fd00:a9fe:a9fe::/48", "metadata"),  # Akamai's
    ("fc00::/7", "unique_local"),
    ("fe80::/10", "link_local"),
    ("fec0::/10", "private"),
    ("ff00::/8", "multicast"),
)
_KINDS_4 = tuple((IPv4Network(network), kind) for network, kind in _IPV4)
_KINDS_6 = tuple((IPv6Network(network), kind) for network, kind in _IPV6)
_GLOBAL_6 = IPv6Network("2000::/3")
_ISATAP = frozenset({0x0000_5EFE, 0x0200_5EFE})
"""Upper half of an interface id that holds an IPv4 address (RFC 5214), under any prefix."""


def kind_of(ip: IPv4Address | IPv6Address) -> str | None:
    """What an address is that is no public server's; None for global unicast."""
    if isinstance(ip, IPv4Address):
        kind = next((kind for network, kind in _KINDS_4 if ip in network), None)
    else:
        kind = next((kind for network, kind in _KINDS_6 if ip in network), None)
        if kind is None and ip not in _GLOBAL_6:
            kind = "reserved"
        if kind is None and int(ip) >> 32 & 0xFFFF_FFFF in _ISATAP:
            kind = "transition"
    # Python's own list may know of a network that was set apart later.
    return kind if kind is not None or ip.is_global else "reserved"
