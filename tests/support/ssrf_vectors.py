"""Addresses that must not be asked, each with the reason that it is refused for.

`{port}` is the port of a listener on loopback, so that what slips through does reach something.
Families are made from tables: which addresses, and the ways of writing one.
"""

from dataclasses import dataclass
from ipaddress import IPv4Address


@dataclass(frozen=True, slots=True, kw_only=True)
class Vector:
    """`reason` is that of the refusal; `family` says what the vector is an example of."""

    address: str
    reason: str
    family: str


V4: tuple[tuple[str, str], ...] = (
    ("0.0.0.0", "unspecified"),
    ("0.1.2.3", "unspecified"),
    ("10.0.0.1", "private"),
    ("10.255.255.255", "private"),
    ("100.64.0.1", "shared"),
    ("100.127.255.254", "shared"),
    ("100.100.100.200", "metadata"),
    ("127.0.0.1", "loopback"),
    ("127.0.0.2", "loopback"),
    ("127.127.127.127", "loopback"),
    ("127.255.255.254", "loopback"),
    ("168.63.129.16", "metadata"),
    ("169.254.0.1", "link_local"),
    ("169.254.0.23", "link_local"),
    ("169.254.169.123", "link_local"),
    ("169.254.169.254", "link_local"),
    ("169.254.170.2", "link_local"),
    ("169.254.170.23", "link_local"),
    ("172.16.0.1", "private"),
    ("172.17.0.1", "private"),
    ("172.31.255.254", "private"),
    ("192.0.0.8", "reserved"),
    ("192.0.0.170", "reserved"),
    ("192.0.0.192", "metadata"),
    ("192.0.2.1", "documentation"),
    ("192.88.99.1", "transition"),
    ("192.168.0.1", "private"),
    ("192.168.255.254", "private"),
    ("198.18.0.1", "reserved"),
    ("198.19.255.254", "reserved"),
    ("198.51.100.7", "documentation"),
    ("203.0.113.7", "documentation"),
    ("224.0.0.1", "multicast"),
    ("239.255.255.250", "multicast"),
    ("240.0.0.1", "reserved"),
    ("255.255.255.255", "reserved"),
)
V6: tuple[tuple[str, str], ...] = (
    ("::", "unspecified"),
    ("::1", "loopback"),
    ("0:0:0:0:0:0:0:1", "loopback"),
    ("0000:0000:0000:0000:0000:0000:0000:0001", "loopback"),
    ("::0001", "loopback"),
    ("0::1", "loopback"),
    ("::0.0.0.1", "loopback"),
    ("::127.0.0.1", "transition"),
    ("::7f00:1", "transition"),
    ("::169.254.169.254", "transition"),
    ("::ffff:127.0.0.1", "transition"),
    ("::FFFF:127.0.0.1", "transition"),
    ("::ffff:7f00:1", "transition"),
    ("0:0:0:0:0:ffff:7f00:0001", "transition"),
    ("::ffff:0.0.0.0", "transition"),
    ("::ffff:10.0.0.1", "transition"),
    ("::ffff:169.254.169.254", "transition"),
    ("::ffff:a9fe:a9fe", "transition"),
    ("::ffff:93.184.216.34", "transition"),
    ("::ffff:0:127.0.0.1", "transition"),
    ("::ffff:0:a9fe:a9fe", "transition"),
    ("64:ff9b::127.0.0.1", "transition"),
    ("64:ff9b::7f00:1", "transition"),
    ("64:ff9b::a9fe:a9fe", "transition"),
    ("64:ff9b:1::7f00:1", "transition"),
    ("2001::1", "transition"),
    ("2001:0:53aa:64c:0:fbfe:80ff:fffe", "transition"),
    ("2002:7f00:1::", "transition"),
    ("2002:7f00:1::1", "transition"),
    ("2002:a9fe:a9fe::1", "transition"),
    ("2002:c0a8:1::1", "transition"),
    ("2606:4700::5efe:7f00:1", "transition"),
    ("2606:4700::200:5efe:10.0.0.1", "transition"),
    ("2001:2::1", "reserved"),
    ("2001:10::1", "reserved"),
    ("2001:20::1", "reserved"),
    ("2001:db8::1", "documentation"),
    ("3fff::1", "documentation"),
    ("3ffe::1", "reserved"),
    ("100::1", "reserved"),
    ("4000::1", "reserved"),
    ("5f00::1", "reserved"),
    ("fc00::1", "unique_local"),
    ("fd00:ec2::254", "metadata"),
    ("fd00:ec2::23", "metadata"),
    ("fd00:0ec2:0:0:0:0:0:0254", "metadata"),
    ("fd20:ce::254", "metadata"),
    ("fd20:ce:0:1::1", "unique_local"),
    ("fd00:c1::a9fe:a9fe", "metadata"),
    ("fd00:42::42", "metadata"),
    ("fd00:a9fe:a9fe::1", "metadata"),
    ("fdff::1", "unique_local"),
    ("fe80::1", "link_local"),
    ("fe80::a9fe:a9fe", "link_local"),
    ("febf::1", "link_local"),
    ("fec0::1", "private"),
    ("ff02::1", "multicast"),
    ("ff0e::fb", "multicast"),
    ("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "multicast"),
)
WRITTEN: tuple[tuple[str, str], ...] = (
    ("127.0.0.1", "loopback"),
    ("169.254.169.254", "link_local"),
    ("192.168.1.1", "private"),
    ("10.0.0.138", "private"),
)
"""Addresses that are written in every way that some reader of addresses takes."""

NAMES: dict[str, tuple[tuple[str, ...], str]] = {
    "127.0.0.1.nip.example": (("127.0.0.1",), "loopback"),
    "loopback.example": (("127.0.0.53",), "loopback"),
    "six.example": (("::1",), "loopback"),
    "metadata.google.internal": (("169.254.169.254",), "link_local"),
    "instance-data": (("169.254.169.254",), "link_local"),
    "metadata": (("169.254.169.254",), "link_local"),
    "wire.example": (("168.63.129.16",), "metadata"),
    "kubernetes.default.svc": (("10.96.0.1",), "private"),
    "router.example": (("192.168.0.1",), "private"),
    "docker.example": (("172.17.0.1",), "private"),
    "carrier.example": (("100.64.1.1",), "shared"),
    "any.example": (("0.0.0.0",), "unspecified"),
    "any6.example": (("::",), "unspecified"),
    "mapped.example": (("::ffff:127.0.0.1",), "transition"),
    "sixtofour.example": (("2002:7f00:1::1",), "transition"),
    "nat64.example": (("64:ff9b::a9fe:a9fe",), "transition"),
    "local6.example": (("fd00::1",), "unique_local"),
    "metadata6.example": (("fd00:ec2::254",), "metadata"),
    "link6.example": (("fe80::1%eth0",), "link_local"),
    "group.example": (("224.0.0.251",), "multicast"),
    "both.example": (("93.184.216.34", "127.0.0.1"), "loopback"),
    "both6.example": (("93.184.216.34", "::1"), "loopback"),
    "last.example": (("93.184.216.34", "93.184.216.35", "10.0.0.1"), "private"),
    "xn--bcher-kva.example": (("127.0.0.1",), "loopback"),
}
"""What the names of the vectors lead to."""


def _v4_spellings(text: str) -> dict[str, str]:
    value = int(IPv4Address(text))
    a, b, c, d = text.split(".")
    octets = [int(part) for part in (a, b, c, d)]
    wide = str.maketrans("0123456789.", "０１２３４５６７８９．")
    circled = str.maketrans({"1": "①", "2": "②", "6": "⑥", "9": "⑨"})
    bold = str.maketrans("0123456789", "𝟎𝟏𝟐𝟑𝟒𝟓𝟔𝟕𝟖𝟗")
    return {
        "decimal": str(value),
        "hexadecimal": f"0x{value:08x}",
        "hexadecimal, capital": f"0X{value:08X}",
        "hexadecimal, padded": f"0x00000{value:08x}",
        "octal": f"0{value:o}",
        "octal, padded": f"00000{value:o}",
        "parts hexadecimal": ".".join(f"0x{part:x}" for part in octets),
        "parts octal": ".".join(f"0{part:o}" for part in octets),
        "parts octal, padded": ".".join(f"000{part:03o}" for part in octets),
        "parts mixed": f"0x{octets[0]:x}.{octets[1]}.0{octets[2]:o}.{octets[3]}",
        "three parts": f"{a}.{b}.{octets[2] * 256 + octets[3]}",
        "two parts": f"{a}.{(octets[1] << 16) + (octets[2] << 8) + octets[3]}",
        "two parts, mixed": f"0{octets[0]:o}.0x{(octets[1] << 16) + (octets[2] << 8) + octets[3]:x}",
        "final dot": f"{text}.",
        "decimal, final dot": f"{value}.",
        "percent": "".join(f"%{ord(sign):02x}" for sign in text),
        "percent, some": f"{a[0].replace('1', '%31')}{a[1:]}%2e{b}%2E{c}%2e{d}",
        "percent of full width": "".join(f"%{byte:02X}" for byte in text.translate(wide).encode()),
        "full width": text.translate(wide),
        "circled": text.translate(circled),
        "bold": text.translate(bold),
        "ideographic dots": text.replace(".", "。"),
        "half-width dots": text.replace(".", "｡"),
        "full-width dots": text.replace(".", "．"),
        "soft hyphens": text.replace(".", "\u00ad."),
        "full-width decimal": str(value).translate(wide),
    }


SCHEMES = (
    "file:///etc/passwd",
    "file://127.0.0.1/etc/passwd",
    "FILE:///proc/self/environ",
    "ftp://127.0.0.1:{port}/",
    "sftp://127.0.0.1:{port}/",
    "tftp://127.0.0.1:{port}/x",
    "gopher://127.0.0.1:{port}/_GET%20/",
    "dict://127.0.0.1:{port}/d:x",
    "ldap://127.0.0.1:{port}/",
    "ldaps://127.0.0.1:{port}/",
    "ws://127.0.0.1:{port}/",
    "wss://127.0.0.1:{port}/",
    "smb://127.0.0.1/share",
    "redis://127.0.0.1:{port}/",
    "unix:///run/docker.sock",
    "http+unix://%2Frun%2Fdocker.sock/info",
    "jar:http://127.0.0.1:{port}!/",
    "netdoc:///etc/passwd",
    "data:text/html,hello",
    "javascript:fetch('http://127.0.0.1')",
    "blob:http://127.0.0.1:{port}/1",
    "about:blank",
    "view-source:http://127.0.0.1:{port}/",
    "mailto:a@example.org",
    "phar://x.phar",
    "php://filter/resource=http://127.0.0.1:{port}/",
    "localhost:{port}",
)
FORMS = (
    "127.0.0.1",
    "//127.0.0.1:{port}/",
    "/latest/meta-data/",
    "http:127.0.0.1:{port}",
    "http:/127.0.0.1:{port}/",
    "https:127.0.0.1",
    "://127.0.0.1:{port}/",
    "127.0.0.1:{port}",
    "?http://127.0.0.1:{port}/",
)
CREDENTIALS = (
    "http://user@127.0.0.1:{port}/",
    "http://user:word@127.0.0.1:{port}/",
    "http://example.com@127.0.0.1:{port}/",
    "http://example.com:80@127.0.0.1:{port}/",
    "http://127.0.0.1:{port}@example.com/",
    "http://@127.0.0.1:{port}/",
    "http://:@127.0.0.1:{port}/",
    "http://a@b@127.0.0.1:{port}/",
    "https://example.com%40@127.0.0.1:{port}/",
    "http://[::1]@127.0.0.1:{port}/",
)
CHARACTERS = (
    "http://example.com\\@127.0.0.1:{port}/",
    "http://127.0.0.1:{port}\\@example.com/",
    "http:\\\\127.0.0.1:{port}\\",
    "http:/\\127.0.0.1:{port}/",
    "http://example.com\\.127.0.0.1/",
    " http://127.0.0.1:{port}/",
    "http://127.0.0.1:{port}/ ",
    "http://127.0.0.1 :{port}/",
    "ht\ntp://127.0.0.1:{port}/",
    "http://127.0.\n0.1:{port}/",
    "http://127.0.0.1\r\n:{port}/",
    "http://127.0.0.1:{port}/\r\nHost: example.com",
    "http://127.0.0.1:{port}/%20HTTP/1.1\r\nX: y",
    "\thttp://127.0.0.1:{port}/",
    "http://127\t.0.0.1:{port}/",
    "\x00http://127.0.0.1:{port}/",
    "http://127.0.0.1\x00.example.com:{port}/",
    "http://example.com\x00@127.0.0.1:{port}/",
    "\x01http://127.0.0.1:{port}/",
    "http://127.0.0.1:{port}/\x7f",
    "http://127.0.0.1\u00a0:{port}/",
    "\ufeffhttp://127.0.0.1:{port}/",
    "http://example.com\x85@127.0.0.1/",
    "http://\ud800127.0.0.1/",
)
HOSTS = (
    "http://",
    "http:///",
    "http:///127.0.0.1:{port}/",
    "http:////127.0.0.1:{port}/",
    "http://?127.0.0.1",
    "http://#127.0.0.1",
    "http://:{port}/",
    "http://.",
    "http://..",
    "http://127..0.1:{port}/",
    "http://.127.0.0.1:{port}/",
    "http://127.0.0.1..:{port}/",
    "http://256.0.0.1/",
    "http://127.0.0.256/",
    "http://1.2.3.4.5/",
    "http://127.0.0.0x100/",
    "http://127.65536.1/",
    "http://4294967296/",
    "http://0x100000000/",
    "http://127.0.0.08/",
    "http://example.0x7f/",
    "http://a.127.0.0.1/",
    "http://127.0.0.1%00/",
    "http://127.0.0.1%0a/",
    "http://127.0.0.1%20/",
    "http://127.0.0.1%2f%40example.com/",
    "http://127.0.0.1%23.example.com/",
    "http://127.0.0.1%3f.example.com/",
    "http://127.0.0.1%5c.example.com/",
    "http://%25%33%31.0.0.1/",
    "http://%2531%2532%2537.0.0.1/",
    "http://%ff%fe.example/",
    "http://127.0.0.1／.example.com/",
    "http://example.com＃.127.0.0.1/",
    "http://example.com？.127.0.0.1/",
    "http://user＠127.0.0.1:{port}/",
    "http://127.0.0.1℀.example.com/",
    "http://127.0.0.1：80/",
    "http://[::1",
    "http://::1/",
    "http://::1:{port}/",
    "http://[]/",
    "http://[::1]x:{port}/",
    "http://[::1].example.com/",
    "http://[127.0.0.1]:{port}/",
    "http://[::1%25lo]:{port}/",
    "http://[::1%lo]:{port}/",
    "http://[fe80::1%25eth0]/",
    "http://[::ffff:127.0.0.1%251]/",
    "http://[::ffff:0x7f.1]/",
    "http://[::ffff:127.0.0.01]/",
    "http://[::1::]/",
    "http://[v1.fe80]/",
    "http://[１::1]/",
    "http://xn--a.example/",
    "http://xn--.example/",
    "http://-a.example/",
    "http://a%20b.example/",
    "http://a<b.example/",
    "http://a^b.example/",
    "http://a|b.example/",
    "http://" + "a" * 64 + ".example/",
    "http://" + "a." * 127 + "example/",
    "http://\u202e1.0.0.721/",
)
PORTS = (
    "http://127.0.0.1:-1/",
    "http://127.0.0.1:+80/",
    "http://127.0.0.1:80a/",
    "http://127.0.0.1:0x50/",
    "http://127.0.0.1:８０/",
    "http://127.0.0.1:100000/",
    "http://127.0.0.1:80%3a80/",
    "http://93.184.216.34:0/",
    "http://93.184.216.34:22/",
    "http://93.184.216.34:25/",
    "http://93.184.216.34:2375/",
    "http://93.184.216.34:5432/",
    "http://93.184.216.34:6379/",
    "http://93.184.216.34:9200/",
    "http://93.184.216.34:11211/",
    "http://93.184.216.34:65536/",
    "http://93.184.216.34:99999/",
    "http://public.example:8000/",
    "https://[2606:4700::1111]:8443/",
)
LOCALHOST = (
    "http://localhost:{port}/",
    "http://LOCALHOST:{port}/",
    "http://localhost.:{port}/",
    "http://app.localhost:{port}/",
    "http://lo%63alhost:{port}/",
    "http://ｌｏｃａｌｈｏｓｔ:{port}/",
    "http://ⓛⓞⓒⓐⓛⓗⓞⓢⓣ:{port}/",
    "http://loca\u00adlhost:{port}/",
    "http://locaⅼhost:{port}/",
)


def _vectors() -> tuple[Vector, ...]:
    found = [
        Vector(address=f"http://{ip}:{{port}}/", reason=reason, family="IPv4 network") for ip, reason in V4
    ]
    found += [
        Vector(address=f"http://[{ip}]:{{port}}/", reason=reason, family="IPv6 network") for ip, reason in V6
    ]
    found += [
        Vector(address=f"http://{written}:{{port}}/x", reason=reason, family=f"IPv4 {way}")
        for ip, reason in WRITTEN
        for way, written in _v4_spellings(ip).items()
    ]
    found += [
        Vector(address=f"https://{name}:{{port}}/", reason=reason, family="name")
        for name, (_, reason) in NAMES.items()
    ]
    found.append(Vector(address="http://Bücher.example:{port}/", reason="loopback", family="name"))
    for family, reason, addresses in (
        ("scheme", "scheme", SCHEMES),
        ("form", "not_an_address", FORMS),
        ("credentials", "credentials", CREDENTIALS),
        ("characters", "characters", CHARACTERS),
        ("host", "host", HOSTS),
        ("port", "port", PORTS),
        ("localhost", "loopback", LOCALHOST),
    ):
        found += [Vector(address=address, reason=reason, family=family) for address in addresses]
    found.append(Vector(address="http://example.com/" + "a" * 5000, reason="address_length", family="length"))
    return tuple({vector.address: vector for vector in found}.values())


VECTORS = _vectors()
