"""Facts that all processes of one installation agree on, each written once.

`bootstrap` asks here which artifact storage the installation uses and what its id is. Invariant: the first value of
a name is the value for good, whoever offers another later.
"""

from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite

from langgraph_multi_agent.store import schema
from langgraph_multi_agent.store.database import Store, unit

ARTIFACT_STORAGE = "artifact_storage"
INSTALLATION_ID = "installation_id"
"""A random hex id; its first characters keep installations on one Redis server apart."""
_FACTS = schema.installation


@unit
def agree(store: Store, name: str, value: str) -> str:
    """Offer a value for a name; the value that holds, which is this one only for the first caller."""
    dialect: Any = postgresql if store.connection.dialect.name == "postgresql" else sqlite
    store.connection.execute(
        dialect.insert(_FACTS)
        .values(name=name, value=value, created_at=store.now)
        .on_conflict_do_nothing(index_elements=["name"])
    )
    return str(store.connection.scalar(select(_FACTS.c.value).where(_FACTS.c.name == name)))


def read(store: Store, name: str) -> str | None:
    """The value of a name, or None if nobody has offered one."""
    value = store.connection.scalar(select(_FACTS.c.value).where(_FACTS.c.name == name))
    return None if value is None else str(value)
