"""What a figure was measured on."""

import os
import platform
import sqlite3
from importlib.metadata import version
from typing import Any


def describe() -> dict[str, Any]:
    """Processor count, load, and the versions that matter."""
    return {
        "cores": os.cpu_count(),
        "load": [round(value, 2) for value in os.getloadavg()],
        "python": platform.python_version(),
        "system": platform.system(),
        "sqlite": sqlite3.sqlite_version,
        "langgraph": version("langgraph"),
        "langgraph-checkpoint-sqlite": version("langgraph-checkpoint-sqlite"),
    }
