"""Settings: parsed once, frozen, and refused when they contradict each other."""

import json
from pathlib import Path
from typing import Any

import pytest
from psycopg.conninfo import conninfo_to_dict
from redis.connection import parse_url
from sqlalchemy import make_url

from langgraph_multi_agent.domain.errors import SettingsUnsafe
from langgraph_multi_agent.i18n import catalogue, text
from langgraph_multi_agent.settings import Settings


def refusal(env: dict[str, str]) -> SettingsUnsafe:
    with pytest.raises(SettingsUnsafe) as caught:
        Settings.load(env)
    return caught.value


def test_empty_environment_gives_the_documented_defaults() -> None:
    settings = Settings.load({"XDG_DATA_HOME": "/srv/state"})
    assert settings.data_dir == Path("/srv/state/lgma-data")
    assert settings.database_url == "sqlite:////srv/state/lgma-data/lgma.db"
    assert (settings.host, settings.port) == ("127.0.0.1", 8000)
    assert (settings.max_concurrent_workflows, settings.workflow_timeout) == (50, 3600)
    assert (settings.task_queue_size, settings.max_subtasks, settings.max_plan_depth) == (1000, 64, 16)
    assert (settings.lease_seconds, settings.heartbeat_seconds, settings.owner_grace_seconds) == (6, 2, 4.5)
    assert not settings.has_model


def test_values_come_from_the_environment_by_their_exact_names() -> None:
    settings = Settings.load(
        {
            "MAX_CONCURRENT_WORKFLOWS": "7",
            "LGMA_PORT": "9001",
            "PORT": "1",
            "HOST": "0.0.0.0",
            "CORS_ORIGINS": '["https://a.example", "https://b.example:8443"]',
            "MEMORY_MONITORING": "false",
            "LOG_LEVEL": "",
        }
    )
    assert settings.max_concurrent_workflows == 7
    assert settings.port == 9001
    assert settings.host == "127.0.0.1"
    assert settings.cors_origins == ("https://a.example", "https://b.example:8443")
    assert not settings.memory_monitoring
    assert settings.log_level == "INFO"


def test_overrides_are_stronger_than_the_environment(tmp_path: Path) -> None:
    settings = Settings.load({"LGMA_PORT": "9001", "LGMA_DATA_DIR": "/nowhere"}, port=0, data_dir=tmp_path)
    assert (settings.port, settings.data_dir) == (0, tmp_path)


def test_an_override_that_is_no_setting_is_a_programming_error() -> None:
    with pytest.raises(TypeError, match="max_subtask"):
        Settings.load({}, max_subtask=3)


def test_settings_are_frozen() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Settings.load({}).port = 1  # type: ignore[misc]


def test_agents_have_models_of_their_own() -> None:
    settings = Settings.load({"LLM_MODEL": "small", "LLM_MODEL_DATA_ANALYST": "large"})
    assert settings.model_of("data_analyst") == "large"
    assert settings.model_of("writer") == "small"


def test_a_shorter_lease_brings_its_own_heartbeat_and_grace() -> None:
    settings = Settings.load({"LEASE_SECONDS": "3"})
    assert (settings.heartbeat_seconds, settings.owner_grace_seconds) == (1, 2.25)


def test_a_single_lower_limit_needs_no_second_setting() -> None:
    settings = Settings.load({"WORKFLOW_TIMEOUT": "5", "MAX_SUBTASKS": "4", "MAX_INPUT_BYTES": "1000"})
    assert (settings.subtask_timeout, settings.skill_timeout) == (5, 5)
    assert (settings.max_plan_depth, settings.max_xlsx_bytes) == (4, 1000)


@pytest.mark.parametrize(
    ("env", "setting", "reason"),
    [
        ({"HEARTBEAT_SECONDS": "3"}, "HEARTBEAT_SECONDS", "heartbeat_too_slow"),
        ({"OWNER_GRACE_SECONDS": "6"}, "OWNER_GRACE_SECONDS", "grace_not_below_lease"),
        ({"OWNER_GRACE_SECONDS": "1"}, "OWNER_GRACE_SECONDS", "grace_not_above_heartbeat"),
        ({"MAX_FILES": "-1"}, "MAX_FILES", "invalid_value"),
        ({"WORKFLOW_TIMEOUT": "nan"}, "WORKFLOW_TIMEOUT", "invalid_value"),
        ({"LGMA_PORT": "70000"}, "LGMA_PORT", "invalid_value"),
        ({"LGMA_PROFILE": "staging"}, "LGMA_PROFILE", "invalid_value"),
        ({"SUBTASK_TIMEOUT": "20", "WORKFLOW_TIMEOUT": "10"}, "SUBTASK_TIMEOUT", "above_limit"),
        ({"CORS_ORIGINS": "https://a.example"}, "CORS_ORIGINS", "not_json"),
        ({"CORS_ORIGINS": '["https://a.example/"]'}, "CORS_ORIGINS", "cors_not_origin"),
        ({"LGMA_PROFILE": "production", "CORS_ORIGINS": '["*"]'}, "CORS_ORIGINS", "cors_wildcard"),
        ({"LGMA_PROFILE": "production", "CORS_ORIGINS": '["http://a"]'}, "CORS_ORIGINS", "cors_not_https"),
        ({"LLM_MODEL_WRITER": "m"}, "LLM_MODEL_WRITER", "model_missing"),
        ({"LLM_FALLBACK_MODEL": "m"}, "LLM_FALLBACK_MODEL", "model_missing"),
        ({"LLM_MODEL": "m", "LLM_FALLBACK_MODEL": "m"}, "LLM_FALLBACK_MODEL", "fallback_is_primary"),
        ({"LLM_MODEL": "m", "LLM_BASE_URL": "localhost:1"}, "LLM_BASE_URL", "not_http_url"),
        ({"LLM_MODEL": "m", "LLM_BASE_URL": "https://u:p@h/v1"}, "LLM_BASE_URL", "credentials_in_url"),
        ({"LGMA_TEAMS": "package.module"}, "LGMA_TEAMS", "not_module_attribute"),
        ({"DATABASE_URL": "mysql://x"}, "DATABASE_URL", "database_unknown"),
        ({"DATABASE_URL": "postgresql"}, "DATABASE_URL", "database_unknown"),
        ({"DATABASE_URL": "postgresql+asyncpg://u@h/d"}, "DATABASE_URL", "database_driver"),
        ({"DATABASE_URL": "postgresql://u:a#b@h/d"}, "DATABASE_URL", "address_unreadable"),
        ({"REDIS_URL": "http://h:1"}, "REDIS_URL", "redis_unknown"),
        ({"REDIS_URL": "redis://h:port/0"}, "REDIS_URL", "address_unreadable"),
        ({"REDIS_URL": "redis://h/cache"}, "REDIS_URL", "address_unreadable"),
        ({"QUEUE_REDIS_URL": "h:6379"}, "QUEUE_REDIS_URL", "redis_unknown"),
        ({"REDIS_URL": "redis://h", "QUEUE_REDIS_URL": "redis://h:6379/0"}, "QUEUE_REDIS_URL", "queue_is_cache"),
        ({"ARTIFACTS_URL": "ftp://h/x"}, "ARTIFACTS_URL", "artifacts_unknown"),
        ({"ARTIFACTS_URL": "file://here/x"}, "ARTIFACTS_URL", "artifacts_unknown"),
        ({"ARTIFACTS_URL": "s3://key:secret@bucket"}, "ARTIFACTS_URL", "artifacts_credentials"),
        ({"REAPER_HEALTHY_SECONDS": "7"}, "REAPER_HEALTHY_SECONDS", "reaper_too_early"),
        ({"CACHE_TTL": "0"}, "CACHE_TTL", "invalid_value"),
        ({"ASYNC_WORKERS": "0"}, "ASYNC_WORKERS", "invalid_value"),
    ],
)
def test_unsafe_settings_refuse_and_name_themselves(env: dict[str, str], setting: str, reason: str) -> None:
    fault = refusal(env)
    assert (fault.params["setting"], fault.params["reason"]) == (setting, reason)
    for language in ("zh", "en"):
        assert setting in text(
            f"settings.reason.{reason}",
            language,
            **{"limit": "", **fault.errors[0], **fault.params},
        )


GOOD = "k3Vq-81xZ_wmT0p"
PRODUCTION = {
    "LGMA_PROFILE": "production",
    "DATABASE_URL": f"postgresql://lgma:{GOOD}@db/lgma",
    "REDIS_URL": f"redis://:{GOOD}@cache:6379/0",
    "CORS_ORIGINS": '["https://app.example"]',
    "LGMA_API_KEY": f"lgma_{'a1' * 6}_{'bX3-' * 10}abc",
}
S3 = {
    "ARTIFACTS_URL": "s3://bucket/prefix",
    "AWS_ENDPOINT_URL": "http://minio:9000",
    "AWS_ACCESS_KEY_ID": "lgma",
    "AWS_SECRET_ACCESS_KEY": GOOD,
}
UNSAFE_IN_PRODUCTION: list[tuple[dict[str, str], str, str]] = [
    ({"LOG_LEVEL": "DEBUG"}, "LOG_LEVEL", "debug_in_production"),
    ({"DATABASE_URL": "", "ASYNC_WORKERS": "2"}, "ASYNC_WORKERS", "sqlite_one_process"),
    ({"ENABLE_AUTH": "false"}, "ENABLE_AUTH", "auth_off_in_production"),
    ({"ENABLE_AUTH": "false", "LGMA_HOST": "0.0.0.0"}, "ENABLE_AUTH", "auth_off_in_public"),
    ({"CORS_ORIGINS": '["*"]'}, "CORS_ORIGINS", "cors_wildcard"),
    ({"CORS_ORIGINS": '["http://app.example"]'}, "CORS_ORIGINS", "cors_not_https"),
    ({"TRUSTED_PROXIES": '["0.0.0.0/0"]'}, "TRUSTED_PROXIES", "proxies_everybody"),
    ({"OIDC_ISSUER": "http://id.example", "OIDC_AUDIENCE": "lgma"}, "OIDC_ISSUER", "issuer_not_https"),
    ({"DATABASE_URL": "postgresql://lgma:postgres@db/lgma"}, "DATABASE_URL", "secret_too_short"),
    ({"DATABASE_URL": "postgresql://lgma:aaaaaaaaaaaaaaaa@db/lgma"}, "DATABASE_URL", "secret_too_short"),
    ({"DATABASE_URL": "postgresql://lgma:mysecretpassword@db/lgma"}, "DATABASE_URL", "secret_is_known"),
    ({"DATABASE_URL": "postgresql://lgma:My-Secret_Password1@db/lgma"}, "DATABASE_URL", "secret_is_known"),
    ({"DATABASE_URL": "postgresql://harbourmaster:harbourmaster@db/lgma"}, "DATABASE_URL", "secret_is_known"),
    ({"DATABASE_URL": "postgresql://lgma@db/lgma?password=changeme"}, "DATABASE_URL", "secret_too_short"),
    ({"DATABASE_URL": "postgresql://lgma@db/lgma?password=password12345"}, "DATABASE_URL", "secret_is_known"),
    ({"REDIS_URL": "redis://:redis@cache/0"}, "REDIS_URL", "secret_too_short"),
    ({"REDIS_URL": "redis://:changemechangeme@cache/0"}, "REDIS_URL", "secret_is_known"),
    ({"QUEUE_REDIS_URL": "redis://:secret@queue/0"}, "QUEUE_REDIS_URL", "secret_too_short"),
    ({"LGMA_API_KEY": "test"}, "LGMA_API_KEY", "secret_too_short"),
    ({"LLM_MODEL": "m", "LLM_API_KEY": "your-api-key"}, "LLM_API_KEY", "secret_is_known"),
    ({"LLM_MODEL": "m", "LLM_BASE_URL": "https://m.example", "LLM_API_KEY": "x"}, "LLM_API_KEY", "secret_too_short"),
    ({"LLM_MODEL": "m", "LLM_BASE_URL": "http://m.example/v1"}, "LLM_BASE_URL", "open_to_public"),
    ({"LLM_MODEL": "m", "LLM_BASE_URL": "http://8.8.8.8/v1"}, "LLM_BASE_URL", "open_to_public"),
    ({**S3, "AWS_SECRET_ACCESS_KEY": "minioadmin"}, "AWS_SECRET_ACCESS_KEY", "secret_too_short"),
    ({**S3, "AWS_SECRET_ACCESS_KEY": "minioadmin123"}, "AWS_SECRET_ACCESS_KEY", "secret_is_known"),
    ({**S3, "AWS_ENDPOINT_URL": "http://s3.example"}, "AWS_ENDPOINT_URL", "open_to_public"),
    ({"DATABASE_URL": "postgresql://lgma@db/lgma"}, "DATABASE_URL", "password_missing"),
    ({"DATABASE_URL": "postgresql://lgma@[db/lgma"}, "DATABASE_URL", "address_unreadable"),
    ({"DATABASE_URL": "postgresql://lgma@/lgma?host=10.0.0.7"}, "DATABASE_URL", "password_missing"),
    ({"REDIS_URL": "redis://cache:6379/0"}, "REDIS_URL", "password_missing"),
    ({"QUEUE_REDIS_URL": "redis://queue:6379/0"}, "QUEUE_REDIS_URL", "password_missing"),
    ({"TRUSTED_HOSTS": '["lgma.example", "*"]'}, "TRUSTED_HOSTS", "hosts_wildcard"),
    ({"OUTGOING_ALLOWED": '["0.0.0.0/1", "128.0.0.0/1"]'}, "OUTGOING_ALLOWED", "networks_nearly_all"),
    ({"OUTGOING_ALLOWED": '["2000::/4", "3000::/4"]'}, "OUTGOING_ALLOWED", "networks_nearly_all"),
    ({"METRICS_ALLOWED_NETWORKS": '["0.0.0.0/0"]'}, "METRICS_ALLOWED_NETWORKS", "networks_nearly_all"),
    ({"METRICS_ALLOWED_NETWORKS": '["::/0"]'}, "METRICS_ALLOWED_NETWORKS", "networks_nearly_all"),
]
SAFE_IN_PRODUCTION: list[dict[str, str]] = [
    {"DATABASE_URL": "postgresql://lgma@127.0.0.1/lgma", "REDIS_URL": "redis://localhost:6379/0"},
    {"DATABASE_URL": "postgresql:///lgma", "REDIS_URL": "unix:///run/redis.sock"},
    {"DATABASE_URL": "postgresql://lgma@/lgma?host=/run/postgresql", "REDIS_URL": "redis://[::1]"},
    {"DATABASE_URL": "postgresql://lgma@db/lgma?sslcert=/etc/lgma.crt", "REDIS_URL": f"redis://h?password={GOOD}"},
    {"DATABASE_URL": "postgresql://lgma@db/lgma", "PGPASSFILE": "/etc/lgma.pgpass"},
    {"REDIS_URL": "rediss://cache?ssl_certfile=/etc/lgma.crt"},
    {"LLM_MODEL": "m", "LLM_API_KEY": "none", "LLM_BASE_URL": "http://models:8080/v1"},
    {"LLM_MODEL": "m", "LLM_API_KEY": "none", "LLM_BASE_URL": "http://10.0.0.7/v1"},
    {"LLM_MODEL": "m", "LLM_API_KEY": "none", "LLM_BASE_URL": "http://models.internal/v1"},
    {"LLM_MODEL": "m", "LLM_API_KEY": GOOD, "LLM_BASE_URL": "https://m.example/v1"},
    {**S3, "AWS_ENDPOINT_URL": "http://127.0.0.1:9000", "AWS_SECRET_ACCESS_KEY": "minioadmin"},
    {**S3, "AWS_ENDPOINT_URL": "https://s3.example"},
    {"AWS_SECRET_ACCESS_KEY": "minioadmin"},  # nothing is stored there
    {"TRUSTED_HOSTS": '["*.lgma.example"]', "METRICS_ALLOWED_NETWORKS": '["10.0.0.0/8", "fd00::/8"]'},
    {"OUTGOING_ALLOWED": '["10.0.0.0/8", "fc00::/7", "64:ff9b::/96", "wiki.example"]'},
]


@pytest.mark.parametrize(("unsafe", "setting", "reason"), UNSAFE_IN_PRODUCTION)
def test_production_refuses_what_is_unsafe_and_names_it_without_the_secret(
    unsafe: dict[str, str], setting: str, reason: str
) -> None:
    assert Settings.load(PRODUCTION).enable_auth
    fault = refusal({**PRODUCTION, **unsafe})
    assert [(one["field"], one["code"]) for one in fault.errors] == [(setting, reason)]
    for language in ("zh", "en"):
        words = text(f"settings.reason.{reason}", language, setting=setting, **{"host": "", **fault.errors[0]})
        assert setting in words
    for value in unsafe.values():
        assert "://" not in value or value not in str(fault.errors)


def test_production_starts_with_what_only_this_machine_reaches_or_another_way_to_log_in(tmp_path: Path) -> None:
    for safe in SAFE_IN_PRODUCTION:
        assert Settings.load({**PRODUCTION, **safe}).profile == "production", safe
    (tmp_path / ".pgpass").write_text("db:5432:*:lgma:x")
    at_home = {"DATABASE_URL": "postgresql://lgma@db/lgma", "HOME": str(tmp_path)}
    assert Settings.load({**PRODUCTION, **at_home}).profile == "production"


def test_production_names_everything_that_is_unsafe_in_one_answer() -> None:
    together = [unsafe for unsafe, _, _ in UNSAFE_IN_PRODUCTION if len(unsafe) == 1]
    env: dict[str, str] = PRODUCTION | {name: value for unsafe in together for name, value in unsafe.items()}
    named = [one["field"] for one in refusal(env).errors]
    assert sorted(named) == sorted({name for unsafe in together for name in unsafe})


def test_what_one_machine_alone_may_do_stays_allowed_on_it() -> None:
    local = {"LOG_LEVEL": "DEBUG", "DATABASE_URL": "postgresql://u:x@h/d", "REDIS_URL": "redis://:x@h"}
    assert Settings.load(local).profile == "local"
    assert Settings.load({"LGMA_PROFILE": "production"}).is_sqlite  # one process, its defaults
    own_model = {"LLM_MODEL": "m", "LLM_API_KEY": "none", "LLM_BASE_URL": "http://localhost:11434/v1"}
    assert Settings.load({**PRODUCTION, **own_model}).has_model


def test_all_faults_are_told_at_once() -> None:
    fields = [error["field"] for error in refusal({"LGMA_PORT": "x", "MAX_FILES": "0"}).errors]
    assert fields == ["LGMA_PORT", "MAX_FILES"]


def test_a_wildcard_origin_is_allowed_locally() -> None:
    assert Settings.load({"CORS_ORIGINS": '["*"]'}).cors_origins == ("*",)


def test_secrets_show_neither_in_repr_nor_in_refusals() -> None:
    env = {
        "LLM_MODEL": "m",
        "LLM_API_KEY": "sk-canary",
        "LGMA_API_KEY": "lgma_canary",
        "DATABASE_URL": "postgresql://u:canary@h/d",
        "REDIS_URL": "redis://:canary@h",
    }
    settings = Settings.load(env)
    assert "canary" not in repr(settings)
    assert "canary" not in json.dumps(refusal({**env, "MAX_FILES": "sk-canary"}).errors)


@pytest.mark.parametrize("key", ["canary ", "canary\n", "canary\u3000", "lgma_canary_é"])
def test_a_key_that_no_header_can_carry_is_refused_and_not_repeated(key: str) -> None:
    fault = refusal({"LGMA_API_KEY": key})
    assert (fault.params["setting"], fault.params["reason"]) == ("LGMA_API_KEY", "key_unreadable")
    assert "canary" not in f"{fault} {fault.params} {fault.errors}"


@pytest.mark.parametrize("name", ["DATABASE_URL", "REDIS_URL", "QUEUE_REDIS_URL", "ARTIFACTS_URL"])
@pytest.mark.parametrize("address", ["gopher://u:canary@h", "redis://u:can/ary#canary@h", "postgresql://u:canary#@h"])
def test_a_refused_address_is_not_repeated(name: str, address: str) -> None:
    fault = refusal({name: address})
    assert fault.params["setting"] == name
    assert "canary" not in f"{fault} {fault.params} {fault.errors}"


def test_every_password_is_known_to_the_logs_as_written_and_decoded() -> None:
    settings = Settings.load(
        {
            "LLM_MODEL": "m",
            "LLM_API_KEY": "sk-one",
            "LGMA_API_KEY": "lgma_zero",
            "DATABASE_URL": "postgresql://u:p%40ss-two@h/d",
            "REDIS_URL": "redis://:three@h",
            "QUEUE_REDIS_URL": "redis://q?password=four",
        }
    )
    assert {"sk-one", "lgma_zero", "p%40ss-two", "p@ss-two", "three", "four"} == set(settings.secrets)


# Where the data lives


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_each_spelling_of_postgresql_becomes_what_sqlalchemy_and_libpq_want(scheme: str) -> None:
    settings = Settings.load({"DATABASE_URL": f"{scheme}://u:p%40w@h:5433/d?sslmode=require"})
    assert settings.sqlalchemy_url == "postgresql+psycopg://u:p%40w@h:5433/d?sslmode=require"
    assert settings.libpq_url == "postgresql://u:p%40w@h:5433/d?sslmode=require"
    assert not settings.is_sqlite
    settings.require_shared_database()
    libpq, parts = conninfo_to_dict(settings.libpq_url), make_url(settings.sqlalchemy_url)
    assert libpq == {"user": "u", "password": "p@w", "host": "h", "port": "5433", "dbname": "d", "sslmode": "require"}
    assert (parts.get_dialect().driver, parts.username, parts.password) == ("psycopg", "u", "p@w")
    assert (parts.host, parts.port, parts.database, parts.query) == ("h", 5433, "d", {"sslmode": "require"})


def test_a_socket_directory_is_a_postgresql_address() -> None:
    settings = Settings.load({"DATABASE_URL": "postgresql:///d?host=/run/postgresql"})
    assert settings.libpq_url == "postgresql:///d?host=/run/postgresql"


def test_several_processes_refuse_sqlite_and_name_the_setting() -> None:
    settings = Settings.load({})
    assert settings.sqlalchemy_url == settings.database_url
    with pytest.raises(SettingsUnsafe) as caught:
        settings.require_shared_database()
    assert (caught.value.params["setting"], caught.value.params["reason"]) == ("DATABASE_URL", "needs_postgresql")
    with pytest.raises(ValueError, match="SQLite"):
        _ = settings.libpq_url


@pytest.mark.parametrize(
    ("cache", "queue"),
    [
        ("redis://h", "redis://h?db=1"),
        ("redis://h:7000/3", "redis://h:7000?db=4"),
        ("redis://h/15", "redis://h?db=14"),
        ("rediss://u:p@h/0?ssl_cert_reqs=none", "rediss://u:p@h?ssl_cert_reqs=none&db=1"),
        ("redis://h/7?db=2", "redis://h?db=3"),
        ("unix:///run/redis.sock", "unix:///run/redis.sock?db=1"),
    ],
)
def test_the_queue_takes_the_next_database_of_the_caches_redis(cache: str, queue: str) -> None:
    settings = Settings.load({"REDIS_URL": cache})
    assert settings.queue_redis_url == queue
    number = redis_options(queue)["db"]
    assert number != redis_options(cache).get("db", 0)
    assert {**redis_options(queue), "db": None} == {**redis_options(cache), "db": None}


def redis_options(address: str) -> dict[str, Any]:
    """What redis-py makes of an address."""
    return dict(parse_url(address))


def codes(env: dict[str, str]) -> list[str]:
    found = Settings.load(env).warnings
    for warning in found:
        for language in ("zh", "en"):
            assert warning.setting in text(
                f"settings.warning.{warning.code}", language, setting=warning.setting, **warning.params
            )
    return [warning.code for warning in found]


def test_what_has_a_price_is_a_warning_and_starts() -> None:
    postgres = {"DATABASE_URL": "postgresql://127.0.0.1/d"}
    production = {**postgres, "LGMA_PROFILE": "production"}
    assert codes({}) == []
    assert codes(postgres) == ["no_redis"]
    assert codes({**postgres, "REDIS_URL": "redis://h"}) == []
    assert codes({**production, "REDIS_URL": "redis://127.0.0.1"}) == ["queue_beside_cache"]
    assert codes({**production, "REDIS_URL": "redis://[::1]", "QUEUE_REDIS_URL": "redis://[::1]:6380"}) == []


def test_who_asks_is_asked_wherever_others_can_reach_the_server() -> None:
    for host in ("127.0.0.1", "localhost", "::1", "[::1]", "127.8.0.1"):
        assert not Settings.load({"LGMA_HOST": host}).enable_auth
    for host in ("0.0.0.0", "::", "10.0.0.5", "example.org"):
        assert Settings.load({"LGMA_HOST": host}).enable_auth
        with pytest.raises(SettingsUnsafe) as refused:
            Settings.load({"LGMA_HOST": host, "ENABLE_AUTH": "false"})
        assert refused.value.params["reason"] == "auth_off_in_public"
    assert Settings.load({"LGMA_PROFILE": "production"}).enable_auth
    with pytest.raises(SettingsUnsafe):
        Settings.load({"LGMA_PROFILE": "production", "ENABLE_AUTH": "false"})


@pytest.mark.parametrize(
    ("issuer", "audience", "reason"),
    [
        ("http://login.example", "lgma", "issuer_not_https"),
        ("https://login.example", None, "audience_missing"),
        ("login.example", "lgma", "not_http_url"),
        ("https://li:secret@login.example", "lgma", "not_http_url"),
    ],
)
def test_an_issuer_of_tokens_is_https_and_has_an_audience(issuer: str, audience: str | None, reason: str) -> None:
    with pytest.raises(SettingsUnsafe) as refused:
        Settings.load({"OIDC_ISSUER": issuer, **({"OIDC_AUDIENCE": audience} if audience else {})})
    assert refused.value.params["reason"] == reason


@pytest.mark.parametrize("proxies", ['["*"]', '["0.0.0.0/0"]', '["::/0"]', '["nginx"]'])
def test_proxies_that_are_everybody_are_refused(proxies: str) -> None:
    with pytest.raises(SettingsUnsafe) as refused:
        Settings.load({"TRUSTED_PROXIES": proxies})
    assert refused.value.params["reason"] == "proxies_everybody"
    assert Settings.load({"TRUSTED_PROXIES": '["10.0.0.0/8", "fd00::1"]'}).trusted_proxies


def test_artifacts_lie_in_the_data_directory_unless_told_otherwise() -> None:
    assert Settings.load({"LGMA_DATA_DIR": "/srv/x"}).artifacts_url == "file:///srv/x/artifacts"
    assert Settings.load({"ARTIFACTS_URL": "s3://bucket/prefix"}).artifacts_url == "s3://bucket/prefix"


def test_a_longer_lease_makes_the_reaper_wait_longer() -> None:
    assert Settings.load({}).reaper_healthy_seconds == 8
    assert Settings.load({"LEASE_SECONDS": "12"}).reaper_healthy_seconds == 16
    assert Settings.load({"HEARTBEAT_SECONDS": "1"}).reaper_healthy_seconds == 7


def test_every_setting_is_described_once() -> None:
    described = list(Settings.describe())
    names = [info.variable for info in described]
    assert len(names) == len(set(names)) == len(Settings.model_fields)
    assert {"LGMA_HOST", "LGMA_LANG", "WORKFLOW_TIMEOUT", "LLM_MODEL_<AGENT>"} <= set(names)
    assert {info.variable for info in described if info.is_secret} == {
        "LGMA_API_KEY",
        "LLM_API_KEY",
        "DATABASE_URL",
        "REDIS_URL",
        "QUEUE_REDIS_URL",
    }


def test_texts_exist_in_both_languages() -> None:
    texts = {key: entry for key, entry in catalogue().items() if key.startswith("settings.")}
    assert texts
    assert all(entry["zh"] and entry["en"] for entry in texts.values())
