"""Tokens of an OpenID Connect issuer, for machines and single sign-on in front of us.

Hides where the issuer's keys are and when they are fetched again. Caller: `gate`. Invariant: a token
counts only with a pinned asymmetric algorithm, our audience, the configured issuer and a time that has
not passed (RFC 8725, sections 3.1, 3.8 and 3.9); what it says of itself is never trusted before.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

import httpx
import jwt
import structlog
from jwt import PyJWK, PyJWKSet

from langgraph_multi_agent.access import TENANT
from langgraph_multi_agent.access.policy import Means, Principal, Role
from langgraph_multi_agent.domain.errors import AuthenticationRequired, DependencyUnavailable
from langgraph_multi_agent.domain.task import DEFAULT_TENANT

log = structlog.get_logger(__name__)

DISCOVERY = "/.well-known/openid-configuration"
KEYS_LAST_S = 600.0
KEYS_SERVE_S = 86_400.0
"""How long keys count while the issuer is away: it may have taken one back."""
ASK_AGAIN_S = 10.0
"""An unknown key id asks the issuer at most this often, however many tokens name one."""
DEADLINE_S = 5.0
LEEWAY_S = 30.0
MAX_TOKEN_CHARS = 16_384
MAX_ANSWER_BYTES = 256 * 1024
NAME_CHARS = 120


class TokenVerifier:
    """Tokens of one issuer.

    Args:
        client: for the issuer's keys; closed by its opener.
        role_claim: holds one of our role names, or a list with some; the highest counts.
        tenant_claim: every token must then have it; None: all are of the tenant `default`.
    """

    def __init__(
        self,
        *,
        issuer: str,
        audience: str,
        algorithms: tuple[str, ...],
        role_claim: str,
        tenant_claim: str | None,
        client: httpx.AsyncClient,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._issuer, self._audience, self._algorithms = issuer, audience, algorithms
        self._role_claim, self._tenant_claim = role_claim, tenant_claim
        self._client, self._monotonic = client, monotonic
        self._keys: dict[str, PyJWK] = {}
        self._fetched_at = -KEYS_LAST_S
        self._asked_at = -ASK_AGAIN_S
        self._turn = asyncio.Lock()

    async def principal(self, token: str) -> Principal:
        """Whom a token names.

        Raises:
            AuthenticationRequired: it does not count here.
            DependencyUnavailable: the issuer's keys are not to be had.
        """
        if len(token) > MAX_TOKEN_CHARS:
            raise AuthenticationRequired(reason="malformed")
        try:
            header = jwt.get_unverified_header(token)
        except jwt.PyJWTError as error:
            raise AuthenticationRequired(reason="malformed") from error
        algorithm, key_id = header.get("alg"), header.get("kid")
        if algorithm not in self._algorithms or not isinstance(key_id, str):
            raise AuthenticationRequired(reason="algorithm")
        key = await self._key(key_id)
        if key.algorithm_name != algorithm:
            raise AuthenticationRequired(reason="algorithm")
        try:
            claims = jwt.decode(
                token,
                key,
                algorithms=[algorithm],
                audience=self._audience,
                issuer=self._issuer,
                leeway=LEEWAY_S,
                options={"require": ["exp", "iss", "aud", "sub"]},
            )
        except jwt.ExpiredSignatureError as error:
            raise AuthenticationRequired(reason="expired") from error
        except (jwt.PyJWTError, ValueError, TypeError) as error:
            raise AuthenticationRequired(reason="token") from error
        return self._principal_of(claims)

    def _principal_of(self, claims: Mapping[str, Any]) -> Principal:
        said = claims.get(self._role_claim)
        words = said if isinstance(said, list) else str(said or "").split()
        roles = [Role[word.upper()] for word in words if isinstance(word, str) and word.upper() in Role.__members__]
        if not roles:
            raise AuthenticationRequired(reason="no_role")
        subject = str(claims["sub"])
        if not 0 < len(subject) <= NAME_CHARS or not subject.isprintable():
            raise AuthenticationRequired(reason="token")
        tenant = DEFAULT_TENANT if self._tenant_claim is None else claims.get(self._tenant_claim)
        if not isinstance(tenant, str) or not TENANT.fullmatch(tenant):
            raise AuthenticationRequired(reason="token")
        name = str(claims.get("preferred_username") or subject)[:NAME_CHARS]
        return Principal(id=subject, name=name, tenant=tenant, role=max(roles), means=Means.TOKEN)

    async def _key(self, key_id: str) -> PyJWK:
        if not self._is_fresh() or key_id not in self._keys:
            async with self._turn:
                if not self._is_fresh() or key_id not in self._keys:
                    await self._ask()
        if not self._keys or self._monotonic() - self._fetched_at > KEYS_SERVE_S:
            raise DependencyUnavailable(dependency="oidc", reason="unreachable")
        if key_id not in self._keys:
            raise AuthenticationRequired(reason="unknown_key")
        return self._keys[key_id]

    def _is_fresh(self) -> bool:
        return self._monotonic() - self._fetched_at < KEYS_LAST_S

    async def _ask(self) -> None:
        """Fetch the issuer's keys, unless that was just tried. Keys that are old still serve an outage."""
        now = self._monotonic()
        if now - self._asked_at < ASK_AGAIN_S:
            return
        self._asked_at = now
        try:
            async with asyncio.timeout(DEADLINE_S):
                document = await self._json(self._issuer.rstrip("/") + DISCOVERY)
                if document.get("issuer") != self._issuer:
                    raise ValueError("the issuer names itself otherwise")
                keys = PyJWKSet.from_dict(await self._json(self._checked(str(document["jwks_uri"])))).keys
        except (httpx.HTTPError, TimeoutError, jwt.PyJWTError, ValueError, KeyError, TypeError) as error:
            log.warning("oidc.keys", reason=type(error).__name__)
            return
        self._keys = {key.key_id: key for key in keys if key.key_id and key.public_key_use in (None, "sig")}
        self._fetched_at = now

    def _checked(self, url: str) -> str:
        """Keys over plain http are anybody's, unless the issuer itself is on this machine."""
        if urlsplit(url).scheme != "https" and not self._issuer.startswith("http://"):
            raise ValueError("keys without https")
        return url

    async def _json(self, url: str) -> dict[str, Any]:
        answer = await self._client.get(url, timeout=DEADLINE_S, follow_redirects=False)
        answer.raise_for_status()
        if len(answer.content) > MAX_ANSWER_BYTES:
            raise ValueError("too large")
        body = answer.json()
        if not isinstance(body, dict):
            raise ValueError("no object")
        return body
