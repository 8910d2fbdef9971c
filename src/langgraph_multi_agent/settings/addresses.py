"""What an address in a setting says: where it leads, and who can reach that.

Hides how libpq, redis-py and browsers read what people write, and where `urllib` and `ipaddress` differ
from them. Callers: the other modules of `settings`. Invariant: nothing is looked up and nothing raises; what
is no address is None.
"""

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network, collapse_addresses, ip_address, ip_network
from urllib.parse import SplitResult, parse_qs, urlsplit

INNER_SUFFIXES = frozenset("arpa corp home internal intranet lan local localdomain localhost private svc test".split())
"""Last labels of names that only a network of one's own knows."""
REDIS_PORT, REDIS_LAST_DATABASE = 6379, 15
"""A Redis server has 16 databases unless it was told otherwise."""


def scheme_of(address: str) -> str:
    return address.partition("://")[0] if "://" in address else ""


def parsed(address: str) -> SplitResult | None:
    """The parts of a URL, None if it is none; urllib reads the port only when asked."""
    try:
        url = urlsplit(address)
        return url if url.port != 0 else None
    except ValueError:
        return None


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches a server that binds this address."""
    if host.lower() == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def is_public(host: str) -> bool:
    """Whether a host is somewhere on the internet: by its number, or by a name with a public last label."""
    try:
        return ip_address(host.strip("[]")).is_global
    except ValueError:
        labels = host.lower().rstrip(".").split(".")
        return len(labels) > 1 and labels[-1] not in INNER_SUFFIXES


def goes_open(address: str) -> bool:
    """Whether what is sent to an address is readable on its way over the internet."""
    url = parsed(address)
    return url is not None and url.scheme == "http" and is_public(url.hostname or "")


def network_of(entry: str) -> IPv4Network | IPv6Network | None:
    try:
        return ip_network(entry, strict=False)
    except ValueError:
        return None


def is_nearly_all(networks: Sequence[IPv4Network | IPv6Network]) -> bool:
    """Whether they are together half of IPv4, or half of what is public in IPv6, or more."""
    four = collapse_addresses(network for network in networks if isinstance(network, IPv4Network))
    six = collapse_addresses(network for network in networks if isinstance(network, IPv6Network))
    return sum(n.num_addresses for n in four) >= 2**31 or sum(n.num_addresses for n in six) >= 2**124


def redis_place(address: str) -> tuple[str, int, int] | None:
    """Host (or socket), port and database as redis-py reads them: `?db=` before the path, 0 unless named."""
    url = parsed(address)
    if url is None:
        return None
    path = "" if url.scheme == "unix" else url.path.strip("/")
    number = parse_qs(url.query).get("db", [path])[0] or "0"
    if not (number.isascii() and number.isdigit()):
        return None
    if url.scheme == "unix":
        return url.path, 0, int(number)
    return url.hostname or "localhost", url.port or REDIS_PORT, int(number)


def neighbour_database(address: str | None) -> str | None:
    """Another database of the same Redis server; None without one, or when the address is wrong."""
    place = redis_place(address) if address else None
    if not address or place is None:
        return None
    number = place[2] + 1 if place[2] < REDIS_LAST_DATABASE else place[2] - 1
    rest, _, query = address.partition("?")
    options = [part for part in query.split("&") if part and not part.startswith("db=")]
    if not address.startswith("unix:"):
        scheme, _, tail = rest.partition("://")
        rest = f"{scheme}://{tail.partition('/')[0]}"
    return f"{rest}?{'&'.join([*options, f'db={number}'])}"
