"""Every setting, parsed once and frozen.

Hides where values come from (environment, explicit overrides) and how text becomes a typed
value. `bootstrap` calls `Settings.load` and passes the result; nobody imports a value from here.
Invariant: a `Settings` that exists is consistent; a contradictory or unsafe one was refused
with `SettingsUnsafe`, which names the environment variable.

The environment name of a field is its alias: the field's name in upper case, with `LGMA_` in
front where the bare word would be everybody's (`LGMA_HOST`, `LGMA_LANG`). All durations are
seconds, all sizes bytes. Texts for people: `i18n/settings.py`.
"""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from langgraph_multi_agent.domain.errors import SettingsUnsafe

MIB, GIB = 1024**2, 1024**3
AGENT_MODEL_PREFIX = "LLM_MODEL_"
PREFIXED = frozenset({"data_dir", "host", "port", "profile", "lang", "teams", "teams_dir"})
"""Fields whose variable starts with `LGMA_`; their bare names belong to everybody."""

Count = Annotated[int, Field(ge=1)]
CountOrNone = Annotated[int, Field(ge=0)]
Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Price = Annotated[float, Field(ge=0, allow_inf_nan=False)]


def variable_of(field: str) -> str:
    """The environment variable of a field."""
    return f"LGMA_{field.upper()}" if field in PREFIXED else field.upper()


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingInfo:
    """What documentation and `doctor` say of one setting; `default` is None when it is derived."""

    field: str
    variable: str
    default: Any
    is_secret: bool


class Settings(BaseSettings):
    """All settings. Build it with `Settings.load`, never directly."""

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
    cors_origins: tuple[str, ...] = ()
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"] = "INFO"
    log_format: Literal["json", "console"] = "json"
    memory_monitoring: bool = True

    # Teams
    teams: str | None = None
    teams_dir: Path | None = None

    # Store
    database_url: str = Field(default="", repr=False)
    database_pool_size: Count = 20
    database_max_overflow: CountOrNone = 30
    database_pool_timeout: Seconds = 30.0
    checkpoints_keep: Count = 3

    # Admission and runs
    max_concurrent_workflows: Count = 50
    task_queue_size: Count = 1000
    workflow_timeout: Seconds = 3600.0
    subtask_timeout: Seconds = 900.0
    pause_grace: Seconds = 30.0
    shutdown_grace: Seconds = 20.0
    lease_seconds: Seconds = 6.0
    heartbeat_seconds: Seconds = 2.0
    owner_grace_seconds: Seconds = 4.5

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

    @classmethod
    def load(cls, env: Mapping[str, str] | None = None, **overrides: Any) -> Self:
        """Parse the environment.

        Args:
            env: variable → text; None reads the process's environment. Empty text counts as
                unset. Lists are JSON (`CORS_ORIGINS='["https://a.example"]'`). Names are exact.
            overrides: field name → value, stronger than the environment (command-line options).

        Raises:
            SettingsUnsafe: a value does not parse, or values contradict each other or are
                unsafe. `params` hold `setting` (the variable) and `reason` (a code, text in
                `settings.reason.<code>`); `errors` hold one entry for each fault found.
        """
        environment = os.environ if env is None else env
        unknown = overrides.keys() - cls.model_fields.keys()
        if unknown:
            raise TypeError(f"no such setting: {min(unknown)}")
        source = EnvSettingsSource(cls, case_sensitive=True, env_ignore_empty=True)
        source.env_vars = {
            name: value for name, value in environment.items() if value and name != variable_of("llm_models")
        }
        try:
            values = source()
        except SettingsError as error:
            raise _refusal([_fault("CORS_ORIGINS", "not_json", "not valid JSON")]) from error
        values[variable_of("llm_models")] = _agent_models(environment)
        values.setdefault(variable_of("data_dir"), _default_data_dir(environment))
        values.update((variable_of(name), value) for name, value in overrides.items())
        try:
            settings = cls(**values)
        except ValidationError as error:
            raise _refusal(
                [
                    _fault(
                        str(item["loc"][0]) if item["loc"] else "",
                        "invalid_value",
                        item["msg"],
                        rule=item["type"],
                    )
                    for item in error.errors(include_url=False, include_input=False, include_context=False)
                ]
            ) from None
        faults = list(_contradictions(settings))
        if faults:
            raise _refusal(faults)
        return settings

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what `load` hands over: the environment is read in one place."""
        return (init_settings,)

    def model_post_init(self, context: Any, /) -> None:
        """Derive what was not given from what was, so that one changed setting needs no second."""
        data_dir = self.data_dir.expanduser().absolute()
        derived: dict[str, Any] = {
            "heartbeat_seconds": self.lease_seconds / 3,
            "owner_grace_seconds": self.lease_seconds * 3 / 4,
            "subtask_timeout": min(self.subtask_timeout, self.workflow_timeout),
            "skill_timeout": min(self.skill_timeout, self.workflow_timeout),
            "max_plan_depth": min(self.max_plan_depth, self.max_subtasks),
            "max_xlsx_bytes": min(self.max_xlsx_bytes, self.max_input_bytes),
            "database_url": f"sqlite:///{data_dir / 'lgma.db'}",
        }
        given = self.model_fields_set
        object.__setattr__(self, "data_dir", data_dir)
        for name in derived.keys() - given:
            object.__setattr__(self, name, derived[name])

    @classmethod
    def describe(cls) -> Iterator[SettingInfo]:
        """All settings in the order of the class, for documentation and `doctor`."""
        for name, field in cls.model_fields.items():
            variable = f"{AGENT_MODEL_PREFIX}<AGENT>" if name == "llm_models" else variable_of(name)
            yield SettingInfo(
                field=name,
                variable=variable,
                default=_shown_default(field),
                is_secret=name in {"llm_api_key", "database_url"},
            )

    @property
    def has_model(self) -> bool:
        """Whether any agent can ask a model."""
        return self.llm_model is not None

    def model_of(self, agent: str) -> str | None:
        """The model of an agent: its own `LLM_MODEL_<AGENT>`, else `LLM_MODEL`."""
        return self.llm_models.get(agent, self.llm_model)

    @property
    def is_sqlite(self) -> bool:
        return self.database_url.startswith("sqlite")


def _default_data_dir(env: Mapping[str, str]) -> Path:
    base = env.get("XDG_DATA_HOME") or "~/.local/share"
    return Path(base).expanduser() / "lgma-data"


def _agent_models(env: Mapping[str, str]) -> dict[str, str]:
    return {
        name.removeprefix(AGENT_MODEL_PREFIX).lower(): value
        for name, value in env.items()
        if name.startswith(AGENT_MODEL_PREFIX) and value
    }


def _shown_default(field: FieldInfo) -> Any:
    return None if field.is_required() or field.default_factory else field.default


def _fault(setting: str, reason: str, message: str, **params: Any) -> dict[str, Any]:
    return {"field": setting, "code": reason, "message": message, **params}


def _refusal(faults: list[dict[str, Any]]) -> SettingsUnsafe:
    first = faults[0]
    return SettingsUnsafe(
        errors=faults, setting=first["field"], reason=first["code"], detail=first["message"]
    )


def _contradictions(s: Settings) -> Iterator[dict[str, Any]]:
    yield from _order_faults(s)
    yield from _model_faults(s)
    yield from _network_faults(s)
    if s.teams is not None and not _names_attribute(s.teams):
        yield _fault("LGMA_TEAMS", "not_module_attribute", "has the form module:attribute")
    if not s.database_url.startswith(("sqlite", "postgresql")):
        yield _fault("DATABASE_URL", "database_unknown", "must be a sqlite or postgresql URL")


def _order_faults(s: Settings) -> Iterator[dict[str, Any]]:
    """Values that must stand in a certain order to each other."""
    if s.heartbeat_seconds >= s.lease_seconds / 2:
        yield _fault("HEARTBEAT_SECONDS", "heartbeat_too_slow", "must be below LEASE_SECONDS / 2")
    if s.owner_grace_seconds >= s.lease_seconds:
        yield _fault("OWNER_GRACE_SECONDS", "grace_not_below_lease", "must be below LEASE_SECONDS")
    if s.owner_grace_seconds <= s.heartbeat_seconds:
        yield _fault("OWNER_GRACE_SECONDS", "grace_not_above_heartbeat", "must exceed HEARTBEAT_SECONDS")
    for smaller, larger in (
        ("subtask_timeout", "workflow_timeout"),
        ("skill_timeout", "workflow_timeout"),
        ("max_plan_depth", "max_subtasks"),
        ("max_xlsx_bytes", "max_input_bytes"),
    ):
        if getattr(s, smaller) > getattr(s, larger):
            limit = variable_of(larger)
            yield _fault(variable_of(smaller), "above_limit", f"must not exceed {limit}", limit=limit)


def _model_faults(s: Settings) -> Iterator[dict[str, Any]]:
    if s.llm_model is None:
        wanting = [f"{AGENT_MODEL_PREFIX}{agent.upper()}" for agent in s.llm_models]
        wanting += ["LLM_FALLBACK_MODEL"] if s.llm_fallback_model else []
        for setting in wanting:
            yield _fault(setting, "model_missing", "needs LLM_MODEL")
    elif s.llm_fallback_model == s.llm_model:
        yield _fault("LLM_FALLBACK_MODEL", "fallback_is_primary", "must differ from LLM_MODEL")
    if s.llm_base_url is not None:
        url = urlsplit(s.llm_base_url)
        if url.scheme not in {"http", "https"} or not url.hostname:
            yield _fault("LLM_BASE_URL", "not_http_url", "must be an http(s) URL")
        elif url.username or url.password:
            yield _fault("LLM_BASE_URL", "credentials_in_url", "put the key into LLM_API_KEY")


def _network_faults(s: Settings) -> Iterator[dict[str, Any]]:
    is_production = s.profile == "production"
    for origin in s.cors_origins:
        url = urlsplit(origin)
        if origin == "*":
            if is_production:
                yield _fault("CORS_ORIGINS", "cors_wildcard", "no wildcard in production")
        elif url.scheme not in {"http", "https"} or not url.netloc or url.path or url.query:
            yield _fault("CORS_ORIGINS", "cors_not_origin", "each entry is scheme://host[:port]")
        elif is_production and url.scheme != "https":
            yield _fault("CORS_ORIGINS", "cors_not_https", "https only in production")


def _names_attribute(value: str) -> bool:
    """Whether every comma-separated part is `module:attribute`."""
    for part in value.split(","):
        module, colon, attribute = part.strip().partition(":")
        if not (colon and attribute.isidentifier() and all(p.isidentifier() for p in module.split("."))):
            return False
    return True
