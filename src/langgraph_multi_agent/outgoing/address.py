"""Addresses of the web: read as the WHATWG URL standard reads them, refused where readers disagree.

Hides the odd encodings of hosts: decimal, octal and hexadecimal IPv4, full-width digits and dots,
percent-encoding, IDNA. Callers: `client`, `connection`. Invariant: an `Address` names one host in its
one canonical form, and what goes on the wire is built from its parts, never parsed a second time.
"""

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from urllib.parse import quote, unquote_to_bytes, urljoin

import idna

from langgraph_multi_agent.domain.errors import OutgoingRefused

IPAddress = IPv4Address | IPv6Address

MAX_ADDRESS_CHARS = 4096
MAX_HOST_CHARS = 253
DEFAULT_PORTS = {"http": 80, "https": 443}

_FORM = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]*):(?P<rest>.*)", re.IGNORECASE | re.DOTALL)
_UNSEEN = re.compile(r"[\x00-\x20\x7f-\xa0\\\ud800-\udfff\ufeff]")
"""Controls, spaces and the backslash: one reader drops them, the next takes them for something else."""
_FORBIDDEN_IN_HOST = re.compile(r"[\x00-\x20\x7f#%/:<>?@\[\\\]^|]")
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_DIGITS = {8: re.compile(r"[0-7]*"), 10: re.compile(r"[0-9]+"), 16: re.compile(r"[0-9a-f]*")}
_IPV6 = re.compile(r"[0-9A-Fa-f:.]{2,45}")
_PORT = re.compile(r"[0-9]{1,5}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """An http or https address without its fragment.

    Attributes:
        host: a name in lower-case ASCII without a final dot, or an IP address as Python writes it.
        target: path and query in ASCII, from the first slash on.
    """

    scheme: str
    host: str
    port: int
    target: str = "/"

    @property
    def ip(self) -> IPAddress | None:
        """The IP address that the host is, None if it is a name."""
        return ip_of(self.host)

    @property
    def authority(self) -> str:
        """Host and, unless it is the scheme's own, port, as the header `Host` carries them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def origin(self) -> tuple[str, str, int]:
        return self.scheme, self.host, self.port

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority}{self.target}"

    def joined(self, location: str) -> "Address":
        """Where a redirect from here leads.

        Raises:
            OutgoingRefused: as `parse` does.
        """
        # Before urljoin, which drops line breaks on its own.
        _check_characters(location)
        try:
            return parse(urljoin(str(self), location))
        except ValueError as error:
            raise OutgoingRefused(host="", reason="not_an_address") from error


def parse(text: str) -> Address:
    """Read an address.

    Raises:
        OutgoingRefused: reason `too_long`, `characters`, `scheme`, `not_an_address`, `credentials`,
            `host` or `port`.
    """
    if len(text) > MAX_ADDRESS_CHARS:
        raise OutgoingRefused(host="", reason="address_length")
    _check_characters(text)
    form = _FORM.fullmatch(text)
    if form is None:
        raise OutgoingRefused(host="", reason="not_an_address")
    scheme, rest = form["scheme"].lower(), form["rest"]
    if scheme not in DEFAULT_PORTS:
        raise OutgoingRefused(host="", reason="scheme")
    if not rest.startswith("//"):
        raise OutgoingRefused(host="", reason="not_an_address")
    rest = rest[2:].partition("#")[0]
    end = next((place for place, sign in enumerate(rest) if sign in "/?"), len(rest))
    authority, target = rest[:end], rest[end:]
    if "@" in authority:
        raise OutgoingRefused(host="", reason="credentials")
    host, port = _host_and_port(authority)
    return Address(
        scheme=scheme,
        host=canonical_host(host),
        port=DEFAULT_PORTS[scheme] if port is None else port,
        target=_target(target),
    )


def canonical_host(text: str) -> str:
    """The one form of a host, however it is written; an IPv6 address may stand in brackets.

    Raises:
        OutgoingRefused: reason `host`.
    """
    if text.startswith("[") or ":" in text:
        return _ipv6(text)
    try:
        decoded = unquote_to_bytes(text).decode("utf-8")
        mapped = _checked(idna.uts46_remap(_checked(decoded), std3_rules=False)).removesuffix(".")
        host = ".".join(_label(label) for label in mapped.split("."))
    except (UnicodeError, idna.IDNAError) as error:
        raise OutgoingRefused(host="", reason="host") from error
    if len(host) > MAX_HOST_CHARS:
        raise OutgoingRefused(host="", reason="host")
    if _NUMBER.fullmatch(host.rpartition(".")[2]):
        return str(_ipv4(host))
    return host


def ip_of(host: str) -> IPAddress | None:
    """The IP address that a canonical host is, None if it is a name."""
    try:
        return IPv6Address(host) if ":" in host else IPv4Address(host)
    except ValueError:
        return None


def _check_characters(text: str) -> None:
    if _UNSEEN.search(text):
        raise OutgoingRefused(host="", reason="characters")


def _checked(host: str) -> str:
    """Not only before the mapping: a full-width slash or at sign becomes a real one in it."""
    if not host or _FORBIDDEN_IN_HOST.search(host):
        raise OutgoingRefused(host="", reason="host")
    return host


def _host_and_port(authority: str) -> tuple[str, int | None]:
    host, port = authority, ""
    if authority.startswith("["):
        inner, bracket, tail = authority.partition("]")
        host = inner + bracket
        if tail and not tail.startswith(":"):
            raise OutgoingRefused(host="", reason="host")
        port = tail[1:]
    elif ":" in authority:
        host, _, port = authority.rpartition(":")
        if ":" in host:
            raise OutgoingRefused(host="", reason="host")
    if not port:
        return host, None
    if not _PORT.fullmatch(port):
        raise OutgoingRefused(host="", reason="port")
    return host, int(port)


def _label(label: str) -> str:
    encoded = label if label.isascii() else idna.alabel(label).decode("ascii")
    if not _LABEL.fullmatch(encoded):
        raise OutgoingRefused(host="", reason="host")
    if encoded.startswith("xn--"):
        idna.ulabel(encoded)
    return encoded


def _ipv4(host: str) -> IPv4Address:
    """The IPv4 parser of the URL standard: one to four numbers, the last fills what is left."""
    parts = host.split(".")
    numbers = [_number(part) for part in parts]
    *front, last = numbers
    if len(parts) > 4 or any(number > 255 for number in front) or last >= 256 ** (5 - len(parts)):
        raise OutgoingRefused(host="", reason="host")
    value = last + sum(number << 8 * (3 - place) for place, number in enumerate(front))
    return IPv4Address(value)


def _number(part: str) -> int:
    digits, base = part, 10
    if part.startswith("0x"):
        digits, base = part[2:], 16
    elif len(part) > 1 and part.startswith("0"):
        digits, base = part[1:], 8
    if not _DIGITS[base].fullmatch(digits):
        raise OutgoingRefused(host="", reason="host")
    return int(digits or "0", base)


def _ipv6(text: str) -> str:
    inner = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    try:
        # The pattern refuses zone ids, which Python would take.
        if not _IPV6.fullmatch(inner):
            raise ValueError
        return str(IPv6Address(inner))
    except ValueError as error:
        raise OutgoingRefused(host="", reason="host") from error


def _target(text: str) -> str:
    path, mark, query = text.partition("?")
    path = quote(path, safe="/%:@!$&'()*+,;=~")
    return (path or "/") + mark + quote(query, safe="/?%:@!$&'()*+,;=~")
