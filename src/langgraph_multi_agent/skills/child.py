"""The child process: one request on stdin, one JSON line on stdout, then gone.

Started only by `runner`. Invariant: whatever happens, it dies with its parent, opens no network
connection, stays within its memory limit, and answers `{"result": …}` or `{"fault": …}`.
Imports the standard library only; the skill brings what it needs.
"""

import ctypes
import json
import os
import signal
import sys
import threading
from collections.abc import Mapping
from typing import Any

from langgraph_multi_agent.domain.errors import Fault, LimitExceeded, SkillFailed
from langgraph_multi_agent.skills.registry import skill

_PR_SET_PDEATHSIG = 1
_NETWORK_EVENTS = ("socket.connect", "socket.bind", "socket.getaddrinfo", "socket.gethostbyname")


def die_with_parent(parent_pid: int) -> None:
    """Ask the kernel for SIGKILL when the parent goes; leave at once if it has already gone."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent_pid:
        os._exit(1)


def watch_stdin() -> None:
    """Leave when stdin closes: the parent holds it open for as long as it wants the answer."""

    def wait() -> None:
        while os.read(0, 4096):
            pass
        os._exit(1)

    threading.Thread(target=wait, name="stdin-watch", daemon=True).start()


def limit_memory(limit_bytes: int) -> None:
    """Bound private memory. Address space is not bounded: libraries reserve far more than they use."""
    try:
        import resource
    except ImportError:
        return
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        resource.setrlimit(resource.RLIMIT_DATA, (limit_bytes, limit_bytes))


def refuse_network() -> None:
    """Make every attempt of Python code to reach the network an error."""

    def audit(event: str, _: tuple[Any, ...]) -> None:
        if event in _NETWORK_EVENTS:
            raise PermissionError(f"a skill may not use the network ({event})")

    sys.addaudithook(audit)


def answer(request: Mapping[str, Any]) -> dict[str, Any]:
    """Run the skill and put its result, or what went wrong, into the answer's form."""
    name = str(request["skill"])
    try:
        result = skill(name)(request["params"])
        # Serialised here, so that a result that is no JSON is the skill's fault.
        json.dumps(result, allow_nan=False)
        return {"result": result}
    except Fault as fault:
        return _fault(fault)
    except MemoryError:
        return _fault(LimitExceeded(limit="memory", skill=name))
    except Exception as error:
        if type(error).__name__ == "OutOfMemoryException":
            return _fault(LimitExceeded(limit="memory", skill=name))
        failed = SkillFailed(skill=name, reason="error", detail=_describe(error))
        return _fault(failed)


def _describe(error: BaseException) -> str:
    """Type, message and place: enough to find the fault, without a trace full of paths."""
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    where = ""
    if place is not None:
        where = f" ({place.tb_frame.f_code.co_filename.rpartition(os.sep)[2]}:{place.tb_lineno})"
    return f"{type(error).__name__}: {error}"[:500] + where


def _fault(fault: Fault) -> dict[str, Any]:
    params = {k: v if isinstance(v, (int, float, bool)) else str(v) for k, v in fault.params.items()}
    return {"fault": {"class": type(fault).__name__, "params": params}}


def main() -> None:
    request = json.loads(sys.stdin.buffer.readline())
    die_with_parent(request["parent_pid"])
    watch_stdin()
    limit_memory(request["memory_bytes"])
    refuse_network()
    # Whatever a library prints must not land in the answer.
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    body = json.dumps(answer(request), ensure_ascii=False, allow_nan=False).encode()
    out.write(body + b"\n")
    out.flush()
    # Skips finalisers: temporary files belong to the parent, and the watch thread still reads.
    os._exit(0)


if __name__ == "__main__":
    main()
