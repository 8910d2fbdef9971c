"""Values that contradict each other, can mean nothing, or are unsafe on any machine.

Caller: `Settings.load`. Invariant: all that is wrong is found at once, in the same order each time, for the
first of it is what the sentence names. What only production refuses: `production`.
"""

import re
from collections.abc import Iterator, Mapping
from ipaddress import ip_network
from typing import Any
from urllib.parse import urlsplit

from langgraph_multi_agent.settings.addresses import (
    is_loopback,
    is_nearly_all,
    network_of,
    parsed,
    redis_place,
    scheme_of,
)
from langgraph_multi_agent.settings.production import production_faults
from langgraph_multi_agent.settings.refusal import fault
from langgraph_multi_agent.settings.values import AGENT_MODEL_PREFIX, Values, variable_of

POSTGRESQL = frozenset({"postgres", "postgresql", "postgresql+psycopg"})
REDIS = frozenset({"redis", "rediss", "unix"})

_HOST_PATTERN = re.compile(
    r"(?:\*\.)?(?!(?:[^.]*\.)*(?:0x[0-9a-f]*|[0-9]+)\.?$)[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?"
    r"(?:\.[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?)*\.?",
    re.IGNORECASE,
)
"""A host name, or `*.` and one; not what a browser would read as an IPv4 address."""


def contradictions(s: Values, env: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """Entries for `refusal`, none if the values may become `Settings`."""
    yield from _order_faults(s)
    yield from _model_faults(s)
    yield from _network_faults(s)
    yield from _access_faults(s)
    if s.profile == "production":
        yield from production_faults(s, env)
    yield from _outgoing_faults(s)
    if s.teams is not None and not _names_attribute(s.teams):
        yield fault("LGMA_TEAMS", "not_module_attribute", "has the form module:attribute")
    yield from _address_faults(s)


def _order_faults(s: Values) -> Iterator[dict[str, Any]]:
    """Values that must stand in a certain order to each other."""
    if s.heartbeat_seconds >= s.lease_seconds / 2:
        yield fault("HEARTBEAT_SECONDS", "heartbeat_too_slow", "must be below LEASE_SECONDS / 2")
    if s.owner_grace_seconds >= s.lease_seconds:
        yield fault("OWNER_GRACE_SECONDS", "grace_not_below_lease", "must be below LEASE_SECONDS")
    if s.owner_grace_seconds <= s.heartbeat_seconds:
        yield fault("OWNER_GRACE_SECONDS", "grace_not_above_heartbeat", "must exceed HEARTBEAT_SECONDS")
    if s.reaper_healthy_seconds < s.lease_seconds + s.heartbeat_seconds:
        yield fault("REAPER_HEALTHY_SECONDS", "reaper_too_early", "must be LEASE_SECONDS + HEARTBEAT_SECONDS or more")
    for smaller, larger in (
        ("subtask_timeout", "workflow_timeout"),
        ("skill_timeout", "workflow_timeout"),
        ("max_plan_depth", "max_subtasks"),
        ("max_xlsx_bytes", "max_input_bytes"),
    ):
        if getattr(s, smaller) > getattr(s, larger):
            limit = variable_of(larger)
            yield fault(variable_of(smaller), "above_limit", f"must not exceed {limit}", limit=limit)


def _model_faults(s: Values) -> Iterator[dict[str, Any]]:
    if s.llm_model is None:
        wanting = [f"{AGENT_MODEL_PREFIX}{agent.upper()}" for agent in s.llm_models]
        wanting += ["LLM_FALLBACK_MODEL"] if s.llm_fallback_model else []
        for setting in wanting:
            yield fault(setting, "model_missing", "needs LLM_MODEL")
    elif s.llm_fallback_model == s.llm_model:
        yield fault("LLM_FALLBACK_MODEL", "fallback_is_primary", "must differ from LLM_MODEL")
    if s.url is not None and (urlsplit(s.url).scheme not in {"http", "https"} or not urlsplit(s.url).hostname):
        yield fault("LGMA_URL", "not_http_url", "must be an http(s) URL")
    if s.llm_base_url is not None:
        url = urlsplit(s.llm_base_url)
        if url.scheme not in {"http", "https"} or not url.hostname:
            yield fault("LLM_BASE_URL", "not_http_url", "must be an http(s) URL")
        elif url.username or url.password:
            yield fault("LLM_BASE_URL", "credentials_in_url", "put the key into LLM_API_KEY")


def _network_faults(s: Values) -> Iterator[dict[str, Any]]:
    is_production = s.profile == "production"
    for origin in s.cors_origins:
        url = urlsplit(origin)
        if origin == "*":
            if is_production:
                yield fault("CORS_ORIGINS", "cors_wildcard", "no wildcard in production")
        elif url.scheme not in {"http", "https"} or not url.netloc or url.path or url.query:
            yield fault("CORS_ORIGINS", "cors_not_origin", "each entry is scheme://host[:port]")
        elif is_production and url.scheme != "https":
            yield fault("CORS_ORIGINS", "cors_not_https", "https only in production")


def _access_faults(s: Values) -> Iterator[dict[str, Any]]:
    """Nobody is let in without a credential but on the machine itself."""
    if not s.enable_auth and not is_loopback(s.host):
        yield fault("ENABLE_AUTH", "auth_off_in_public", "may be off only on a loopback address", host=s.host)
    elif not s.enable_auth and s.profile == "production":
        yield fault("ENABLE_AUTH", "auth_off_in_production", "must be on in production")
    key = s.api_key.get_secret_value() if s.api_key else ""
    if not all("!" <= letter <= "~" for letter in key):
        yield fault("LGMA_API_KEY", "key_unreadable", "holds a character that no key has")
    for entry in s.trusted_proxies:
        try:
            is_wide = ip_network(entry, strict=False).prefixlen == 0
        except ValueError:
            is_wide = True
        if is_wide:
            yield fault("TRUSTED_PROXIES", "proxies_everybody", "each entry is an address or a network of some")
    if s.oidc_issuer is not None:
        url = parsed(s.oidc_issuer)
        if url is None or not url.hostname or url.query or url.username:
            yield fault("OIDC_ISSUER", "not_http_url", "must be an https URL")
        elif url.scheme != "https" and not (url.scheme == "http" and is_loopback(url.hostname)):
            yield fault("OIDC_ISSUER", "issuer_not_https", "must be an https URL")
        if not s.oidc_audience:
            yield fault("OIDC_AUDIENCE", "audience_missing", "must be set with OIDC_ISSUER")


def _outgoing_faults(s: Values) -> Iterator[dict[str, Any]]:
    """An entry that lets everything through, or can match nothing, is a slip of the pen."""
    for entry in s.outgoing_allowed:
        network = network_of(entry)
        is_wrong = _HOST_PATTERN.fullmatch(entry) is None if network is None else network.prefixlen == 0
        if is_wrong:
            yield fault("OUTGOING_ALLOWED", "outgoing_entry", "each entry is a host name, an address or a network")
    networks = [network for entry in s.outgoing_allowed if (network := network_of(entry)) is not None]
    if is_nearly_all(networks) and all(network.prefixlen for network in networks):
        yield fault("OUTGOING_ALLOWED", "networks_nearly_all", "together the networks are nearly all there are")
    if s.outgoing_access == "listed" and not s.outgoing_allowed:
        yield fault("OUTGOING_ALLOWED", "outgoing_unlisted", "must list something with OUTGOING_ACCESS=listed")


def _names_attribute(value: str) -> bool:
    """Whether every comma-separated part is `module:attribute`."""
    for part in value.split(","):
        module, colon, attribute = part.strip().partition(":")
        if not (colon and attribute.isidentifier() and all(p.isidentifier() for p in module.split("."))):
            return False
    return True


def _address_faults(s: Values) -> Iterator[dict[str, Any]]:
    """Addresses of the data plane; the words never repeat an address, which may hold a password."""
    scheme = scheme_of(s.database_url)
    if scheme.startswith(("postgres+", "postgresql+")) and scheme not in POSTGRESQL:
        yield fault("DATABASE_URL", "database_driver", "PostgreSQL is reached through psycopg")
    elif scheme not in POSTGRESQL | {"sqlite"}:
        yield fault("DATABASE_URL", "database_unknown", "must be a sqlite or postgresql URL")
    elif parsed(s.database_url) is None:
        yield fault("DATABASE_URL", "address_unreadable", "is no URL")
    redis = {"REDIS_URL": s.redis_url, "QUEUE_REDIS_URL": s.queue_redis_url}
    faults = [
        fault(setting, "redis_unknown", "must be a redis, rediss or unix URL")
        if scheme_of(address) not in REDIS
        else fault(setting, "address_unreadable", "is no URL")
        for setting, address in redis.items()
        if address and (scheme_of(address) not in REDIS or redis_place(address) is None)
    ]
    yield from faults
    places = {redis_place(address) for address in redis.values() if address}
    if not faults and all(redis.values()) and len(places) == 1:
        yield fault("QUEUE_REDIS_URL", "queue_is_cache", "must name another database than REDIS_URL")
    url = parsed(s.artifacts_url)
    if url is None:
        yield fault("ARTIFACTS_URL", "address_unreadable", "is no URL")
    elif url.username or url.password:
        yield fault("ARTIFACTS_URL", "artifacts_credentials", "put the keys into AWS_ACCESS_KEY_ID and so on")
    elif not (url.scheme == "s3" and url.hostname) and not (
        url.scheme in {"", "file"} and not url.netloc and url.path.startswith("/")
    ):
        yield fault("ARTIFACTS_URL", "artifacts_unknown", "must be file:///directory or s3://bucket/prefix")
