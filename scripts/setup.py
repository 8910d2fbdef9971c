"""Builds the private environment `.venv` from the locked requirements: `setup.py runtime|dev`.

Called by every make target, with any Python 3.11+. Invariants: what is installed has the hashes of
the lock; a finished environment is recognised without network; an unfinished one is built anew;
`dev` contains `runtime`, and an environment that is `dev` stays so.
"""

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
STAMP = VENV / "lgma-setup.json"
UNFINISHED = VENV / "lgma-setup-unfinished"
REQUIREMENTS = ROOT / "requirements"
LEVELS = ("runtime", "dev")


class SetupFailed(Exception):
    """An installer ended with an error; its own output has said why."""


def say(line: str) -> None:
    print(f"setup: {line}", file=sys.stderr, flush=True)


def digest_of(level: str) -> str:
    """Digest of all that decides what the environment holds, its place included."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    parts = [str(ROOT), json.dumps([project["build-system"], project["project"]], sort_keys=True)]
    locks = ("build", *LEVELS[: LEVELS.index(level) + 1])
    parts += [(REQUIREMENTS / f"{name}.lock").read_text(encoding="utf-8") for name in locks]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def stamp() -> dict[str, str]:
    """What the environment says of itself: level and digest; empty if it is not finished."""
    if UNFINISHED.exists() or not (VENV / "bin" / "python").exists():
        return {}
    try:
        content = json.loads(STAMP.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if content.get("level") in LEVELS else {}


def is_ready(level: str) -> bool:
    found = stamp()
    return (
        bool(found)
        and LEVELS.index(found["level"]) >= LEVELS.index(level)
        and found["digest"] == digest_of(found["level"])
    )


def run(*argv: str | Path) -> None:
    foreign = ("VIRTUAL_ENV", "PYTHONPATH", "PYTHONHOME")
    environment = {name: value for name, value in os.environ.items() if name not in foreign}
    if subprocess.run([str(part) for part in argv], cwd=ROOT, env=environment, check=False).returncode:
        raise SetupFailed


def create(*creator: str | Path) -> None:
    """An empty environment, marked as unfinished from its first moment."""
    shutil.rmtree(VENV, ignore_errors=True)
    VENV.mkdir()
    UNFINISHED.touch()
    run(*creator)


def install_with_uv(uv: str, level: str, *, keep: bool) -> None:
    if not keep:
        create(uv, "venv", "--quiet", "--allow-existing", "--python", sys.executable, VENV)
    pip = (uv, "pip")
    into = ("--python", VENV / "bin" / "python", "--quiet")
    locked = ("--require-hashes", "--no-build-isolation", "--compile-bytecode")
    build, packages = REQUIREMENTS / "build.lock", REQUIREMENTS / f"{level}.lock"
    run(*pip, "install", *into, "--require-hashes", "-r", build)
    run(*pip, "sync", *into, *locked, build, packages)
    run(*pip, "install", *into, "--no-deps", "--no-build-isolation", "--editable", ROOT)


def install_with_pip(level: str, *, keep: bool) -> None:
    if not keep:
        create(sys.executable, "-m", "venv", VENV)
    pip = (VENV / "bin" / "python", "-m", "pip", "--disable-pip-version-check", "install", "--quiet")
    locked = ("--require-hashes", "--no-deps")
    run(*pip, *locked, "--requirement", REQUIREMENTS / "build.lock")
    run(*pip, *locked, "--no-build-isolation", "--requirement", REQUIREMENTS / f"{level}.lock")
    run(*pip, "--no-deps", "--no-build-isolation", "--editable", ROOT)


def install(level: str) -> None:
    """Bring the environment to the level, with uv where it is present and works."""
    found = stamp()
    if found:
        level = LEVELS[max(LEVELS.index(level), LEVELS.index(found["level"]))]
        UNFINISHED.touch()
    what = "what the program needs" if level == "runtime" else "what the program and its tests need"
    uv = shutil.which("uv")
    if uv and os.environ.get("LGMA_SETUP_WITH") != "pip":
        say(f"installing {what} into .venv with uv (once; later runs need no network)")
        try:
            install_with_uv(uv, level, keep=bool(found))
        except SetupFailed:
            say("uv did not manage it; trying again with pip")
            install_with_pip(level, keep=False)
    else:
        say(f"installing {what} into .venv with pip (once, a minute or two; later runs need no network)")
        # pip adds but does not remove: only the step from runtime to dev may build on what is there.
        grows = bool(found) and found["level"] == "runtime" and found["digest"] == digest_of("runtime")
        install_with_pip(level, keep=grows)
    STAMP.write_text(json.dumps({"level": level, "digest": digest_of(level)}), encoding="utf-8")
    UNFINISHED.unlink()
    say("ready")


def main(level: str) -> int:
    if is_ready(level):
        return 0
    # Two make commands at once: the second waits, then finds the work done.
    with Path(__file__).open(encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if is_ready(level):
            return 0
        if VENV.exists() and not stamp():
            say("the environment in .venv is unfinished or not ours: building it anew")
        try:
            install(level)
        except SetupFailed:
            say("an installer failed, see its message above; run the command again to start over")
            return 1
    return 0


if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1] not in LEVELS:
        sys.exit(f"usage: {sys.argv[0]} {'|'.join(LEVELS)}")
    sys.exit(main(sys.argv[1]))
