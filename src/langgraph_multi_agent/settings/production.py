"""What LGMA_PROFILE=production refuses, each with its name: what is only safe on one's own machine.

Hides what passwords everybody knows, and where libpq, Redis and S3 take theirs from. Caller: `contradictions`,
where CORS_ORIGINS and ENABLE_AUTH are judged too: production is only stricter there. Invariant: the words of
a refusal never repeat a secret.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote

from langgraph_multi_agent.settings.addresses import (
    goes_open,
    is_loopback,
    is_nearly_all,
    is_public,
    parsed,
    scheme_of,
)
from langgraph_multi_agent.settings.refusal import fault
from langgraph_multi_agent.settings.values import Values

MIN_PRODUCTION_SECRET_CHARS = 12
KNOWN_SECRETS = frozenset(
    "changeme changeit password passwort secret mysecretpassword mysecret yourpassword yoursecret yoursecretpassword"
    " yourapikey yourkey yourtoken supersecret topsecret postgres postgresql redis admin administrator root user"
    " default example test guest demo lgma langgraph letmein welcome qwerty qwertyuiop password1234 passw0rd"
    " minioadmin minio correcthorsebatterystaple replaceme todo none null empty".split()
)
"""What examples and images come with, without their case, digits at the end and signs between words."""
POSTGRESQL_CREDENTIALS = frozenset({"password", "passfile", "service", "sslcert", "krbsrvname"})
"""Options of libpq that say how it shows who it is; the environment has them with `PG` in front."""
ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT")


def production_faults(s: Values, env: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """Entries for `refusal`; `env` is where the clients of PostgreSQL and S3 look for themselves."""
    if s.log_level == "DEBUG":
        yield fault("LOG_LEVEL", "debug_in_production", "must be INFO or above in production")
    if s.is_sqlite and s.async_workers > 1 and "async_workers" in s.model_fields_set:
        yield fault("ASYNC_WORKERS", "sqlite_one_process", "SQLite is for one process", value=s.async_workers)
    if any(name.strip().removesuffix(".") in {"*", "*."} for name in s.trusted_hosts):
        yield fault("TRUSTED_HOSTS", "hosts_wildcard", "must name the hosts in production")
    if is_nearly_all(s.metrics_allowed_networks):
        yield fault("METRICS_ALLOWED_NETWORKS", "networks_nearly_all", "lets nearly everybody in")
    if s.llm_base_url is not None and goes_open(s.llm_base_url):
        yield fault("LLM_BASE_URL", "open_to_public", "https only to a public host in production")
    endpoint = next((name for name in ENDPOINTS if env.get(name)), None)
    if endpoint is not None and scheme_of(s.artifacts_url) == "s3" and goes_open(env[endpoint]):
        yield fault(endpoint, "open_to_public", "https only to a public host in production")
    for setting in _unlocked(s, env):
        yield fault(setting, "password_missing", "needs a password in production")
    for setting, words, secret in _given_secrets(s, env):
        if len(secret) < MIN_PRODUCTION_SECRET_CHARS or len(set(secret)) < 5:
            limit = MIN_PRODUCTION_SECRET_CHARS
            yield fault(setting, "secret_too_short", f"needs {limit} characters or more", limit=limit)
        elif any(_plain(part) in KNOWN_SECRETS | words for part in (secret, secret[: len(secret) // 2])):
            yield fault(setting, "secret_is_known", "is a password that everybody knows")


def _unlocked(s: Values, env: Mapping[str, str]) -> Iterator[str]:
    """Settings of servers on other machines that let in whoever connects."""
    url = parsed(s.database_url)
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
        url = parsed(address or "")
        if url is None or url.scheme == "unix" or is_loopback(url.hostname or "localhost"):
            continue
        is_given = setting.lower() in s.model_fields_set  # else it is made of REDIS_URL
        if is_given and not url.password and not {"password", "ssl_certfile"} & parse_qs(url.query).keys():
            yield setting


def _given_secrets(s: Values, env: Mapping[str, str]) -> Iterator[tuple[str, frozenset[str], str]]:
    """Each secret with its setting and the words beside it that it must not repeat."""
    for setting, address in (
        ("DATABASE_URL", s.database_url),
        ("REDIS_URL", s.redis_url),
        ("QUEUE_REDIS_URL", s.queue_redis_url if "queue_redis_url" in s.model_fields_set else None),
    ):
        url = parsed(address or "")
        if url is None:
            continue
        beside = (url.username, url.hostname, url.path.strip("/"))
        words = frozenset(_plain(unquote(word)) for word in beside if word)
        given = [url.password, *parse_qs(url.query).get("password", [])]
        yield from ((setting, words, unquote(secret)) for secret in given if secret)
    for setting, key in (("LGMA_API_KEY", s.api_key), ("LLM_API_KEY", s.llm_api_key)):
        # A model server of one's own often takes any key, or the word that its manual names.
        base = parsed(s.llm_base_url or "")
        is_own = setting == "LLM_API_KEY" and base is not None and base.hostname and not is_public(base.hostname)
        if key is not None and not is_own:
            yield setting, frozenset(), key.get_secret_value()
    stored = next((env[name] for name in ENDPOINTS if env.get(name)), "")
    store = parsed(stored)
    secret = env.get("AWS_SECRET_ACCESS_KEY")
    if scheme_of(s.artifacts_url) == "s3" and secret and not (store and store.hostname and is_loopback(store.hostname)):
        yield "AWS_SECRET_ACCESS_KEY", frozenset({_plain(env.get("AWS_ACCESS_KEY_ID", ""))} - {""}), secret


def _plain(secret: str) -> str:
    return re.sub(r"[\W_]+", "", secret.lower()).rstrip("0123456789")
