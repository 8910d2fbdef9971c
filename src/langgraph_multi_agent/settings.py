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
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, collapse_addresses, ip_address, ip_network
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from pydantic import Field, PrivateAttr, SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from langgraph_multi_agent.domain.errors import SettingsUnsafe
from langgraph_multi_agent.domain.quota import Quota

MIB, GIB = 1024**2, 1024**3
AGENT_MODEL_PREFIX = "LLM_MODEL_"
PREFIXED = frozenset({"data_dir", "host", "port", "profile", "lang", "teams", "teams_dir", "url", "api_key"})
"""Fields whose variable starts with `LGMA_`; their bare names belong to everybody."""

SECRETS = frozenset({"api_key", "llm_api_key", "database_url", "redis_url", "queue_redis_url"})
"""Fields that may hold a password: never in `repr`, a log or an error."""
_SECRET_NAME = re.compile(r"(?:KEY|SECRET|TOKEN|PASSWORD|PASSWD|PASSPHRASE|CREDENTIALS?)$", re.IGNORECASE)
MIN_PRODUCTION_SECRET_CHARS = 12
KNOWN_SECRETS = frozenset(
    "changeme changeit password passwort secret mysecretpassword mysecret yourpassword yoursecret yoursecretpassword"
    " yourapikey yourkey yourtoken supersecret topsecret postgres postgresql redis admin administrator root user"
    " default example test guest demo lgma langgraph letmein welcome qwerty qwertyuiop password1234 passw0rd"
    " minioadmin minio correcthorsebatterystaple replaceme todo none null empty".split()
)
"""What examples and images come with, without their case, digits at the end and signs between words."""
MIN_SECRET_CHARS = 8
"""A shorter value under such a name is rather a word than a secret."""
POSTGRESQL = frozenset({"postgres", "postgresql", "postgresql+psycopg"})
REDIS = frozenset({"redis", "rediss", "unix"})
POSTGRESQL_CREDENTIALS = frozenset({"password", "passfile", "service", "sslcert", "krbsrvname"})
"""Options of libpq that say how it shows who it is; the environment has them with `PG` in front."""
INNER_SUFFIXES = frozenset("arpa corp home internal intranet lan local localdomain localhost private svc test".split())
"""Last labels of names that only a network of one's own knows."""
ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT")
REDIS_PORT, REDIS_LAST_DATABASE = 6379, 15
"""A Redis server has 16 databases unless it was told otherwise."""

_HOST_PATTERN = re.compile(
    r"(?:\*\.)?(?!(?:[^.]*\.)*(?:0x[0-9a-f]*|[0-9]+)\.?$)[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?"
    r"(?:\.[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?)*\.?",
    re.IGNORECASE,
)
"""A host name, or `*.` and one; not what a browser would read as an IPv4 address."""

Count = Annotated[int, Field(ge=1)]
CountOrNone = Annotated[int, Field(ge=0)]
Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
RateLimit = Annotated[str, Field(pattern=r"^[1-9][0-9]{0,8}/(second|minute|hour|day)$")]
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


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingWarning:
    """A combination that works and has a price; text in `settings.warning.<code>`."""

    setting: str
    code: str
    params: Mapping[str, Any] = field(default_factory=dict)


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

    _others_secrets: tuple[str, ...] = PrivateAttr(default=())
    """What other variables of the environment call a secret, such as AWS_SECRET_ACCESS_KEY."""

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
            named = re.search(r'field "([^"]+)"', str(error))
            raise _refusal([_fault(variable_of(named[1]) if named else "", "not_json", "not valid JSON")]) from error
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
        faults = list(_contradictions(settings, environment))
        if faults:
            raise _refusal(faults)
        settings._others_secrets = tuple(_others_secrets(environment))
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
            "queue_redis_url": _neighbour_database(self.redis_url),
            "enable_auth": not is_loopback(self.host) or self.profile == "production",
        }
        given = self.model_fields_set
        object.__setattr__(self, "data_dir", data_dir)
        for name in derived.keys() - given:
            object.__setattr__(self, name, derived[name])

    @classmethod
    def describe(cls) -> Iterator[SettingInfo]:
        """All settings in the order of the class, for documentation and `doctor`."""
        for name, info in cls.model_fields.items():
            variable = f"{AGENT_MODEL_PREFIX}<AGENT>" if name == "llm_models" else variable_of(name)
            yield SettingInfo(
                field=name,
                variable=variable,
                default=_shown_default(info),
                is_secret=name in SECRETS,
            )

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
        return _scheme(self.database_url) == "sqlite"

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

    @property
    def secrets(self) -> tuple[str, ...]:
        """The keys and every password of these settings, as written and decoded, for the log's redactor."""
        found = [key.get_secret_value() for key in (self.llm_api_key, self.api_key) if key]
        for address in (self.database_url, self.redis_url, self.queue_redis_url):
            url = urlsplit(address or "")
            passwords = [url.password or "", *parse_qs(url.query).get("password", [])]
            found += [form for word in passwords if word for form in (word, unquote(word))]
        return tuple(dict.fromkeys([*found, *self._others_secrets]))

    @property
    def warnings(self) -> Sequence[SettingWarning]:
        """What works and has a price; `bootstrap` logs them at start, `doctor` shows them."""
        found = []
        if not self.is_sqlite and self.queue_redis_url is None:
            found.append(SettingWarning(setting="REDIS_URL", code="no_redis"))
        if self.profile == "production" and self.redis_url and self.queue_redis_url:
            cache, queue = _redis_place(self.redis_url), _redis_place(self.queue_redis_url)
            if cache and queue and cache[:2] == queue[:2]:
                found.append(SettingWarning(setting="QUEUE_REDIS_URL", code="queue_beside_cache"))
        return found

    def require_shared_database(self) -> None:
        """Several processes need a database that several processes may own.

        Raises:
            SettingsUnsafe: DATABASE_URL names SQLite.
        """
        if self.is_sqlite:
            raise _refusal([_fault("DATABASE_URL", "needs_postgresql", "several processes need PostgreSQL")])


def _others_secrets(env: Mapping[str, str]) -> Iterator[str]:
    """Values of variables whose names say that they are secret, and passwords in addresses."""
    for name, value in env.items():
        if _SECRET_NAME.search(name) and len(value) >= MIN_SECRET_CHARS:
            yield value
        if "://" in value and (url := _parsed(value)) is not None and url.password:
            yield from (url.password, unquote(url.password))


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


def _contradictions(s: Settings, env: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    yield from _order_faults(s)
    yield from _model_faults(s)
    yield from _network_faults(s)
    yield from _access_faults(s)
    if s.profile == "production":
        yield from _production_faults(s, env)
    yield from _outgoing_faults(s)
    if s.teams is not None and not _names_attribute(s.teams):
        yield _fault("LGMA_TEAMS", "not_module_attribute", "has the form module:attribute")
    yield from _address_faults(s)


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches a server that binds this address."""
    if host.lower() == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _access_faults(s: Settings) -> Iterator[dict[str, Any]]:
    """Nobody is let in without a credential but on the machine itself."""
    if not s.enable_auth and not is_loopback(s.host):
        yield _fault("ENABLE_AUTH", "auth_off_in_public", "may be off only on a loopback address", host=s.host)
    elif not s.enable_auth and s.profile == "production":
        yield _fault("ENABLE_AUTH", "auth_off_in_production", "must be on in production")
    key = s.api_key.get_secret_value() if s.api_key else ""
    if not all("!" <= letter <= "~" for letter in key):
        yield _fault("LGMA_API_KEY", "key_unreadable", "holds a character that no key has")
    for entry in s.trusted_proxies:
        try:
            is_wide = ip_network(entry, strict=False).prefixlen == 0
        except ValueError:
            is_wide = True
        if is_wide:
            yield _fault("TRUSTED_PROXIES", "proxies_everybody", "each entry is an address or a network of some")
    if s.oidc_issuer is not None:
        url = _parsed(s.oidc_issuer)
        if url is None or not url.hostname or url.query or url.username:
            yield _fault("OIDC_ISSUER", "not_http_url", "must be an https URL")
        elif url.scheme != "https" and not (url.scheme == "http" and is_loopback(url.hostname)):
            yield _fault("OIDC_ISSUER", "issuer_not_https", "must be an https URL")
        if not s.oidc_audience:
            yield _fault("OIDC_AUDIENCE", "audience_missing", "must be set with OIDC_ISSUER")


def _outgoing_faults(s: Settings) -> Iterator[dict[str, Any]]:
    """An entry that lets everything through, or can match nothing, is a slip of the pen."""
    for entry in s.outgoing_allowed:
        network = _network(entry)
        is_wrong = _HOST_PATTERN.fullmatch(entry) is None if network is None else network.prefixlen == 0
        if is_wrong:
            yield _fault("OUTGOING_ALLOWED", "outgoing_entry", "each entry is a host name, an address or a network")
    networks = [network for entry in s.outgoing_allowed if (network := _network(entry)) is not None]
    if _is_nearly_all(networks) and all(network.prefixlen for network in networks):
        yield _fault("OUTGOING_ALLOWED", "networks_nearly_all", "together the networks are nearly all there are")
    if s.outgoing_access == "listed" and not s.outgoing_allowed:
        yield _fault("OUTGOING_ALLOWED", "outgoing_unlisted", "must list something with OUTGOING_ACCESS=listed")


def _network(entry: str) -> IPv4Network | IPv6Network | None:
    try:
        return ip_network(entry, strict=False)
    except ValueError:
        return None


def _is_nearly_all(networks: Sequence[IPv4Network | IPv6Network]) -> bool:
    """Whether they are together half of IPv4, or half of what is public in IPv6, or more."""
    four = collapse_addresses(network for network in networks if isinstance(network, IPv4Network))
    six = collapse_addresses(network for network in networks if isinstance(network, IPv6Network))
    return sum(n.num_addresses for n in four) >= 2**31 or sum(n.num_addresses for n in six) >= 2**124


def _production_faults(s: Settings, env: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """What is only safe on one's own machine; the words never repeat a secret."""
    if s.log_level == "DEBUG":
        yield _fault("LOG_LEVEL", "debug_in_production", "must be INFO or above in production")
    if s.is_sqlite and s.async_workers > 1 and "async_workers" in s.model_fields_set:
        yield _fault("ASYNC_WORKERS", "sqlite_one_process", "SQLite is for one process", value=s.async_workers)
    if any(name.strip().removesuffix(".") in {"*", "*."} for name in s.trusted_hosts):
        yield _fault("TRUSTED_HOSTS", "hosts_wildcard", "must name the hosts in production")
    if _is_nearly_all(s.metrics_allowed_networks):
        yield _fault("METRICS_ALLOWED_NETWORKS", "networks_nearly_all", "lets nearly everybody in")
    if s.llm_base_url is not None and _goes_open(s.llm_base_url):
        yield _fault("LLM_BASE_URL", "open_to_public", "https only to a public host in production")
    endpoint = next((name for name in ENDPOINTS if env.get(name)), None)
    if endpoint is not None and _scheme(s.artifacts_url) == "s3" and _goes_open(env[endpoint]):
        yield _fault(endpoint, "open_to_public", "https only to a public host in production")
    for setting in _unlocked(s, env):
        yield _fault(setting, "password_missing", "needs a password in production")
    for setting, words, secret in _given_secrets(s, env):
        if len(secret) < MIN_PRODUCTION_SECRET_CHARS or len(set(secret)) < 5:
            limit = MIN_PRODUCTION_SECRET_CHARS
            yield _fault(setting, "secret_too_short", f"needs {limit} characters or more", limit=limit)
        elif any(_plain(part) in KNOWN_SECRETS | words for part in (secret, secret[: len(secret) // 2])):
            yield _fault(setting, "secret_is_known", "is a password that everybody knows")


def _unlocked(s: Settings, env: Mapping[str, str]) -> Iterator[str]:
    """Settings of servers on other machines that let in whoever connects."""
    url = _parsed(s.database_url)
    options = parse_qs(url.query) if url is not None else {}
    if url is not None and not s.is_sqlite and not url.password and not POSTGRESQL_CREDENTIALS & options.keys():
        host = options.get("host", [url.hostname or env.get("PGHOST", "")])[0]
        home = Path(env.get("HOME") or "/nonexistent")
        is_known = any(env.get(f"PG{name.upper()}") for name in POSTGRESQL_CREDENTIALS) or any(
            (home / name).is_file() for name in (".pgpass", ".postgresql/postgresql.crt")
        )
        if host and not host.startswith(("/", "@")) and not is_loopback(host) and not is_known:
            yield "DATABASE_URL"
    for setting, address in (("REDIS_URL", s.redis_url), ("QUEUE_REDIS_URL", s.queue_redis_url)):
        url = _parsed(address or "")
        if url is None or url.scheme == "unix" or is_loopback(url.hostname or "localhost"):
            continue
        is_given = setting.lower() in s.model_fields_set  # else it is made of REDIS_URL
        if is_given and not url.password and not {"password", "ssl_certfile"} & parse_qs(url.query).keys():
            yield setting


def _is_public(host: str) -> bool:
    """Whether a host is somewhere on the internet: by its number, or by a name with a public last label."""
    try:
        return ip_address(host.strip("[]")).is_global
    except ValueError:
        labels = host.lower().rstrip(".").split(".")
        return len(labels) > 1 and labels[-1] not in INNER_SUFFIXES


def _goes_open(address: str) -> bool:
    """Whether what is sent to an address is readable on its way over the internet."""
    url = _parsed(address)
    return url is not None and url.scheme == "http" and _is_public(url.hostname or "")


def _given_secrets(s: Settings, env: Mapping[str, str]) -> Iterator[tuple[str, frozenset[str], str]]:
    """Each secret with its setting and the words beside it that it must not repeat."""
    for setting, address in (
        ("DATABASE_URL", s.database_url),
        ("REDIS_URL", s.redis_url),
        ("QUEUE_REDIS_URL", s.queue_redis_url if "queue_redis_url" in s.model_fields_set else None),
    ):
        url = _parsed(address or "")
        if url is None:
            continue
        beside = (url.username, url.hostname, url.path.strip("/"))
        words = frozenset(_plain(unquote(word)) for word in beside if word)
        given = [url.password, *parse_qs(url.query).get("password", [])]
        yield from ((setting, words, unquote(secret)) for secret in given if secret)
    for setting, key in (("LGMA_API_KEY", s.api_key), ("LLM_API_KEY", s.llm_api_key)):
        # A model server of one's own often takes any key, or the word that its manual names.
        base = _parsed(s.llm_base_url or "")
        is_own = setting == "LLM_API_KEY" and base is not None and base.hostname and not _is_public(base.hostname)
        if key is not None and not is_own:
            yield setting, frozenset(), key.get_secret_value()
    stored = next((env[name] for name in ENDPOINTS if env.get(name)), "")
    store = _parsed(stored)
    secret = env.get("AWS_SECRET_ACCESS_KEY")
    if _scheme(s.artifacts_url) == "s3" and secret and not (store and store.hostname and is_loopback(store.hostname)):
        yield "AWS_SECRET_ACCESS_KEY", frozenset({_plain(env.get("AWS_ACCESS_KEY_ID", ""))} - {""}), secret


def _plain(secret: str) -> str:
    return re.sub(r"[\W_]+", "", secret.lower()).rstrip("0123456789")


def _order_faults(s: Settings) -> Iterator[dict[str, Any]]:
    """Values that must stand in a certain order to each other."""
    if s.heartbeat_seconds >= s.lease_seconds / 2:
        yield _fault("HEARTBEAT_SECONDS", "heartbeat_too_slow", "must be below LEASE_SECONDS / 2")
    if s.owner_grace_seconds >= s.lease_seconds:
        yield _fault("OWNER_GRACE_SECONDS", "grace_not_below_lease", "must be below LEASE_SECONDS")
    if s.owner_grace_seconds <= s.heartbeat_seconds:
        yield _fault("OWNER_GRACE_SECONDS", "grace_not_above_heartbeat", "must exceed HEARTBEAT_SECONDS")
    if s.reaper_healthy_seconds < s.lease_seconds + s.heartbeat_seconds:
        yield _fault("REAPER_HEALTHY_SECONDS", "reaper_too_early", "must be LEASE_SECONDS + HEARTBEAT_SECONDS or more")
    for smaller, larger in (
        ("subtask_timeout", "workflow_timeout"),
        ("skill_timeout", "workflow_timeout"),
        ("max_plan_depth", "max_subtasks"),
        ("max_xlsx_bytes", "max_input_bytes"),
    ):
        if getattr(s, smaller) > getattr(s, larger):
            limit = variable_of(larger)
            yield _fault(variable_of(smaller), "above_limit", f"must not exceed {limit}", limit=limit)


def _address_faults(s: Settings) -> Iterator[dict[str, Any]]:
    """Addresses of the data plane; the words never repeat an address, which may hold a password."""
    scheme = _scheme(s.database_url)
    if scheme.startswith(("postgres+", "postgresql+")) and scheme not in POSTGRESQL:
        yield _fault("DATABASE_URL", "database_driver", "PostgreSQL is reached through psycopg")
    elif scheme not in POSTGRESQL | {"sqlite"}:
        yield _fault("DATABASE_URL", "database_unknown", "must be a sqlite or postgresql URL")
    elif _parsed(s.database_url) is None:
        yield _fault("DATABASE_URL", "address_unreadable", "is no URL")
    redis = {"REDIS_URL": s.redis_url, "QUEUE_REDIS_URL": s.queue_redis_url}
    faults = [
        _fault(setting, "redis_unknown", "must be a redis, rediss or unix URL")
        if _scheme(address) not in REDIS
        else _fault(setting, "address_unreadable", "is no URL")
        for setting, address in redis.items()
        if address and (_scheme(address) not in REDIS or _redis_place(address) is None)
    ]
    yield from faults
    places = {_redis_place(address) for address in redis.values() if address}
    if not faults and all(redis.values()) and len(places) == 1:
        yield _fault("QUEUE_REDIS_URL", "queue_is_cache", "must name another database than REDIS_URL")
    url = _parsed(s.artifacts_url)
    if url is None:
        yield _fault("ARTIFACTS_URL", "address_unreadable", "is no URL")
    elif url.username or url.password:
        yield _fault("ARTIFACTS_URL", "artifacts_credentials", "put the keys into AWS_ACCESS_KEY_ID and so on")
    elif not (url.scheme == "s3" and url.hostname) and not (
        url.scheme in {"", "file"} and not url.netloc and url.path.startswith("/")
    ):
        yield _fault("ARTIFACTS_URL", "artifacts_unknown", "must be file:///directory or s3://bucket/prefix")


def _scheme(address: str) -> str:
    return address.partition("://")[0] if "://" in address else ""


def _parsed(address: str) -> SplitResult | None:
    """The parts of a URL, None if it is none; urllib reads the port only when asked."""
    try:
        url = urlsplit(address)
        return url if url.port != 0 else None
    except ValueError:
        return None


def _redis_place(address: str) -> tuple[str, int, int] | None:
    """Host (or socket), port and database as redis-py reads them: `?db=` before the path, 0 unless named."""
    url = _parsed(address)
    if url is None:
        return None
    path = "" if url.scheme == "unix" else url.path.strip("/")
    number = parse_qs(url.query).get("db", [path])[0] or "0"
    if not (number.isascii() and number.isdigit()):
        return None
    if url.scheme == "unix":
        return url.path, 0, int(number)
    return url.hostname or "localhost", url.port or REDIS_PORT, int(number)


def _neighbour_database(address: str | None) -> str | None:
    """Another database of the same Redis server; None without one, or when the address is wrong."""
    place = _redis_place(address) if address else None
    if not address or place is None:
        return None
    number = place[2] + 1 if place[2] < REDIS_LAST_DATABASE else place[2] - 1
    rest, _, query = address.partition("?")
    options = [part for part in query.split("&") if part and not part.startswith("db=")]
    if not address.startswith("unix:"):
        scheme, _, tail = rest.partition("://")
        rest = f"{scheme}://{tail.partition('/')[0]}"
    return f"{rest}?{'&'.join([*options, f'db={number}'])}"


def _model_faults(s: Settings) -> Iterator[dict[str, Any]]:
    if s.llm_model is None:
        wanting = [f"{AGENT_MODEL_PREFIX}{agent.upper()}" for agent in s.llm_models]
        wanting += ["LLM_FALLBACK_MODEL"] if s.llm_fallback_model else []
        for setting in wanting:
            yield _fault(setting, "model_missing", "needs LLM_MODEL")
    elif s.llm_fallback_model == s.llm_model:
        yield _fault("LLM_FALLBACK_MODEL", "fallback_is_primary", "must differ from LLM_MODEL")
    if s.url is not None and (urlsplit(s.url).scheme not in {"http", "https"} or not urlsplit(s.url).hostname):
        yield _fault("LGMA_URL", "not_http_url", "must be an http(s) URL")
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
