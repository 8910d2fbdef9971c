"""Tables of the main store, for SQLite and PostgreSQL alike.

Invariant: every row carries its tenant; `schema == sum of migrations`, held by a test. Names
that the operators' handbooks type by hand (tasks, workflow_executions, agent_messages, their
columns and indexes) are fixed.
"""

import re
from datetime import UTC, datetime
from typing import Any

import orjson
from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Dialect,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSON
from sqlalchemy.types import TypeDecorator, TypeEngine

from langgraph_multi_agent.domain.errors import DataRefused


def json_text(value: Any) -> str | None:
    """Compact JSON that both dialects store; None stays NULL.

    PostgreSQL has no character U+0000; in texts it becomes U+FFFD, as in SQLite for both to read the same.

    Raises:
        DataRefused: it is no JSON: another type, a lone surrogate, an integer over 64 bits.
    """
    if value is None:
        return None
    try:
        encoded = orjson.dumps(value)
    except TypeError as error:
        raise DataRefused(reason=str(error)) from error
    if b"\\u0000" in encoded:
        encoded = _ESCAPES.sub(lambda found: _REPLACEMENT if found[0] == _NUL else found[0], encoded)
    return encoded.decode()


_ESCAPES = re.compile(rb"\\(?:u[0-9a-fA-F]{4}|.)", re.DOTALL)
_NUL, _REPLACEMENT = b"\\u0000", b"\\ufffd"


class Json(TypeDecorator[Any]):
    """JSON as compact text on SQLite, as json on PostgreSQL: what is read is what was written.

    Not jsonb, which sorts keys and turns 1e16 into an integer: a replay must see what the run saw.
    """

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        is_postgresql = dialect.name == "postgresql"
        return dialect.type_descriptor(JSON(none_as_null=True) if is_postgresql else Text())

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        return value if dialect.name == "postgresql" else json_text(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        # A str from PostgreSQL is a JSON string that the driver has read already.
        return orjson.loads(value) if dialect.name != "postgresql" and isinstance(value, (str, bytes)) else value


class UtcTime(TypeDecorator[datetime]):
    """Aware UTC times: timestamptz on PostgreSQL, sortable text on SQLite."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("naive datetime")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None or value.tzinfo is UTC:
            return value
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)


metadata = MetaData()
_ID = String(36)
_ROWID = BigInteger().with_variant(Integer(), "sqlite")


def _tenant() -> Column[str]:
    return Column("tenant", String(64), nullable=False)


tasks = Table(
    "tasks",
    metadata,
    Column("id", _ID, primary_key=True),
    _tenant(),
    Column("title", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("priority", Integer, nullable=False),
    Column("team", String(64), nullable=False),
    Column("deadline", UtcTime),
    Column("assignee", Text),
    Column("language", String(8), nullable=False),
    Column("status", String(16), nullable=False),
    Column("status_detail", Text),
    Column("progress", Integer, nullable=False, server_default=text("0")),
    Column("input_data", Json, nullable=False),
    Column("files", Json, nullable=False),
    Column("budget", Json, nullable=False),
    Column("cost", Json, nullable=False),
    Column("result", Json),
    Column("error", Json),
    Column("error_message", Text),
    Column("created_at", UtcTime, nullable=False),
    Column("updated_at", UtcTime, nullable=False),
    Column("started_at", UtcTime),
    Column("completed_at", UtcTime),
    Column("generation", Integer, nullable=False, server_default=text("1")),
    Column("epoch", Integer, nullable=False, server_default=text("0")),
    Column("last_seq", Integer, nullable=False, server_default=text("0")),
    Column("control", String(16)),
    Column("control_seq", Integer, nullable=False, server_default=text("0")),
    Column("run_at", UtcTime, nullable=False),
    Column("active_s", Float, nullable=False, server_default=text("0")),
    Column("crash_count", Integer, nullable=False, server_default=text("0")),
    Column("crash_mark", Integer, nullable=False, server_default=text("0")),
    Column("protocol_version", Integer, nullable=False),
    Column("team_version", String(64)),
    Column("created_by", String(128)),
    CheckConstraint(
        "status IN ('pending', 'in_progress', 'waiting_input', 'paused', 'completed', 'failed', 'cancelled')",
        name="ck_tasks_status",
    ),
    CheckConstraint("priority BETWEEN 1 AND 4", name="ck_tasks_priority"),
    CheckConstraint("progress BETWEEN 0 AND 100", name="ck_tasks_progress"),
    Index(
        "idx_tasks_status_created",
        "status",
        "created_at",
        sqlite_where=text("status IN ('pending', 'in_progress', 'waiting_input', 'paused')"),
        postgresql_where=text("status IN ('pending', 'in_progress', 'waiting_input', 'paused')"),
    ),
    Index("idx_tasks_listed", "tenant", "created_at", "status", "priority", "assignee"),
    Index(
        "idx_tasks_assignee",
        "tenant",
        "assignee",
        "created_at",
        "status",
        "priority",
        sqlite_where=text("assignee IS NOT NULL"),
        postgresql_where=text("assignee IS NOT NULL"),
    ),
)

leases = Table(
    "leases",
    metadata,
    Column("task_id", _ID, primary_key=True),
    _tenant(),
    Column("epoch", Integer, nullable=False),
    Column("owner", String(64), nullable=False),
    Column("expires_at", UtcTime, nullable=False),
)

workflow_executions = Table(
    "workflow_executions",
    metadata,
    Column("id", _ID, primary_key=True),
    _tenant(),
    Column("task_id", _ID, nullable=False),
    Column("generation", Integer, nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("worker", String(64), nullable=False),
    Column("status", String(16), nullable=False),
    Column("error_message", Text),
    Column("created_at", UtcTime, nullable=False),
    Column("completed_at", UtcTime),
    UniqueConstraint("task_id", "epoch", name="uq_workflow_executions_task_epoch"),
    Index("idx_workflow_executions_task_id", "task_id"),
)

journal = Table(
    "journal",
    metadata,
    Column("task_id", _ID, primary_key=True),
    Column("key", String(200), primary_key=True),
    _tenant(),
    Column("epoch", Integer, nullable=False),
    Column("input_hash", String(64), nullable=False),
    Column("version", Integer, nullable=False),
    Column("result", Json),
    Column("result_digest", String(64)),
    Column("created_at", UtcTime, nullable=False),
)

agent_messages = Table(
    "agent_messages",
    metadata,
    Column("id", _ROWID, primary_key=True, autoincrement=True),
    _tenant(),
    Column("task_id", _ID, nullable=False),
    Column("seq", Integer, nullable=False),
    Column("type", String(32), nullable=False),
    Column("agent", String(64)),
    Column("subtask_id", String(128)),
    Column("data", Json, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("xid", BigInteger, nullable=False, server_default=text("0")),
    UniqueConstraint("task_id", "seq", name="uq_agent_messages_task_seq"),
    Index("idx_agent_messages_timestamp", "created_at"),
    Index("idx_agent_messages_position", "xid", "id"),
    sqlite_autoincrement=True,
)
"""`xid` is the id of the transaction that wrote the row (0 on SQLite, whose one writer makes `id`
the commit order); `(xid, id)` below the oldest running transaction is final."""

artifacts = Table(
    "artifacts",
    metadata,
    Column("task_id", _ID, primary_key=True),
    Column("name", String(255), primary_key=True),
    _tenant(),
    Column("digest", String(64), nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("media_type", String(127), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("subtask_id", String(128)),
    Column("created_at", UtcTime, nullable=False),
    Index("idx_artifacts_digest", "digest"),
)

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("tenant", String(64), primary_key=True),
    Column("key", String(255), primary_key=True),
    Column("body_hash", String(64), nullable=False),
    Column("task_id", _ID, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Index("idx_idempotency_keys_created", "created_at"),
)

model_calls = Table(
    "model_calls",
    metadata,
    Column("id", _ID, primary_key=True),
    _tenant(),
    Column("task_id", _ID, nullable=False),
    Column("subtask_id", String(128)),
    Column("agent", String(64), nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("state", String(16), nullable=False),
    Column("reserved_tokens", Integer, nullable=False),
    Column("reserved_cost", Float, nullable=False),
    Column("input_tokens", Integer, nullable=False, server_default=text("0")),
    Column("output_tokens", Integer, nullable=False, server_default=text("0")),
    Column("cost", Float, nullable=False, server_default=text("0")),
    Column("created_at", UtcTime, nullable=False),
    Index("idx_model_calls_task_id", "task_id"),
    Index("idx_model_calls_tenant_created", "tenant", "created_at"),
)

effects = Table(
    "effects",
    metadata,
    Column("task_id", _ID, primary_key=True),
    Column("key", String(200), primary_key=True),
    _tenant(),
    Column("tool", String(64), nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("state", String(16), nullable=False),
    Column("result", Json),
    Column("created_at", UtcTime, nullable=False),
    Column("updated_at", UtcTime, nullable=False),
)

agent_resets = Table(
    "agent_resets",
    metadata,
    Column("tenant", String(64), primary_key=True),
    Column("agent", String(64), primary_key=True),
    Column("count", Integer, nullable=False),
    Column("reset_at", UtcTime, nullable=False),
)

schedules = Table(
    "schedules",
    metadata,
    Column("id", _ID, primary_key=True),
    _tenant(),
    Column("name", String(128), nullable=False),
    Column("cron", String(128), nullable=False),
    Column("timezone", String(64), nullable=False),
    Column("draft", Json, nullable=False),
    Column("is_enabled", Boolean, nullable=False),
    Column("next_fire_at", UtcTime),
    Column("last_fire_at", UtcTime),
    Column("last_task_id", _ID),
    Column("last_error", Json),
    Column("created_at", UtcTime, nullable=False),
    Column("updated_at", UtcTime, nullable=False),
    Column("created_by", String(128)),
    UniqueConstraint("tenant", "name", name="uq_schedules_tenant_name"),
    Index("idx_schedules_next_fire", "next_fire_at"),
)

chat_messages = Table(
    "chat_messages",
    metadata,
    Column("id", _ID, primary_key=True),
    _tenant(),
    Column("actor", String(128), nullable=False),
    Column("type", String(8), nullable=False),
    Column("content", Text, nullable=False),
    Column("sender", String(128), nullable=False),
    Column("task_id", _ID),
    Column("data", Json, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    CheckConstraint("type IN ('user', 'ai')", name="ck_chat_messages_type"),
    Index("idx_chat_messages_actor_created", "tenant", "actor", "created_at", "id"),
)
"""`actor` is whose conversation it is, `sender` the name shown; `data` holds citations and the intent."""

feedback = Table(
    "feedback",
    metadata,
    Column("id", _ID, primary_key=True),
    _tenant(),
    Column("actor", String(128), nullable=False),
    Column("type", String(32), nullable=False),
    Column("rating", Integer),
    Column("message", Text, nullable=False),
    Column("context", Json, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    CheckConstraint("rating BETWEEN 1 AND 5", name="ck_feedback_rating"),
    Index("idx_feedback_created", "created_at", "id"),
)

user_settings = Table(
    "user_settings",
    metadata,
    Column("tenant", String(64), primary_key=True),
    Column("actor", String(128), primary_key=True),
    Column("name", String(64), primary_key=True),
    Column("value", Json, nullable=False),
    Column("updated_at", UtcTime, nullable=False),
)

imports = Table(
    "imports",
    metadata,
    Column("id", _ID, primary_key=True),
    _tenant(),
    Column("actor", String(128), nullable=False),
    Column("is_complete", Boolean, nullable=False),
    Column("settings", Json, nullable=False),
    Column("created_at", UtcTime, nullable=False),
)
"""Imports under way on SQLite: until one `is_complete`, its rows belong to a tenant that nobody is."""

users = Table(
    "users",
    metadata,
    Column("id", _ID, primary_key=True),
    _tenant(),
    Column("name", String(64), nullable=False),
    Column("role", Integer, nullable=False),
    Column("password_hash", Text, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("updated_at", UtcTime, nullable=False),
    Column("disabled_at", UtcTime),
    Column("generation", Integer, nullable=False, server_default=text("1")),
    Column("name_key", String(256)),
    CheckConstraint("role BETWEEN 1 AND 4", name="ck_users_role"),
    UniqueConstraint("name", name="uq_users_name"),
    Index("uq_users_name_key", "name_key", unique=True),
)
"""`generation` grows with each change that ends sessions: a new password, a new role, being disabled.

`name_key`: the name without its case and width; NULL where somebody older has the same (revision 0009).
"""

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", String(16), primary_key=True),
    _tenant(),
    Column("name", String(64), nullable=False),
    Column("role", Integer, nullable=False),
    Column("scopes", Json),
    Column("digest", String(64), nullable=False),
    Column("created_by", String(128), nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("expires_at", UtcTime),
    Column("revoked_at", UtcTime),
    CheckConstraint("role BETWEEN 1 AND 4", name="ck_api_keys_role"),
    Index("idx_api_keys_tenant_created", "tenant", "created_at", "id"),
)
"""`digest` is SHA-256 of the secret part, 256 random bits: nothing to guess, so nothing to slow down."""

sessions = Table(
    "sessions",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    Column("value", LargeBinary, nullable=False),
    Column("expires_at", UtcTime, nullable=False),
    Index("idx_sessions_expires", "expires_at"),
    info={"owner": "installation"},
)
"""Of people who are logged in, where there is no Redis."""

audit_log = Table(
    "audit_log",
    metadata,
    Column("seq", _ROWID, primary_key=True, autoincrement=False),
    _tenant(),
    Column("at", UtcTime, nullable=False),
    Column("actor", String(128), nullable=False),
    Column("means", String(16), nullable=False),
    Column("action", String(64), nullable=False),
    Column("target", Text, nullable=False),
    Column("result", String(32), nullable=False),
    Column("request_id", String(64), nullable=False),
    Column("address", String(64), nullable=False),
    Column("details", Json, nullable=False),
    Column("hash", String(64), nullable=False),
    Index("idx_audit_log_tenant_seq", "tenant", "seq"),
)
"""`hash` is over the row and the hash before it."""

quotas = Table(
    "quotas",
    metadata,
    Column("tenant", String(64), primary_key=True),
    Column("tasks_in_flight", Integer),
    Column("tokens_a_day", BigInteger),
    Column("cost_a_day", Float),
    Column("updated_at", UtcTime, nullable=False),
)
"""What a tenant may use, where it differs from the settings; None: as the settings say."""

installation = Table(
    "installation",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("value", Text, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    info={"owner": "installation"},
)
"""What all processes of one installation agree on, such as the marker of their artifact storage."""

checkpoints = Table(
    "checkpoints",
    metadata,
    Column("thread_id", Text, primary_key=True, nullable=False),
    Column("checkpoint_ns", Text, primary_key=True, nullable=False, server_default=text("''")),
    Column("checkpoint_id", Text, primary_key=True, nullable=False),
    Column("parent_checkpoint_id", Text),
    Column("type", Text),
    Column("checkpoint", LargeBinary),
    Column("metadata", LargeBinary),
    info={"owner": "langgraph"},
)

checkpoint_writes = Table(
    "writes",
    metadata,
    Column("thread_id", Text, primary_key=True, nullable=False),
    Column("checkpoint_ns", Text, primary_key=True, nullable=False, server_default=text("''")),
    Column("checkpoint_id", Text, primary_key=True, nullable=False),
    Column("task_id", Text, primary_key=True, nullable=False),
    Column("task_path", Text, nullable=False, server_default=text("''")),
    Column("idx", Integer, primary_key=True, nullable=False),
    Column("channel", Text, nullable=False),
    Column("type", Text),
    Column("value", LargeBinary),
    info={"owner": "langgraph"},
)
