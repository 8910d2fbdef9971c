"""Settings: parsed once, frozen, and refused when they contradict each other."""

import json
from pathlib import Path

import pytest

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


def test_all_faults_are_told_at_once() -> None:
    fields = [error["field"] for error in refusal({"LGMA_PORT": "x", "MAX_FILES": "0"}).errors]
    assert fields == ["LGMA_PORT", "MAX_FILES"]


def test_a_wildcard_origin_is_allowed_locally() -> None:
    assert Settings.load({"CORS_ORIGINS": '["*"]'}).cors_origins == ("*",)


def test_secrets_show_neither_in_repr_nor_in_refusals() -> None:
    env = {
        "LLM_MODEL": "m",
        "LLM_API_KEY": "sk-canary",
        "DATABASE_URL": "postgresql://u:canary@h/d",
    }
    settings = Settings.load(env)
    assert "canary" not in repr(settings)
    assert "canary" not in json.dumps(refusal({**env, "MAX_FILES": "sk-canary"}).errors)


def test_every_setting_is_described_once() -> None:
    described = list(Settings.describe())
    names = [info.variable for info in described]
    assert len(names) == len(set(names)) == len(Settings.model_fields)
    assert {"LGMA_HOST", "LGMA_LANG", "WORKFLOW_TIMEOUT", "LLM_MODEL_<AGENT>"} <= set(names)
    assert {info.variable for info in described if info.is_secret} == {"LLM_API_KEY", "DATABASE_URL"}


def test_texts_exist_in_both_languages() -> None:
    texts = {key: entry for key, entry in catalogue().items() if key.startswith("settings.")}
    assert texts
    assert all(entry["zh"] and entry["en"] for entry in texts.values())
