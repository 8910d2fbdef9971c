"""Who may read the metrics without a credential: a scraper that stands in an allowed network.

Caller: `rules`. Invariant: the address is the one that the connection comes from. A request that came
through a proxy speaks for somebody else, and what its headers say of them is not believed here.
"""

from ipaddress import IPv6Address, ip_address

from starlette.requests import HTTPConnection

from langgraph_multi_agent.api.context import services_of

FORWARDED = ("x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip", "forwarded", "via")


def is_scraper(connection: HTTPConnection) -> bool:
    """Whether METRICS_ALLOWED_NETWORKS names the peer's network."""
    networks = services_of(connection).settings.metrics_allowed_networks
    if not networks or connection.client is None or any(name in connection.headers for name in FORWARDED):
        return False
    try:
        address = ip_address(connection.client.host)
    except ValueError:
        return False
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return any(address in network for network in networks)
