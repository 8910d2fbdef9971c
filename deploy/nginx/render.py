#!/usr/bin/env python3
"""Writes the nginx configuration of the front end from environment variables.

    python3 render.py DIRECTORY

Needs nothing but Python. Only the variables of `VARIABLES` are replaced, written `@NAME@` in the
templates, so that nginx's own `$names` stay as they are. Invariant: a value that could mean anything
but what it says is refused, naming the variable (exit code 2), before anything is written.
"""

import json
import os
import re
import shutil
import sys
from collections.abc import Callable, Mapping
from ipaddress import ip_network
from pathlib import Path
from urllib.parse import urlsplit

from answers import answers

HERE = Path(__file__).resolve().parent
POLICY = (
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'"
)
"""What the embedded server sends with its pages."""


class Refused(Exception):
    """A variable that does not hold what it is for."""


def _matching(pattern: str, meaning: str) -> Callable[[str], str]:
    def check(value: str) -> str:
        if not re.fullmatch(pattern, value, re.ASCII):
            raise Refused(meaning)
        return value

    return check


def _number(lowest: int, highest: int) -> Callable[[str], str]:
    def check(value: str) -> str:
        if not re.fullmatch(r"\d{1,15}", value, re.ASCII) or not lowest <= int(value) <= highest:
            raise Refused(f"a whole number from {lowest} to {highest}")
        return str(int(value))

    return check


def _networks(value: str) -> str:
    try:
        return ",".join(
            str(ip_network(part.strip(), strict=False)) for part in value.split(",") if part.strip()
        )
    except ValueError:
        raise Refused("addresses or networks (10.0.0.0/8), comma-separated") from None


def _address(*schemes: str) -> Callable[[str], str]:
    """A path of this host, or a whole address of one of these schemes."""

    def check(value: str) -> str:
        meaning = f"a path that starts with one / or an address of {' or '.join(schemes)}"
        if re.search(r"[\x00-\x20\x7f]", value):
            raise Refused(meaning)
        try:
            parts = urlsplit(value)
            origin_of(value)
        except ValueError:
            raise Refused(meaning) from None
        is_path = value.startswith("/") and not value.startswith(("//", "/\\"))
        if not is_path and not (parts.scheme in schemes and parts.hostname and parts.username is None):
            raise Refused(meaning)
        return value

    return check


def origin_of(address: str) -> str:
    """`scheme://host:port` of a whole address, empty for a path. Raises ValueError: no such host."""
    parts = urlsplit(address)
    if not parts.scheme:
        return ""
    host = parts.hostname or ""
    if not re.fullmatch(r"[A-Za-z0-9.-]+|[0-9a-f:]+", host):
        raise ValueError(host)
    host = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{host}" + (f":{parts.port}" if parts.port else "")


_PLACE = _matching(r"/[A-Za-z0-9._/-]*", "an absolute path of letters, digits, . _ - and /")
_PLACE_OR_NONE = _matching(r"(?:/[A-Za-z0-9._/-]+)?", "an absolute path, or empty")

VARIABLES: Mapping[str, tuple[str, Callable[[str], str]]] = {
    "SERVER_NAME": (
        "_",
        _matching(r"[A-Za-z0-9*._-]+(?: [A-Za-z0-9*._-]+)*", "host names, separated by one space"),
    ),
    "API_UPSTREAMS": (
        "127.0.0.1:8000",
        _matching(
            r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:]+\]):\d{1,5}(?:,(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:]+\]):\d{1,5})*",
            "host:port of each API server, comma-separated",
        ),
    ),
    "LISTEN_ADDRESS": ("0.0.0.0", _matching(r"[0-9.]+|\[[0-9A-Fa-f:]*\]", "an IPv4 address or [IPv6]")),  # noqa: S104 - it is the door
    "HTTP_PORT": ("80", _number(1, 65535)),
    "HTTPS_PORT": ("443", _number(1, 65535)),
    "TLS_CERTIFICATE": ("", _PLACE_OR_NONE),
    "TLS_CERTIFICATE_KEY": ("", _PLACE_OR_NONE),
    "STATIC_DIR": ("/usr/share/nginx/html", _PLACE),
    "NGINX_STATE_DIR": ("/run/lgma-nginx", _PLACE),
    "NGINX_CONF_DIR": ("", _PLACE_OR_NONE),
    "NGINX_USER": ("", _matching(r"[a-z0-9_-]{0,32}", "a user's name")),
    "ACCESS_LOG": ("/dev/stdout", _matching(r"off|/[A-Za-z0-9._/-]+", "off, or an absolute path")),
    "MAINTENANCE_FLAG": ("", _PLACE_OR_NONE),
    "MAINTENANCE_RETRY_S": ("60", _number(1, 86400)),
    "MAX_INPUT_BYTES": (str(1024**3), _number(1, 10**15)),
    "MAX_BODY_BYTES": (str(1024**2), _number(1, 10**15)),
    "MAX_CONNECTIONS": ("200", _number(0, 65535)),
    "CLIENT_TIMEOUT_S": ("30", _number(1, 3600)),
    "TRUSTED_PROXIES": ("", _networks),
    "METRICS_NETWORKS": ("127.0.0.0/8,::1", _networks),
    "API_BASE_URL": ("/api/v1/mvp2", _address("http", "https")),
    "WS_URL": ("/api/v1/mvp2/ws", _address("ws", "wss")),
    "API_TIMEOUT_MS": ("10000", _number(1, 3_600_000)),
    "API_RETRY_ATTEMPTS": ("3", _number(0, 100)),
}
"""name → default, and what checks a value. An empty variable counts as unset."""


def read(env: Mapping[str, str]) -> dict[str, str]:
    """All variables, checked.

    Raises:
        Refused: the text names the variable and says what it holds.
    """
    values = {}
    for name, (default, check) in VARIABLES.items():
        try:
            values[name] = check(env.get(name) or default)
        except Refused as error:
            raise Refused(f"{name}: expected {error}") from None
    if bool(values["TLS_CERTIFICATE"]) != bool(values["TLS_CERTIFICATE_KEY"]):
        missing = "TLS_CERTIFICATE_KEY" if values["TLS_CERTIFICATE"] else "TLS_CERTIFICATE"
        raise Refused(f"{missing}: expected with the other half of the pair")
    if values["TLS_CERTIFICATE"] and values["HTTP_PORT"] == values["HTTPS_PORT"]:
        raise Refused("HTTPS_PORT: expected another port than HTTP_PORT")
    if values["TLS_CERTIFICATE"] and not _plain_names(values):
        raise Refused("SERVER_NAME: expected with a certificate, at least one name without *")
    values["MAINTENANCE_FLAG"] = values["MAINTENANCE_FLAG"] or values["NGINX_STATE_DIR"] + "/maintenance"
    return values


def _plain_names(values: Mapping[str, str]) -> list[str]:
    """The host names that stand for themselves: a client can be sent to them."""
    return [
        name
        for name in values["SERVER_NAME"].lower().split()
        if name != "_" and "*" not in name and not name.startswith(".")
    ]


def redirect_hosts(values: Mapping[str, str]) -> str:
    """The map from the host that a client asked for to one that is ours; empty without a certificate."""
    if not values["TLS_CERTIFICATE"]:
        return ""
    names = [name for name in values["SERVER_NAME"].lower().split() if name != "_"]
    known = "".join(f"        {name} $host;\n" for name in dict.fromkeys(names))
    first = _plain_names(values)[0]
    return f"    map $host $redirect_host {{\n        hostnames;\n        default {first};\n{known}    }}"


def configuration_script(values: Mapping[str, str]) -> str:
    """`/config.js`; no value can end the string it stands in, nor a script element around it."""
    config = {
        "BASE_URL": values["API_BASE_URL"],
        "WS_URL": values["WS_URL"],
        "TIMEOUT": int(values["API_TIMEOUT_MS"]),
        "RETRY_ATTEMPTS": int(values["API_RETRY_ATTEMPTS"]),
    }
    text = json.dumps(config, indent=2)
    for character in "<>&'":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return f"window.API_CONFIG = {text};\n"


def policy(values: Mapping[str, str]) -> str:
    """The content security policy; connections to an API of another origin are named."""
    elsewhere = sorted({origin_of(values[name]) for name in ("API_BASE_URL", "WS_URL")} - {""})
    return f"{POLICY}; connect-src 'self' {' '.join(elsewhere)}" if elsewhere else POLICY


def servers(values: Mapping[str, str]) -> str:
    """One server, or with TLS two: the first only sends to the second."""
    http, https = (f"{values['LISTEN_ADDRESS']}:{values[name]}" for name in ("HTTP_PORT", "HTTPS_PORT"))
    if not values["TLS_CERTIFICATE"]:
        return f"    server {{\n        listen {http} default_server;\n        include site.conf;\n    }}"
    port = "" if values["HTTPS_PORT"] == "443" else f":{values['HTTPS_PORT']}"
    return f"""    server {{
        listen {http} default_server;
        server_name {values["SERVER_NAME"]};
        location = /health {{
            include proxy.conf;
            access_log off;
        }}
        location / {{
            return 308 https://$redirect_host{port}$request_uri;
        }}
    }}

    server {{
        listen {https} ssl http2 default_server;
        ssl_certificate {values["TLS_CERTIFICATE"]};
        ssl_certificate_key {values["TLS_CERTIFICATE_KEY"]};
        ssl_protocols TLSv1.2 TLSv1.3;
        ssl_ciphers ECDHE+AESGCM:ECDHE+CHACHA20;
        ssl_prefer_server_ciphers off;
        ssl_session_cache shared:tls:10m;
        ssl_session_timeout 1d;
        ssl_session_tickets off;
        error_page 497 =308 https://$redirect_host{port}$request_uri;
        include hsts.conf;
        include site.conf;
    }}"""


def render(env: Mapping[str, str], directory: Path) -> None:
    """Write everything that nginx reads into a directory.

    Raises:
        Refused: a variable does not hold what it is for; nothing was written.
    """
    values = read(env)
    try:
        place = _PLACE(values["NGINX_CONF_DIR"] or str(directory.absolute()))
    except Refused as error:
        raise Refused(f"NGINX_CONF_DIR: expected {error}") from None
    networks = {name: values[name].split(",") if values[name] else [] for name in VARIABLES}
    maps, named = answers(values)
    trusted = networks["TRUSTED_PROXIES"]
    real_ip = [f"    set_real_ip_from {network};" for network in trusted]
    real_ip += ["    real_ip_header X-Forwarded-For;", "    real_ip_recursive on;"] if trusted else []
    filled = {
        **values,
        "CONF_DIR": place,
        "STATE_DIR": values["NGINX_STATE_DIR"],
        "ACCESS_LOG": "off" if values["ACCESS_LOG"] == "off" else f"{values['ACCESS_LOG']} json",
        "USER": f"user {values['NGINX_USER']};" if values["NGINX_USER"] else "",
        "RETRY_AFTER_S": values["MAINTENANCE_RETRY_S"],
        "UPLOAD_LIMIT": str(int(values["MAX_INPUT_BYTES"]) + int(values["MAX_BODY_BYTES"])),
        "CONNECTION_LIMIT": (
            f"limit_conn addresses {values['MAX_CONNECTIONS']};" if values["MAX_CONNECTIONS"] != "0" else ""
        ),
        "REDIRECT_HOSTS": redirect_hosts(values),
        "REAL_IP": "\n".join(real_ip),
        "TRUSTED_PROXIES": "\n".join(f"        {network} 1;" for network in trusted),
        "METRICS_ALLOW": "\n".join(f"        allow {network};" for network in networks["METRICS_NETWORKS"]),
        "UPSTREAMS": "\n".join(
            f"        server {server} max_fails=1 fail_timeout=2s;" for server in networks["API_UPSTREAMS"]
        ),
        "CONTENT_SECURITY_POLICY": policy(values),
        "SERVERS": servers(values),
    }
    files = {
        template.name: re.sub(r"@([A-Z_]+)@", lambda match: filled[match[1]], template.read_text("utf-8"))
        for template in sorted((HERE / "templates").iterdir())
    }
    hsts = "add_header Strict-Transport-Security max-age=31536000 always;\n"
    files |= {
        "answers.conf": maps,
        "named.conf": named,
        "hsts.conf": hsts if values["TLS_CERTIFICATE"] else "",
        "pages/config.js": configuration_script(values),
    }
    (directory / "pages").mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (directory / name).write_text(content, encoding="utf-8")
    shutil.copytree(HERE / "pages", directory / "pages" / "_maintenance", dirs_exist_ok=True)


def main(arguments: list[str]) -> int:
    """Exit code: 0 written, 2 refused."""
    if len(arguments) != 1 or arguments[0].startswith("-"):
        sys.stderr.write(f"{__doc__}\nVariables: {', '.join(VARIABLES)}\n")
        return 2
    try:
        render(os.environ, Path(arguments[0]))
    except Refused as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
