"""The composition root: the only place that chooses adapters.

Callers: the CLI, tests and benchmarks. `adapters` opens what settings name, `application` puts the
services over it together, `serving` and `working` run it.
"""

from langgraph_multi_agent.bootstrap.adapters import DATABASE_FILE, database_path, new_id
from langgraph_multi_agent.bootstrap.application import (
    Application,
    configure,
    open_application,
    retention_policy,
)
from langgraph_multi_agent.bootstrap.identities import (
    first_admin_command,
    operator_identities,
    operator_services,
)
from langgraph_multi_agent.bootstrap.privacy import privacy_service
from langgraph_multi_agent.bootstrap.serving import (
    address_of,
    embedded,
    listening_socket,
    run_server,
    serve,
    serving,
    web_api,
)
from langgraph_multi_agent.bootstrap.working import run_worker, working

__all__ = [
    "DATABASE_FILE",
    "Application",
    "address_of",
    "configure",
    "database_path",
    "embedded",
    "first_admin_command",
    "listening_socket",
    "new_id",
    "open_application",
    "operator_identities",
    "operator_services",
    "privacy_service",
    "retention_policy",
    "run_server",
    "run_worker",
    "serve",
    "serving",
    "web_api",
    "working",
]
