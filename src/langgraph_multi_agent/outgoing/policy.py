"""Where requests may go: what the operator allows, as one value.

Callers: `client` asks before a name is looked up, `connection` for each address that it was given.
Invariant: nothing that is not allowed here is connected to.
"""

from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Literal, Self

from langgraph_multi_agent.domain.errors import OutgoingOff, OutgoingRefused
from langgraph_multi_agent.outgoing.address import IPAddress, ip_of
from langgraph_multi_agent.outgoing.networks import INNER, kind_of

Access = Literal["off", "listed", "public"]


@dataclass(frozen=True, slots=True, kw_only=True)
class OutgoingPolicy:
    """What may be reached.

    Attributes:
        access: `off` nothing, `listed` only what is listed, `public` that and every public address.
        names: listed hosts in lower case; `*.example.org` is every name below it, not itself. A listed
            name may also lead to private and loopback addresses, not to link-local ones.
        networks: listed networks; whatever lies in one is allowed, by number, by a listed name, and
            with `public` by any name.
        ports: the only ones.
        timeout_s: for one request with its redirects.
        max_bytes: of an answer, unpacked.
    """

    access: Access = "off"
    names: frozenset[str] = frozenset()
    networks: tuple[IPv4Network | IPv6Network, ...] = ()
    ports: frozenset[int] = frozenset({80, 443})
    timeout_s: float = 20.0
    max_bytes: int = 4 * 1024**2

    @classmethod
    def of(
        cls,
        *,
        access: Access,
        allowed: tuple[str, ...],
        ports: tuple[int, ...],
        timeout_s: float,
        max_bytes: int,
    ) -> Self:
        """From the settings' words; entries of `allowed` are networks, addresses or names."""
        networks: list[IPv4Network | IPv6Network] = []
        names: set[str] = set()
        for entry in allowed:
            try:
                networks.append(ip_network(entry, strict=False))
            except ValueError:
                names.add(entry.lower().removesuffix("."))
        return cls(
            access=access,
            names=frozenset(names),
            networks=tuple(networks),
            ports=frozenset(ports),
            timeout_s=timeout_s,
            max_bytes=max_bytes,
        )

    def admit_host(self, host: str, port: int) -> None:
        """Before anything is looked up: is this host, in its canonical form, worth asking for?

        Raises:
            OutgoingOff: outgoing requests are switched off.
            OutgoingRefused: reason `port`, `not_listed` or the kind of an address.
        """
        if self.access == "off":
            raise OutgoingOff
        if port not in self.ports:
            raise OutgoingRefused(host=host, reason="port")
        ip = ip_of(host)
        if ip is not None:
            self.admit(host, ip)
        elif not self._lists(host):
            # Refused here and not by its address: the look-up itself would carry the name's words away.
            if self.access == "listed":
                raise OutgoingRefused(host=host, reason="not_listed")
            if not self.networks and (host == "localhost" or host.endswith(".localhost")):
                raise OutgoingRefused(host=host, reason="loopback")

    def admit(self, host: str, ip: IPAddress) -> None:
        """May this address be connected to for this host?

        Raises:
            OutgoingRefused: reason `not_listed` or the kind of the address.
        """
        if any(ip in network for network in self.networks):
            return
        kind = kind_of(ip)
        if self._lists(host):
            if kind is not None and kind not in INNER:
                raise OutgoingRefused(host=host, reason=kind)
        elif kind is not None:
            raise OutgoingRefused(host=host, reason=kind)
        elif self.access == "listed":
            raise OutgoingRefused(host=host, reason="not_listed")

    def _lists(self, host: str) -> bool:
        if host in self.names:
            return True
        parents = host.split(".")
        return any(f"*.{'.'.join(parents[start:])}" in self.names for start in range(1, len(parents)))
