"""Names that try to leave the place they are for, in every spelling that some program has understood.

Called by the tests of hostile paths. Invariant: all are distinct texts; none needs anything of this machine
but the file that it tries to reach.
"""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

DEPTH = 24
"""More folders up than any directory of a test lies deep."""
DOTS = (
    "..",
    "%2e%2e",
    ".%2e",
    "%2E.",
    "%252e%252e",
    "%25252e%25252e",
    "%c0%ae%c0%ae",
    "%e0%80%ae%e0%80%ae",
    "%f0%80%80%ae%f0%80%80%ae",
    "%c0%2e%c0%2e",
    "%u002e%u002e",
    "%uff0e%uff0e",
    "\uff0e\uff0e",
    "\u2024\u2024",
    "\ufe52\ufe52",
    "....",
    "..;",
    ".. ",
    "..\u200b",
    ".\u202e.",
    "..%00",
    "%%32%65%%32%65",
)
SEPARATORS = (
    "/",
    "\\",
    "%2f",
    "%5c",
    "%252f",
    "%255c",
    "%25252f",
    "%c0%af",
    "%e0%80%af",
    "%c1%9c",
    "%c0%5c",
    "%u2215",
    "%u2216",
    "\u2215",
    "\u2044",
    "\uff0f",
    "\uff3c",
    "//",
    "/./",
    "\\/",
    "/;x=1/",
    "%%32%66",
)
WHOLE = (
    # absolute, on this system and on others
    "/etc/passwd",
    "//etc/passwd",
    "///etc///passwd",
    "/./etc/passwd",
    "\\etc\\passwd",
    "%2fetc%2fpasswd",
    "%252fetc%252fpasswd",
    "C:\\Windows\\win.ini",
    "C:/Windows/win.ini",
    "c:win.ini",
    "C:",
    "Z:\\",
    "\\\\evil.example\\share\\x",
    "//evil.example/share/x",
    "\\\\?\\C:\\Windows\\win.ini",
    "\\\\.\\PhysicalDrive0",
    "\\\\.\\pipe\\x",
    "//?/C:/Windows/win.ini",
    # places of this system
    "/proc/self/environ",
    "/proc/self/cmdline",
    "/proc/self/fd/0",
    "/proc/self/root/etc/passwd",
    "/proc/self/cwd/pyproject.toml",
    "/proc/1/environ",
    "/dev/null",
    "/dev/zero",
    "/dev/stdin",
    "/dev/fd/0",
    "/dev/tcp/127.0.0.1/9",
    "/sys/kernel/uevent_seqnum",
    "/var/run/secrets/kubernetes.io/serviceaccount/token",
    "/./root/.ssh/id_rsa",
    "/home/../etc/shadow",
    # addresses
    "file:///etc/passwd",
    "file://localhost/etc/passwd",
    "file:/etc/passwd",
    "file:etc/passwd",
    "FILE:///ETC/PASSWD",
    "http://127.0.0.1/etc/passwd",
    "https://evil.example/x",
    "ftp://evil.example/x",
    "jar:file:///etc/passwd!/x",
    "zip://x#etc/passwd",
    "php://filter/resource=/etc/passwd",
    "data:text/plain,x",
    "javascript:alert(1)",
    "s3://bucket/x",
    "gopher://127.0.0.1:9/x",
    "netdoc:/etc/passwd",
    "\\\\localhost\\c$\\x",
    # home, variables, commands, options
    "~",
    "~/x",
    "~root/.bashrc",
    "~root",
    "$HOME/x",
    "${HOME}",
    "%HOME%",
    "%APPDATA%\\x",
    "$(id)",
    "`id`",
    "|id",
    ";id",
    "&id",
    "x;rm -rf x",
    "x|cat",
    ">x",
    "<x",
    "-rf",
    "--help",
    "-o/etc/passwd",
    "--output=/etc/passwd",
    "@/etc/passwd",
    "*",
    "?",
    "[a-z]*",
    "{a,b}",
    "!x",
    "#x",
    "%",
    "%s%n%x",
    "{0.__class__}",
    "{{7*7}}",
    "${{7*7}}",
    "<%=7*7%>",
    # names of devices
    *(
        f"{name}{end}"
        for name in ("CON", "NUL", "PRN", "AUX", "COM1", "COM9", "LPT1", "con", "CONIN$", "CLOCK$", "COM\u00b9")
        for end in ("", ".txt", ".csv", ":", " .txt", "/x")
    ),
    # dots and spaces at the ends
    ".",
    "..",
    "...",
    "....",
    " ",
    "  ",
    "\t",
    ". .",
    " ..",
    ".. ",
    "../",
    "./",
    "/",
    "//",
    "\\",
    "a.csv.",
    "a.csv...",
    "a.csv ",
    "a.csv. .",
    " a.csv",
    "a.csv/",
    "a.csv/.",
    "a.csv/..",
    "a.csv\\",
    "a/",
    "/a",
    "a//b",
    "a/./b",
    "a/../b",
    "a\\b",
    "a\\..\\b",
    # streams and other ends
    "a.csv:stream",
    "a.csv::$DATA",
    "a.csv:$I30:$INDEX_ALLOCATION",
    "::$DATA",
    "a.csv%3a%3a$DATA",
    "a.csv\x00.png",
    "a.csv%00.png",
    "a.csv%2500.png",
    "a.csv;.png",
    "a.csv%0a.png",
    "a.csv%0d%0aX-Planted: 1",
    "a.csv?x=1",
    "a.csv#x",
    "a.csv&x=1",
    "a.csv=1",
    # lines, headers, quotes
    "a\r\nX-Planted: 1",
    "a\nX-Planted: 1",
    "a\rX-Planted: 1",
    "a\r\n\r\n<script>1</script>",
    "a\u2028X-Planted: 1",
    "a\u2029X-Planted: 1",
    "a\u0085X-Planted: 1",
    "a\x0bX-Planted: 1",
    "a\x0cX-Planted: 1",
    "a\u560d\u560aX-Planted: 1",
    "\u010d\u010aX-Planted: 1",
    'a"; filename="b.html',
    'a"; filename*=UTF-8\'\'b.html',
    "a\"\r\nContent-Type: text/html\r\n\r\nx",
    "a'.csv",
    'a".csv',
    'a\\".csv',
    "a\\",
    "a;b=c.csv",
    "a,b.csv",
    "=?utf-8?b?Li4v?=",
    # what cannot be seen
    "\x00",
    "\x01.csv",
    "\x07.csv",
    "\x08\x08\x08\x08.csv",
    "\x1b[2J.csv",
    "\x1b]0;x\x07.csv",
    "\x7f.csv",
    "\x9b31m.csv",
    "\u202egpj.exe",
    "a\u202efdp.exe",
    "\u2066a\u2069.csv",
    "\u200f.csv",
    "\u200b",
    "\u200b..",
    "\ufeff.csv",
    "\u00ad.csv",
    "\u2060.csv",
    "\u3000",
    "\u00a0",
    "\ufffd.csv",
    "\ufffe.csv",
    "\U000e0041.csv",
    "\U0010ffff.csv",
    "e\u0301.csv",
    "\u00e9.csv",
    "\u212aelvin.csv",
    "\u0130.csv",
    "\u017f.csv",
    # names that programs keep for themselves
    ".env",
    ".git/config",
    ".git",
    ".htaccess",
    ".ssh/authorized_keys",
    ".bashrc",
    ".lgma.lock",
    "lgma.db",
    "lgma.db-wal",
    "lgma.lock",
    "artifacts",
    "incoming",
    "withdrawn",
    "index.html",
    "web.config",
    "desktop.ini",
    "autorun.inf",
    "Thumbs.db",
    "__init__.py",
    "__pycache__",
    "__proto__",
    "constructor",
    "con\u0000fig",
    "[Content_Types].xml",
    "nginx.conf",
    "passwd",
    # long
    "a" * 199,
    "a" * 200,
    "a" * 201,
    "a" * 255,
    "a" * 256,
    "a" * 4000,
    "\u8def" * 66,
    "\u8def" * 67,
    "\U0001f4c4" * 50,
    "\U0001f4c4" * 51,
    "a/" * 100 + "b",
    "../" * 1000,
    "./" * 500 + "x",
    "%2e%2e%2f" * 300,
    "a" * 196 + ".csv",
)
"""Those that are one name each; the others are spelled by `paths`."""


def paths(canary: Path) -> tuple[str, ...]:
    """All of them, as texts; those that climb try to reach the canary's file."""
    return tuple(dict.fromkeys((*WHOLE, *_climbing(canary))))


def _climbing(canary: Path) -> Iterator[str]:
    parts = canary.absolute().parts[1:]
    for separator in SEPARATORS:
        for dots in DOTS:
            yield separator.join([dots] * DEPTH + list(parts))
    for prefix in ("assets", "a.csv", "reports/2026", ".", "%2e", "~", "C:", "artifacts/ab", "x%00", "con"):
        for dots, separator in (("..", "/"), ("..", "\\"), ("%2e%2e", "%2f")):
            yield separator.join([prefix, *[dots] * DEPTH, *parts])
    for suffix in (".csv", "%00.csv", "\x00.csv", "/", "/.", " ", ".", "::$DATA", "?", "#.csv", ";.csv", "%20"):
        yield "/".join([".."] * DEPTH + list(parts)) + suffix
    yield str(canary)
    yield "/" + str(canary)
    yield canary.as_uri()
    yield "file://localhost" + str(canary)
    yield quote(str(canary), safe="")
    yield quote(quote(str(canary), safe=""), safe="")
    yield "/proc/self/root" + str(canary)
    yield "/proc/self/cwd/" + "../" * DEPTH + str(canary)[1:]
    yield "\\\\?\\" + str(canary).replace("/", "\\")


def is_plain(name: str) -> bool:
    """Whether a name may be a file's: one printable name of one folder, no longer than 200 bytes."""
    return (
        bool(name.strip())
        and name.isprintable()
        and not set(name) & set("/\\")
        and name not in (".", "..")
        and len(name.encode()) <= 200
    )


def on_the_wire(path: str) -> Iterator[bytes]:
    """How a client that tidies nothing up writes it into a request line: as it is, and escaped once more."""
    yield "".join(quote(char) if char in " \x7f" or not char.isprintable() else char for char in path).encode()
    yield quote(path, safe="").encode()
