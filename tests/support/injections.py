"""Words that do something where they are read as code, and every place of our API that takes words.

Callers: `tests/contract/test_injection.py`. Invariant: places are found in the OpenAPI description, so
that a new field is tried by itself; each word would leave a mark if it ran: a table, a step of `canary()`,
a file, a product of two numbers, or a record of its own in the log.
"""

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import quote

PRODUCT = "9801547"
"""1337 * 7331: it is in no answer by chance."""
FORGED = "forged-record"


def payloads(directory: Path) -> dict[str, str]:
    """By what they try. Commands would make files in `directory`."""
    sql = [
        "' OR '1'='1",
        "' OR canary()=canary() --",
        "'; SELECT canary(); --",
        "'; DROP TABLE users; --",
        "\"; DELETE FROM users; --",
        "'; UPDATE users SET role='admin'; CREATE TABLE injected(x int); --",
        "' UNION SELECT canary(), password_hash FROM users --",
        "1; SELECT pg_sleep(600), canary()",
        "'||(SELECT canary())||'",
        "%' AND canary()=1 AND '%'='",
        "') OR randomblob(1000000000) IS NULL OR canary() IN ('",
        "x'); ATTACH DATABASE '{place}/attached.db' AS a; --",
        "$$; SELECT canary(); $$",
        "\\'; SELECT canary(); --",
        "%_[]\\",
    ]
    command = [
        "$(touch {place}/a)",
        "`touch {place}/b`",
        "; touch {place}/c ;",
        "| touch {place}/d",
        "&& touch {place}/e &",
        "\n touch {place}/f \n",
        "--output={place}/g",
        "__import__('os').system('touch {place}/h')",
        "!!python/object/apply:os.system ['touch {place}/i']",
    ]
    template = [
        "{{1337*7331}}",
        "${1337*7331}",
        "#{1337*7331}",
        "<%= 1337*7331 %>",
        "*{1337*7331}",
        "{0.__class__.__init__.__globals__}",
        "{name.__class__} {title!r} {} {0}",
        "%(password)s %s %d %n %99999999d",
        "{{ cycler.__init__.__globals__ }}",
        "$${jndi:ldap://127.0.0.1/x}",
    ]
    log = [
        f'x\r\n{{"message":"{FORGED}","log.level":"error"}}\r\n',
        f'"}}\n{{"message":"{FORGED}"}}',
        f'\u2028{{"message":"{FORGED}"}}\u2029',
        f'\x85{{"message":"{FORGED}"}}',
        "\x1b[2J\x1b[31mred\x9b1mbold\x07",
        "x\r\nSet-Cookie: lgma_session=mine\r\n\r\n<script>",
    ]
    other = [
        "*)(uid=*))(|(uid=*",
        '{"$ne": null}',
        "'; return true; var x='",
        "a\x00b",
        "../../../../etc/passwd",
        "..\\..\\windows\\win.ini",
        "/proc/self/environ",
        "file:///etc/passwd",
        "\ufeff\u202e\u200b\u0301" * 9,
        "\U0001f4a3" * 70,
        "\x7f\x08\x0b\x0c",
        "A" * 4000,
        "-1e400",
        "9" * 400,
        "NaN",
        "__proto__",
        "true",
    ]
    named = {"sql": sql, "command": command, "template": template, "log": log, "other": other}
    return {
        f"{kind} {number}": text.replace("{place}", str(directory))
        for kind, texts in named.items()
        for number, text in enumerate(texts)
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One field of one operation. `path` is where it is in the body; a tuple that ends in a name."""

    label: str
    where: str
    name: str
    path: tuple[str | int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What to send: an address that is quoted already, and arguments of httpx."""

    method: str
    address: str
    options: Mapping[str, Any]


class Description:
    """An OpenAPI document, read for its places."""

    def __init__(self, document: Mapping[str, Any], known: Mapping[str, Mapping[str, str]]) -> None:
        self._document, self._known = document, known
        self.operations: dict[str, dict[str, Any]] = {
            f"{method.upper()} {path}": operation
            for path, methods in document["paths"].items()
            for method, operation in methods.items()
        }

    def places(self) -> Iterator[Place]:
        """Every parameter, and every text of every body."""
        for label, operation in self.operations.items():
            for parameter in operation.get("parameters", ()):
                yield Place(label=label, where=parameter["in"], name=parameter["name"])
            content = operation.get("requestBody", {}).get("content", {})
            if "application/json" in content:
                described = content["application/json"]
                shown = described.get("examples", {}).get("default", {}).get("value", {})
                found = {*self._texts(described["schema"], ()), *_texts_of(shown, ())}
                for path in sorted(found, key=str):
                    yield Place(label=label, where="json", name=".".join(map(str, path)), path=path)
            form = content.get("multipart/form-data", {}).get("schema", {}).get("properties", {})
            for name in form:
                yield Place(label=label, where="form", name=name)
            if "files" in form:
                yield Place(label=label, where="file", name="filename")

    def _texts(self, schema: Mapping[str, Any], path: tuple[str | int, ...]) -> Iterator[tuple[str | int, ...]]:
        if "$ref" in schema:
            schema = self._document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        for option in (*schema.get("anyOf", ()), *schema.get("allOf", ()), *schema.get("oneOf", ())):
            yield from self._texts(option, path)
        kind = schema.get("type")
        if kind == "object":
            for name, inner in schema.get("properties", {}).items():
                yield from self._texts(inner, (*path, name))
            if schema.get("additionalProperties", True) is not False and "properties" not in schema:
                yield (*path, "anything")
        elif kind == "array":
            yield from self._texts(schema.get("items", {}), (*path, 0))
        elif path:
            yield path  # numbers too: somebody may send a text for one

    def request(self, place: Place, text: str) -> Request:
        """A request that is right but for the text at its place."""
        operation = self.operations[place.label]
        method, template = place.label.split(" ")
        known = self._known.get(place.label, {})
        address = template
        for parameter in operation.get("parameters", ()):
            if parameter["in"] == "path":
                name = parameter["name"]
                is_here = (place.where, place.name) == ("path", name)
                value = text if is_here else known.get(name, "none")
                address = address.replace(f"{{{name}}}", quote(value, safe=""))
        options: dict[str, Any] = {}
        headers: dict[str, Any] = {}
        if place.where == "query":
            address += f"?{quote(place.name)}={quote(text, safe='')}"
        elif place.where == "header":
            headers[place.name] = text.encode("utf-8", "replace")
        content = operation.get("requestBody", {}).get("content", {})
        if place.where in ("form", "file"):
            fields = {"description": "words", "name": "words"}
            if place.where == "form":
                fields[place.name] = text
            allowed = content["multipart/form-data"]["schema"]["properties"]
            file_name = text if place.where == "file" else "a.csv"
            options["data"] = {name: value for name, value in fields.items() if name in allowed}
            options["files"] = {"files": (file_name, b"a,b\n1,2\n")}
        elif "application/json" in content:
            shown = content["application/json"].get("examples", {}).get("default", {}).get("value", {})
            options["json"] = _with_text(shown, place.path, text) if place.where == "json" else shown
        return Request(method=method, address=address, options={**options, "headers": headers})


def _texts_of(value: Any, path: tuple[str | int, ...]) -> Iterator[tuple[str | int, ...]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _texts_of(inner, (*path, name))
    elif isinstance(value, list):
        if value:
            yield from _texts_of(value[0], (*path, 0))
    elif path:
        yield path


def _with_text(shown: Any, path: tuple[str | int, ...], text: str) -> Any:
    body = copy.deepcopy(shown)
    node: Any = body
    for step, following in pairwise(path):
        inner: Any = [] if isinstance(following, int) else {}
        if isinstance(step, int):
            if not node:
                node.append(inner)
            elif not isinstance(node[step], type(inner)):
                node[step] = inner
        elif not isinstance(node.get(step), type(inner)):
            node[step] = inner
        node = node[step]
    last = path[-1]
    if isinstance(last, int):
        node[:] = [text]
    else:
        if last == "anything":  # a name of one's own, and what it holds
            node[text] = text
        node[last] = text
    return body
