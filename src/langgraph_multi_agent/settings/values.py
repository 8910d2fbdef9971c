"""All settings with their types and defaults, and what follows from those that were given.

Hides which text is a value of which type, and what is derived. Callers: `Settings`, which is these values
once they were found consistent, and the checks that find it out. Invariant: parsed is not yet consistent.

The environment name of a field is its alias: the field's name in upper case, with `LGMA_` in
front where the bare word would be everybody's (`LGMA_HOST`, `LGMA_LANG`). All durations are
seconds, all sizes bytes.
"""

import os
from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from langgraph_multi_agent.domain.quota import Quota
from langgraph_multi_agent.settings.addresses import is_loopback, neighbour_database, scheme_of

MIB, GIB = 1024**2, 1024**3
AGENT_MODEL_PREFIX = "LLM_MODEL_"
PREFIXED = frozenset({"data_dir", "host", "port", "profile", "lang", "teams", "teams_dir", "url", "api_key"})
"""Fields whose variable starts with `LGMA_`; their bare names belong to everybody."""

Count = Annotated[int, Field(ge=1)]
CountOrNone = Annotated[int, Field(ge=0)]
Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
RateLimit = Annotated[str, Field(pattern=r"^[1-9][0-9]{0,8}/(second|minute|hour|day)$")]
Price = Annotated[float, Field(ge=0, allow_inf_nan=False)]


def variable_of(field: str) -> str:
    """The environment variable of a field."""
    return f"LGMA_{field.upper()}" if field in PREFIXED else field.upper()


class Values(BaseSettings):
    """Parsed values; `Settings` is what the rest of the program gets."""

    model_config = SettingsConfigDict(
        frozen=True,
        extra="forbid",
        alias_generator=variable_of,
        hide_input_in_errors=True,
    )

    # Where and how the server runs
    profile: Literal["local", "production"] = "local"
    lang: Literal["zh", "en"] | None = None
    data_dir: Path
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8000
    url: str | None = None
    api_key: SecretStr | None = None
    cors_origins: tuple[str, ...] = ()

    # Who may come in
    enable_auth: bool = False
    trusted_hosts: tuple[str, ...] = ()
    trusted_proxies: tuple[str, ...] = ("127.0.0.1", "::1")
    session_idle_hours: Annotated[float, Field(gt=0, le=24 * 30)] = 12.0
    session_total_days: Annotated[float, Field(gt=0, le=365)] = 7.0
    rate_limit: RateLimit = "1200/minute"
    rate_limit_failures: RateLimit = "60/minute"
    rate_limit_login: RateLimit = "10/minute"
    tenant_tasks_in_flight: Annotated[int, Field(ge=1, lt=2**31)] | None = None
    tenant_tokens_a_day: Annotated[int, Field(ge=1, lt=2**63)] | None = None
    tenant_cost_a_day: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    oidc_issuer: str | None = None
    oidc_audience: str | None = None
    oidc_algorithms: tuple[Literal["RS256", "PS256", "ES256", "EdDSA"], ...] = ("RS256", "ES256")
    oidc_role_claim: str = "roles"
    oidc_tenant_claim: str | None = None

    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"] = "INFO"
    log_format: Literal["json", "console"] = "json"
    memory_monitoring: bool = True
    metrics_allowed_networks: tuple[IPv4Network | IPv6Network, ...] = ()

    # Teams
    teams: str | None = None
    teams_dir: Path | None = None

    # Store
    database_url: str = Field(default="", repr=False)
    database_pool_size: Count = 20
    database_max_overflow: CountOrNone = 30
    database_pool_timeout: Seconds = 30.0
    database_deadline: Seconds = 10.0
    database_prepare: bool = True
    redis_url: str | None = Field(default=None, repr=False)
    queue_redis_url: str | None = Field(default=None, repr=False)
    artifacts_url: str = ""
    checkpoints_keep: Count = 3
    retention_messages_days: Count = 30
    retention_executions_days: Count = 90
    audit_retention_days: Annotated[int, Field(ge=365)] | None = None

    # Cache
    cache_ttl: Seconds = 3600.0
    cache_max_size: Count = 10_000

    # Admission and runs
    async_workers: Count = 4
    max_concurrent_workflows: Count = 50
    task_queue_size: Count = 1000
    chat_messages_per_minute: Count = 30
    workflow_timeout: Seconds = 3600.0
    subtask_timeout: Seconds = 900.0
    pause_grace: Seconds = 30.0
    shutdown_grace: Seconds = 20.0
    lease_seconds: Seconds = 6.0
    heartbeat_seconds: Seconds = 2.0
    owner_grace_seconds: Seconds = 4.5
    reaper_healthy_seconds: Seconds = 8.0

    # Limits of plans and input
    max_subtasks: Count = 64
    max_plan_depth: Count = 16
    max_repair_rounds: CountOrNone = 2
    max_subtask_attempts: Count = 3
    recursion_limit: Annotated[int, Field(ge=10)] = 64
    max_description_chars: Count = 20_000
    max_body_bytes: Count = 1 * MIB
    max_files: Count = 32
    max_input_bytes: Count = 1 * GIB
    max_xlsx_bytes: Count = 100 * MIB

    # Offline skills
    skill_timeout: Seconds = 600.0
    skill_memory_bytes: Annotated[int, Field(ge=64 * MIB)] = 1 * GIB
    skill_concurrency: Count = Field(default_factory=lambda: max(1, min(4, os.cpu_count() or 1)))

    # Language models
    llm_provider: Literal["openai", "anthropic"] = "openai"
    llm_model: str | None = None
    llm_base_url: str | None = None
    llm_api_key: SecretStr | None = None
    llm_fallback_model: str | None = None
    llm_models: Mapping[str, str] = Field(default_factory=dict)
    llm_timeout: Seconds = 120.0
    llm_max_retries: CountOrNone = 4
    llm_price_input: Price = 0.0
    llm_price_output: Price = 0.0

    # Requests to addresses that input names
    outgoing_access: Literal["off", "listed", "public"] = "off"
    outgoing_allowed: tuple[str, ...] = ()
    outgoing_ports: tuple[Annotated[int, Field(ge=1, le=65535)], ...] = (80, 443)
    outgoing_timeout: Seconds = 20.0
    outgoing_max_bytes: Annotated[int, Field(ge=1024, le=64 * MIB)] = 4 * MIB

    def model_post_init(self, context: Any, /) -> None:
        """Derive what was not given from what was, so that one changed setting needs no second."""
        data_dir = self.data_dir.expanduser().absolute()
        heartbeat_s = self.lease_seconds / 3
        if "heartbeat_seconds" in self.model_fields_set:
            heartbeat_s = self.heartbeat_seconds
        derived: dict[str, Any] = {
            "heartbeat_seconds": heartbeat_s,
            "reaper_healthy_seconds": self.lease_seconds + heartbeat_s,
            "owner_grace_seconds": self.lease_seconds * 3 / 4,
            "subtask_timeout": min(self.subtask_timeout, self.workflow_timeout),
            "skill_timeout": min(self.skill_timeout, self.workflow_timeout),
            "max_plan_depth": min(self.max_plan_depth, self.max_subtasks),
            "max_xlsx_bytes": min(self.max_xlsx_bytes, self.max_input_bytes),
            "database_url": f"sqlite:///{data_dir / 'lgma.db'}",
            "artifacts_url": (data_dir / "artifacts").as_uri(),
            "queue_redis_url": neighbour_database(self.redis_url),
            "enable_auth": not is_loopback(self.host) or self.profile == "production",
        }
        given = self.model_fields_set
        object.__setattr__(self, "data_dir", data_dir)
        for name in derived.keys() - given:
            object.__setattr__(self, name, derived[name])

    @property
    def has_model(self) -> bool:
        """Whether any agent can ask a model."""
        return self.llm_model is not None

    def model_of(self, agent: str) -> str | None:
        """The model of an agent: its own `LLM_MODEL_<AGENT>`, else `LLM_MODEL`."""
        return self.llm_models.get(agent, self.llm_model)

    @property
    def quota(self) -> Quota:
        """What a tenant may use that has no limits of its own."""
        return Quota(
            tasks_in_flight=self.tenant_tasks_in_flight,
            tokens_a_day=self.tenant_tokens_a_day,
            cost_a_day=self.tenant_cost_a_day,
        )

    @property
    def is_sqlite(self) -> bool:
        return scheme_of(self.database_url) == "sqlite"

    @property
    def sqlalchemy_url(self) -> str:
        """The database as SQLAlchemy names it, with psycopg 3 as the driver of PostgreSQL."""
        return self.database_url if self.is_sqlite else f"postgresql+psycopg://{self.database_url.partition('://')[2]}"

    @property
    def libpq_url(self) -> str:
        """The PostgreSQL database as libpq, psycopg and its tools name it; ValueError for SQLite."""
        if self.is_sqlite:
            raise ValueError("a SQLite database has no libpq address")
        return f"postgresql://{self.database_url.partition('://')[2]}"
