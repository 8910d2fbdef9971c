"""What `render.py` makes of its variables, and what it refuses; no nginx is needed."""

import ast
import json
import re
from pathlib import Path

import pytest
from tests.support.nginx import DEPLOY, RENDER, ROOT, render

from langgraph_multi_agent.api.pages import API_CONFIG, POLICY
from langgraph_multi_agent.api.problems import RETRY_AFTER_S
from langgraph_multi_agent.settings import Settings
from langgraph_multi_agent.settings.values import MIB


def constant(name: str, script: Path = RENDER) -> object:
    """A constant of render.py or its neighbour, which import nothing of ours and are imported by nobody."""
    for node in ast.parse(script.read_text(encoding="utf-8")).body:
        targets = node.targets if isinstance(node, ast.Assign) else []
        if [target.id for target in targets if isinstance(target, ast.Name)] == [name]:
            return eval(ast.unparse(node.value))
    raise AssertionError(f"{script.name} has no {name}")


def config_of(directory: Path) -> dict[str, object]:
    script = (directory / "pages" / "config.js").read_text(encoding="utf-8")
    found = re.fullmatch(r"window\.API_CONFIG = (\{.*\});\n", script, re.DOTALL)
    assert found is not None
    values: dict[str, object] = json.loads(found[1])
    return values


def rendered(directory: Path, **variables: str) -> str:
    """All of the configuration as one text."""
    done = render(directory, **variables)
    assert done.returncode == 0, done.stderr
    return "\n".join(path.read_text(encoding="utf-8") for path in sorted(directory.glob("*.conf")))


def test_the_defaults_are_those_of_the_embedded_server(tmp_path: Path) -> None:
    limit = Settings.model_fields["max_input_bytes"].default
    body = Settings.model_fields["max_body_bytes"].default
    assert constant("POLICY") == POLICY
    assert constant("UNREACHABLE_RETRY_S", DEPLOY / "answers.py") == RETRY_AFTER_S[503]
    assert body == MIB
    text = rendered(tmp_path)
    assert f'Content-Security-Policy "{POLICY}" always' in text
    assert re.findall("client_max_body_size (.*);", text) == [str(body), str(limit + body)]
    assert "limit_conn addresses 200;" in text
    assert config_of(tmp_path) == API_CONFIG


def test_the_limit_of_connections_can_be_taken_away(tmp_path: Path) -> None:
    assert "limit_conn addresses" not in rendered(tmp_path, MAX_CONNECTIONS="0")


@pytest.mark.parametrize("names", ["", "_", "*.example.com", ".example.com www.example.*"])
def test_with_a_certificate_a_name_to_send_clients_to_is_asked_for(tmp_path: Path, names: str) -> None:
    done = render(tmp_path, TLS_CERTIFICATE="/c.pem", TLS_CERTIFICATE_KEY="/k.pem", SERVER_NAME=names)
    assert (done.returncode, list(tmp_path.iterdir())) == (2, [])
    assert done.stderr.startswith("SERVER_NAME: ")


def test_no_name_is_left_open_and_nginx_keeps_its_own(tmp_path: Path) -> None:
    text = rendered(tmp_path)
    assert re.findall(r"@[A-Z_]+@", text) == []
    assert "$http_upgrade" in text


def test_an_access_log_has_its_format_and_none_has_none(tmp_path: Path) -> None:
    assert "access_log /dev/stdout json;" in rendered(tmp_path / "on")
    off = rendered(tmp_path / "off", ACCESS_LOG="off")
    assert "access_log off;" in off
    assert "off json" not in off


@pytest.mark.parametrize(
    "value",
    [
        "/x';alert(1);'",
        '/x";alert(1);"',
        "/</script><script>alert(1)</script>",
        "/a\\u2028\\",
        "/\u2028\u2029",
        "/${HOME}$host@SERVERS@",
        "/<!--&amp;",
    ],
)
def test_no_address_can_leave_its_string_in_the_script(tmp_path: Path, value: str) -> None:
    rendered(tmp_path, API_BASE_URL=value)
    assert config_of(tmp_path)["BASE_URL"] == value
    script = (tmp_path / "pages" / "config.js").read_text(encoding="utf-8")
    assert re.findall(r"[<>&'\u2028\u2029]", script) == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("API_BASE_URL", "/x\ny"),
        ("API_BASE_URL", "javascript:alert(1)"),
        ("API_BASE_URL", "//elsewhere.example/api"),
        ("API_BASE_URL", "/\\elsewhere.example"),
        ("API_BASE_URL", "https://user:secret@api.example"),
        ("API_BASE_URL", "https://api.example; script-src *"),
        ("API_BASE_URL", 'https://api.example"; script-src *'),
        ("WS_URL", "https://api.example/ws"),
        ("WS_URL", "wss://api.example:99999/ws"),
        ("SERVER_NAME", "a; return 200 x"),
        ("SERVER_NAME", "a\nb"),
        ("API_UPSTREAMS", "api:8000; }"),
        ("API_UPSTREAMS", "api"),
        ("API_UPSTREAMS", "unix:/tmp/x"),
        ("STATIC_DIR", "/srv/$host"),
        ("STATIC_DIR", "relative"),
        ("STATIC_DIR", "/srv/a b"),
        ("MAX_INPUT_BYTES", "1g"),
        ("MAX_INPUT_BYTES", "-1"),
        ("MAX_BODY_BYTES", "0"),
        ("MAX_CONNECTIONS", "many"),
        ("HTTP_PORT", "0"),
        ("HTTP_PORT", "65536"),
        ("HTTP_PORT", "٨٠"),
        ("METRICS_NETWORKS", "all"),
        ("TRUSTED_PROXIES", "10.0.0.0/33"),
        ("LISTEN_ADDRESS", "*"),
        ("ACCESS_LOG", "syslog:server=x"),
        ("NGINX_USER", "root; daemon on"),
        ("TLS_CERTIFICATE_KEY", "/etc/tls/key.pem"),
    ],
)
def test_a_value_that_says_more_than_it_should_is_refused_by_name(
    tmp_path: Path, name: str, value: str
) -> None:
    done = render(tmp_path, **{name: value})
    assert done.returncode == 2
    named = "TLS_CERTIFICATE" if name == "TLS_CERTIFICATE_KEY" else name
    assert done.stderr.startswith(f"{named}: ")
    assert list(tmp_path.iterdir()) == []


def test_an_api_of_another_origin_is_let_through_the_policy(tmp_path: Path) -> None:
    text = rendered(tmp_path, API_BASE_URL="https://api.example:8443/v1", WS_URL="wss://ws.example/ws")
    assert "connect-src 'self' https://api.example:8443 wss://ws.example\"" in text


def test_the_maintenance_pages_hold_no_inline_code_and_nothing_from_elsewhere() -> None:
    for name in ("zh.html", "en.html"):
        page = (DEPLOY / "pages" / name).read_text(encoding="utf-8")
        assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=\"/)", page)
        assert not re.search(r"https?://", page)


def test_the_handbook_names_every_variable() -> None:
    page = (ROOT / "docs" / "nginx.md").read_text(encoding="utf-8")
    listed = {row[0]: row[1] for row in re.findall(r"^\| `([A-Z_]+)` \| (`[^`]*`|–) \|", page, re.MULTILINE)}
    source = RENDER.read_text(encoding="utf-8").partition("VARIABLES:")[2].partition("\n}\n")[0]
    known = set(re.findall(r'^    "([A-Z_]+)": \(', source, re.MULTILINE))
    assert listed.keys() == known
