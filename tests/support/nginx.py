"""Debian's nginx with the configuration of `deploy/nginx`, unprivileged, in a private directory.

Hides rendering, ports, temporary paths and the self-made certificate. Called by the tests of nginx
and by the browser tests of the production world. Invariant: no process outlives the test that
started it, also nginx's own children.
"""

import os
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from tests.support.servers import ServerFailed, _Server, free_port, needs, unprivileged

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy" / "nginx"
RENDER = DEPLOY / "render.py"


def render(directory: Path, **variables: str) -> "subprocess.CompletedProcess[str]":
    """Run `render.py` as an operator does, with nothing in the environment but these variables."""
    return subprocess.run(
        [sys.executable, str(RENDER), str(directory)],
        env={"PATH": os.environ.get("PATH", os.defpath), **variables},
        capture_output=True,
        text=True,
        check=False,
        timeout=90,
    )


class Nginx(_Server):
    """An nginx before API servers.

    Args:
        upstreams: `host:port` of each API server.
        static: the built front end; copied, so that an unprivileged nginx can read it.
        has_tls: also listens on `https_port`, with a certificate for localhost and 127.0.0.1.
        variables: more of `render.py`'s.
    """

    name = "nginx"
    death = signal.SIGTERM

    def __init__(
        self,
        *upstreams: str,
        static: Mapping[str, bytes],
        has_tls: bool = False,
        **variables: str,
    ) -> None:
        self._program = needs("nginx-light")
        super().__init__(None, unprivileged())
        self.https_port = free_port() if has_tls else 0
        self.static = self.directory / "static"
        for name, content in static.items():
            (self.static / name).parent.mkdir(parents=True, exist_ok=True)
            (self.static / name).write_bytes(content)
        self.flag = self.directory / "maintenance"
        self.access_log = self.directory / "access.log"
        self.certificate = self.directory / "cert.pem"
        if has_tls:
            self._make_certificate()
            variables = {
                "TLS_CERTIFICATE": str(self.certificate),
                "TLS_CERTIFICATE_KEY": str(self.directory / "key.pem"),
                "HTTPS_PORT": str(self.https_port),
                **variables,
            }
        self.variables = {
            "API_UPSTREAMS": ",".join(upstreams),
            "LISTEN_ADDRESS": self.host,
            "HTTP_PORT": str(self.port),
            "STATIC_DIR": str(self.static),
            "NGINX_STATE_DIR": str(self.directory),
            "ACCESS_LOG": str(self.access_log),
            "MAINTENANCE_RETRY_S": "7",
            **variables,
        }
        self.configuration = self.directory / "conf"
        rendered = render(self.configuration, **self.variables)
        if rendered.returncode != 0:
            raise ServerFailed(f"render.py: {rendered.stderr}")
        if self._user:
            for path in (self.directory, *self.directory.rglob("*")):
                os.chown(path, self._user["user"], self._user["group"])

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    @property
    def https_url(self) -> str:
        return f"https://localhost:{self.https_port}"

    def trust(self) -> ssl.SSLContext:
        """A client's context that believes this server's certificate and no other."""
        return ssl.create_default_context(cafile=str(self.certificate))

    def check(self) -> str:
        """What `nginx -t` says. Raises ServerFailed: it finds a fault."""
        tested = subprocess.run(
            [*self._command(), "-t"],
            cwd=self.directory,
            capture_output=True,
            text=True,
            check=False,
            timeout=90,
            **self._user,
        )
        if tested.returncode != 0:
            raise ServerFailed(tested.stderr)
        return str(tested.stderr)

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def reload(self) -> None:
        """Take up a new configuration; connections stay."""
        os.kill(self.pid, signal.SIGHUP)

    def close(self) -> None:
        # SIGKILL would leave the children of nginx behind.
        if self.is_running:
            self.stop()
        super().close()

    def _make_certificate(self) -> None:
        argv = [
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
        ]
        argv += ["-keyout", "key.pem", "-out", "cert.pem", "-days", "2", "-subj", "/CN=localhost"]
        argv += ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
        subprocess.run(argv, cwd=self.directory, capture_output=True, check=True, timeout=90)

    def _command(self) -> list[str]:
        fixed = "daemon off;"
        return [
            self._program,
            "-c",
            str(self.configuration / "nginx.conf"),
            "-p",
            str(self.directory),
            "-g",
            fixed,
        ]

    def _is_ready(self) -> bool:
        with suppress(OSError), socket.create_connection(self.address, timeout=1):
            return True
        return False
