"""Tokens of another issuer: what counts, and the many that do not (RFC 8725)."""

import base64
import hmac
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from langgraph_multi_agent.access.policy import Means, Role
from langgraph_multi_agent.api.auth.tokens import ASK_AGAIN_S, KEYS_LAST_S, KEYS_SERVE_S, TokenVerifier
from langgraph_multi_agent.domain.errors import AuthenticationRequired, DependencyUnavailable

pytestmark = pytest.mark.anyio

ISSUER, AUDIENCE = "https://login.example", "lgma"
OLD, NEW, OTHER = (rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(3))
CURVE = ec.generate_private_key(ec.SECP256R1())


class Issuer:
    """Answers like one, counts what it is asked, and can be away."""

    def __init__(self) -> None:
        self.keys: dict[str, Any] = {"old": OLD, "curve": CURVE}
        self.asked, self.is_away, self.name = 0, False, ISSUER
        self.keys_at = f"{ISSUER}/keys"

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked += 1
        if self.is_away:
            raise httpx.ConnectError("away", request=request)
        if request.url.path.endswith("openid-configuration"):
            return httpx.Response(200, json={"issuer": self.name, "jwks_uri": self.keys_at})
        return httpx.Response(200, json={"keys": [jwk(name, key) for name, key in self.keys.items()]})


def jwk(name: str, key: Any) -> dict[str, Any]:
    kind: Any = ECAlgorithm if isinstance(key, ec.EllipticCurvePrivateKey) else RSAAlgorithm
    described = json.loads(kind.to_jwk(key.public_key()))
    algorithm = "ES256" if kind is ECAlgorithm else "RS256"
    return {**described, "kid": name, "use": "sig", "alg": algorithm}


@asynccontextmanager
async def verifying(
    issuer: Issuer, *, monotonic: Callable[[], float] = time.monotonic, tenant_claim: str | None = "tenant"
) -> AsyncIterator[TokenVerifier]:
    async with httpx.AsyncClient(transport=httpx.MockTransport(issuer)) as client:
        yield TokenVerifier(
            issuer=ISSUER,
            audience=AUDIENCE,
            algorithms=("RS256", "ES256"),
            role_claim="roles",
            tenant_claim=tenant_claim,
            client=client,
            monotonic=monotonic,
        )


def claims(**changes: Any) -> dict[str, Any]:
    now = int(time.time())
    whole = {
        "iss": ISSUER, "aud": AUDIENCE, "sub": "u-1", "exp": now + 300, "iat": now,
        "roles": ["guest", "operator", "user"], "tenant": "harbour", "preferred_username": "li",
    }  # fmt: skip
    return {name: value for name, value in {**whole, **changes}.items() if value is not None}


def token(
    key: Any = OLD, *, kid: str | None = "old", algorithm: str = "RS256", headers: Any = None, **changes: Any
) -> str:
    more = {**({"kid": kid} if kid else {}), **(headers or {})}
    return jwt.encode(claims(**changes), key, algorithm=algorithm, headers=more)


def encoded(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def unsigned(**header: Any) -> str:
    head = {"alg": "none", "typ": "JWT", "kid": "old", **header}
    return f"{encoded(json.dumps(head).encode())}.{encoded(json.dumps(claims()).encode())}."


def signed_with_the_public_key() -> str:
    """What a verifier that believes the header takes for signed (RFC 8725, section 2.1)."""
    format_ = serialization.PublicFormat.SubjectPublicKeyInfo
    secret = OLD.public_key().public_bytes(serialization.Encoding.PEM, format_)
    message = unsigned(alg="HS256")[:-1]
    return f"{message}.{encoded(hmac.digest(secret, message.encode(), 'sha256'))}"


async def test_a_token_names_its_principal_with_the_highest_role_that_is_ours() -> None:
    async with verifying(Issuer()) as verifier:
        found = await verifier.principal(token())
        assert (found.id, found.name, found.tenant, found.role, found.means) == (
            "u-1", "li", "harbour", Role.OPERATOR, Means.TOKEN,
        )  # fmt: skip
        assert found.actor == "token:u-1"  # the name is what its bearer may have chosen
        plain = await verifier.principal(
            token(CURVE, kid="curve", algorithm="ES256", preferred_username=None, roles="viewer")
        )
        assert (plain.name, plain.tenant, plain.role) == ("u-1", "harbour", Role.VIEWER)
    async with verifying(Issuer(), tenant_claim=None) as verifier:
        assert (await verifier.principal(token())).tenant == "default"


def refused() -> dict[str, str]:
    now = int(time.time())
    good = token()
    head, body, signature = good.split(".")
    return {
        "nothing": "",
        "no token": "x.y.z",
        "two parts": f"{head}.{body}",
        "too long": good + "x" * 20_000,
        "none": unsigned(),
        "None": unsigned(alg="None"),
        "no algorithm": unsigned(alg=None),
        "an algorithm that is not pinned": token(algorithm="RS512"),
        "the public key as a shared secret": signed_with_the_public_key(),
        "another curve's algorithm": token(CURVE, kid="old", algorithm="ES256"),
        "another key": token(OTHER),
        "an unknown key": token(OTHER, kid="other"),
        "no key id": token(kid=None),
        "its own key": token(OTHER, kid="other", headers={"jwk": jwk("other", OTHER)}),
        "its own address of keys": token(OTHER, kid="x", headers={"jku": "https://evil.example/keys"}),
        "a path as key id": token(kid="../../etc/passwd"),
        "a changed signature": f"{head}.{body}.{signature[:-8]}AAAAAAAA",
        "a changed body": f"{head}.{token(sub='admin').split('.')[1]}.{signature}",
        "expired": token(exp=now - 3600),
        "no end": token(exp=None),
        "not yet": token(nbf=now + 3600),
        "another issuer": token(iss="https://evil.example"),
        "no issuer": token(iss=None),
        "another audience": token(aud="billing"),
        "no audience": token(aud=None),
        "no subject": token(sub=None),
        "an endless subject": token(sub="s" * 121),
        "no role": token(roles=None),
        "roles that are not ours": token(roles=["root", "Owner"]),
        "roles of a wrong kind": token(roles={"admin": True}),
        "a tenant of a wrong kind": token(tenant=7),
        "a tenant with a colon": token(tenant="import:0d9f"),
        "an empty tenant": token(tenant=""),
        "no tenant": token(tenant=None),
        "a subject with a NUL": token(sub="u\x001"),
    }


@pytest.mark.parametrize("what", sorted(refused()))
async def test_any_other_token_counts_for_nothing(what: str) -> None:
    async with verifying(Issuer()) as verifier:
        with pytest.raises(AuthenticationRequired):
            await verifier.principal(refused()[what])


async def test_new_keys_are_fetched_when_a_token_names_one_and_not_for_every_unknown_name() -> None:
    now, issuer = [1000.0], Issuer()
    async with verifying(issuer, monotonic=lambda: now[0]) as verifier:
        await verifier.principal(token())
        asked = issuer.asked
        issuer.keys = {"new": NEW}
        now[0] += ASK_AGAIN_S + 1
        assert (await verifier.principal(token(NEW, kid="new"))).name == "li"
        assert issuer.asked == asked + 2
        with pytest.raises(AuthenticationRequired):  # what the issuer took back counts no more
            await verifier.principal(token())
        for number in range(50):
            with pytest.raises(AuthenticationRequired):
                await verifier.principal(token(kid=f"made up {number}"))
        assert issuer.asked == asked + 2


async def test_an_issuer_that_is_away_is_no_refusal_and_known_keys_go_on_counting() -> None:
    now, issuer = [1000.0], Issuer()
    async with verifying(issuer, monotonic=lambda: now[0]) as verifier:
        issuer.is_away = True
        for _ in range(2):  # also before it may be asked again
            with pytest.raises(DependencyUnavailable):
                await verifier.principal(token())
        issuer.is_away = False
        now[0] += ASK_AGAIN_S + 1
        await verifier.principal(token())
        issuer.is_away = True
        now[0] += KEYS_LAST_S + 1
        assert (await verifier.principal(token())).name == "li"
        now[0] += KEYS_SERVE_S
        with pytest.raises(DependencyUnavailable):
            await verifier.principal(token())


async def test_an_issuer_that_names_itself_otherwise_is_not_ours() -> None:
    issuer = Issuer()
    issuer.name = "https://evil.example"
    async with verifying(issuer) as verifier:
        with pytest.raises(DependencyUnavailable):
            await verifier.principal(token())


async def test_keys_that_would_come_over_plain_http_are_not_fetched() -> None:
    issuer = Issuer()
    issuer.keys_at = "http://login.example/keys"
    async with verifying(issuer) as verifier:
        with pytest.raises(DependencyUnavailable):
            await verifier.principal(token())
        assert issuer.asked == 1
