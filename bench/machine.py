"""What a figure was measured on."""

import os
import platform
import sqlite3
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil

DISTRIBUTIONS = (
    "fastapi", "langgraph", "langgraph-checkpoint-postgres", "langgraph-checkpoint-sqlite", "psycopg",
    "sqlalchemy", "uvicorn", "uvloop",
)  # fmt: skip


def describe() -> dict[str, Any]:
    """Processor count, load, and the versions that matter."""
    return {
        "cores": os.cpu_count(),
        "load": [round(value, 2) for value in os.getloadavg()],
        "python": platform.python_version(),
        "system": platform.system(),
        "sqlite": sqlite3.sqlite_version,
        **{name: version(name) for name in DISTRIBUTIONS},
        "processor": _processor(),
        "memory_mb": psutil.virtual_memory().total // 10**6,
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "")
