"""Every setting, parsed once and frozen.

Hides where values come from (environment, explicit overrides) and how text becomes a typed
value. `bootstrap` calls `Settings.load` and passes the result; nobody imports a value from here.
Invariant: a `Settings` that exists is consistent; a contradictory or unsafe one was refused
with `SettingsUnsafe`, which names the environment variable.

`values` says which settings there are, `contradictions` and `production` what is refused. Texts for
people: `i18n/settings.py`.
"""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qs, unquote, urlsplit

from pydantic import PrivateAttr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, EnvSettingsSource, PydanticBaseSettingsSource, SettingsError

from langgraph_multi_agent.settings.addresses import parsed, redis_place
from langgraph_multi_agent.settings.contradictions import contradictions
from langgraph_multi_agent.settings.refusal import fault, refusal
from langgraph_multi_agent.settings.values import AGENT_MODEL_PREFIX, Values, variable_of

SECRETS = frozenset({"api_key", "llm_api_key", "database_url", "redis_url", "queue_redis_url"})
"""Fields that may hold a password: never in `repr`, a log or an error."""
_SECRET_NAME = re.compile(r"(?:KEY|SECRET|TOKEN|PASSWORD|PASSWD|PASSPHRASE|CREDENTIALS?)$", re.IGNORECASE)
MIN_SECRET_CHARS = 8
"""A shorter value under such a name is rather a word than a secret."""


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


class Settings(Values):
    """All settings. Build it with `Settings.load`, never directly."""

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
            raise refusal([fault(variable_of(named[1]) if named else "", "not_json", "not valid JSON")]) from error
        values[variable_of("llm_models")] = _agent_models(environment)
        values.setdefault(variable_of("data_dir"), _default_data_dir(environment))
        values.update((variable_of(name), value) for name, value in overrides.items())
        try:
            settings = cls(**values)
        except ValidationError as error:
            raise refusal(
                [
                    fault(
                        str(item["loc"][0]) if item["loc"] else "",
                        "invalid_value",
                        item["msg"],
                        rule=item["type"],
                    )
                    for item in error.errors(include_url=False, include_input=False, include_context=False)
                ]
            ) from None
        faults = list(contradictions(settings, environment))
        if faults:
            raise refusal(faults)
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
            cache, queue = redis_place(self.redis_url), redis_place(self.queue_redis_url)
            if cache and queue and cache[:2] == queue[:2]:
                found.append(SettingWarning(setting="QUEUE_REDIS_URL", code="queue_beside_cache"))
        return found

    def require_shared_database(self) -> None:
        """Several processes need a database that several processes may own.

        Raises:
            SettingsUnsafe: DATABASE_URL names SQLite.
        """
        if self.is_sqlite:
            raise refusal([fault("DATABASE_URL", "needs_postgresql", "several processes need PostgreSQL")])


def _others_secrets(env: Mapping[str, str]) -> Iterator[str]:
    """Values of variables whose names say that they are secret, and passwords in addresses."""
    for name, value in env.items():
        if _SECRET_NAME.search(name) and len(value) >= MIN_SECRET_CHARS:
            yield value
        if "://" in value and (url := parsed(value)) is not None and url.password:
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
