"""500 secrets, made up here, planted where secrets come from: none is seen where people look.

They come from the environment, from inputs that are refused, from addresses and from the errors of models
and agents. They must not be in logs, events, metrics or error answers.
"""

import base64
import io
import json
import logging
import random
import string
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pytest
import structlog
from tests.support.openai_server import OpenAIServer, failure
from tests.support.server import Desk, open_desk

from langgraph_multi_agent.access import DEFAULT_SCOPE
from langgraph_multi_agent.access.policy import Role
from langgraph_multi_agent.domain.clock import SystemClock
from langgraph_multi_agent.domain.errors import Fault, ModelUnavailable, SkillFailed
from langgraph_multi_agent.domain.ports import ModelMessage, ModelRequest
from langgraph_multi_agent.domain.task import Action, Cost
from langgraph_multi_agent.engine.coordinator import error_json
from langgraph_multi_agent.models import Gateway
from langgraph_multi_agent.settings import Settings
from langgraph_multi_agent.telemetry import redaction
from langgraph_multi_agent.telemetry.logs import configure_logs
from langgraph_multi_agent.telemetry.redaction import redacted

pytestmark = pytest.mark.anyio

EACH = 25
WORD, HEX = string.ascii_letters + string.digits, string.digits + "abcdef"


@dataclass(frozen=True, slots=True)
class Planted:
    """`needle` must be nowhere; `text` is how it comes along."""

    needle: str
    text: str


def made(chance: random.Random, length: int, of: str = WORD) -> str:
    return "".join(chance.choice(of) for _ in range(length))


def shapes() -> dict[str, Callable[[random.Random], Planted]]:
    def plain(prefix: str, length: int, of: str = WORD) -> Callable[[random.Random], Planted]:
        def one(chance: random.Random) -> Planted:
            needle = prefix + made(chance, length, of)
            return Planted(needle, f"refused for {needle}, said the endpoint")

        return one

    def inside(template: str, length: int = 20) -> Callable[[random.Random], Planted]:
        def one(chance: random.Random) -> Planted:
            needle = made(chance, length)
            return Planted(needle, template.format(needle))

        return one

    def jwt(chance: random.Random) -> Planted:
        header = base64.urlsafe_b64encode(b'{"alg":"RS256"}').decode().rstrip("=")
        signature = made(chance, 43)
        return Planted(signature, f"token eyJ{header[3:]}.{made(chance, 40)}.{signature} has expired")

    def block(chance: random.Random) -> Planted:
        body, kind = made(chance, 64), "RSA PRIVATE KEY-----"
        return Planted(body, f"-----BEGIN {kind}\n{body}\n{made(chance, 64)}\n-----END {kind}")

    def own_key(chance: random.Random) -> Planted:
        secret = made(chance, 43)
        return Planted(secret, f"lgma_{made(chance, 12, string.ascii_lowercase + string.digits)}_{secret}")

    def basic(chance: random.Random) -> Planted:
        needle = base64.b64encode(made(chance, 24).encode()).decode()
        return Planted(needle, f"Authorization: Basic {needle}")

    return {
        "own key": own_key,
        "openai": plain("sk-", 40),
        "openai project": plain("sk-proj-", 48),
        "anthropic": plain("sk-ant-api03-", 60),
        "bearer": inside("Authorization: Bearer {}", 32),
        "basic": basic,
        "jwt": jwt,
        "redis": inside("redis://:{}@cache.example:6379/0 refused"),
        "postgresql": inside("could not connect to postgresql://app:{}@db.example/app"),
        "slash in a password": inside("postgresql://app:p/w:@{}@db.example/app", 16),
        "https": inside("GET https://user:{}@api.example/v1 failed"),
        "user alone": inside("https://{}@git.example/x.git", 36),
        "query": inside("GET https://api.example/v1?key={}&page=2", 24),
        "aws id": plain("AKIA", 16, string.ascii_uppercase + string.digits),
        "aws secret": inside("aws_secret_access_key={}", 40),
        "github": plain("ghp_", 36),
        "google": plain("AIza", 35),
        "password": inside("password: {}", 14),
        "json": inside('{{"api_key": "{}", "model": "m"}}', 24),
        "private key": block,
    }


def planted() -> list[Planted]:
    chance = random.Random(20261122)
    return [shape(chance) for shape in shapes().values() for _ in range(EACH)]


SECRETS = planted()


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    """What is logged in the meantime, all of it."""
    root = logging.getLogger()
    kept, level, stream = root.handlers[:], root.level, io.StringIO()
    configure_logs(level="DEBUG", stream=stream)
    yield stream
    redaction.know(())
    root.handlers[:] = kept
    root.setLevel(level)
    structlog.reset_defaults()


def seen(words: str) -> list[str]:
    return [secret.text for secret in SECRETS if secret.needle in words]


def test_there_are_five_hundred_and_each_is_another() -> None:
    assert len(SECRETS) == len({secret.needle for secret in SECRETS}) == 500
    assert all(secret.needle in secret.text for secret in SECRETS)


def test_none_is_logged_by_us_or_by_a_library_or_in_a_stack(logged: io.StringIO) -> None:
    ours, theirs = structlog.get_logger("x"), logging.getLogger("library")
    for secret in SECRETS:
        ours.info("model.refused", reason=secret.text, nested={"headers": [secret.text]})
        theirs.warning("failed: %s", secret.text)
        try:
            raise RuntimeError(secret.text)
        except RuntimeError:
            ours.exception("agent.failed")
    assert len(logged.getvalue().splitlines()) == 3 * len(SECRETS)
    assert seen(logged.getvalue()) == []


def test_what_the_environment_calls_secret_is_known_whatever_its_shape(logged: io.StringIO) -> None:
    chance = random.Random(7)
    names = ["AWS_SECRET_ACCESS_KEY", "SMTP_PASSWORD", "OPENAI_API_KEY", "VAULT_TOKEN", "SIGNING_SECRET"]
    env = {name: " ".join(made(chance, 6) for _ in range(3)) for name in names}
    env |= {"BROKER": "amqp://app:two%20words@mq.example", "LGMA_DATA_DIR": "/nowhere", "LOG_LEVEL": "DEBUG"}
    settings = Settings.load(env)
    configure_logs(level="DEBUG", stream=logged, secrets=settings.secrets)
    hidden = [*(env[name] for name in names), "two words", "two%20words"]
    for value in hidden:
        logging.getLogger("library").warning("called with %s", value)
        assert value not in redacted(f"called with {value}")
        assert value not in json.dumps(error_json(RuntimeError(f"called with {value}")))
    assert not [value for value in hidden if value in logged.getvalue()]
    assert not [value for value in hidden if value in repr(settings)]


async def asked(desk: Desk, number: int, secret: Planted, headers: dict[str, str]) -> str:
    """The answer to a request that carries a secret where it does not belong."""
    client, text = desk.client, secret.text
    match number % 5:
        case 0:
            answer = await client.post("/api/v1/tasks", json={"description": "x", "team": text}, headers=headers)
        case 1:
            answer = await client.post("/api/v1/tasks", json={"description": "x", text: 1}, headers=headers)
        case 2:
            answer = await client.get(f"/api/v1/nothing/{quote(text, safe='')}", headers=headers)
        case 3:
            answer = await client.get("/api/v1/tasks", params={"limit": text}, headers=headers)
        case _:
            body = {"name": "n", "cron": text, "timezone": text, "task": {"description": "x"}}
            answer = await client.post("/api/v1/schedules", json=body, headers=headers)
    assert answer.status_code >= 400, answer.text
    return answer.text


async def test_none_is_in_an_error_answer_or_a_metric(tmp_path: Path, logged: io.StringIO) -> None:
    limits = {"rate_limit": "999999/second", "rate_limit_failures": "999999/second"}
    async with open_desk(tmp_path / "data", enable_auth=True, **limits) as desk:
        made_key = await desk.services.identities.create_key(DEFAULT_SCOPE, name="k", role=Role.ADMIN)
        headers = {"authorization": f"Bearer {made_key.secret}"}
        answers = []
        for number, secret in enumerate(SECRETS):
            answers.append(await asked(desk, number, secret, headers))
            if number % 4 == 0:
                refused = await desk.client.get("/api/v1/tasks", headers={"authorization": f"Bearer {secret.needle}"})
                assert refused.status_code == 401
                answers.append(refused.text)
        metrics = (await desk.client.get("/metrics", headers=headers)).text
    assert "langgraph" in metrics
    # JSON writes a line break otherwise; needles hold none.
    assert seen("\n".join(answers)) == []
    assert seen(metrics) == []
    assert seen(logged.getvalue()) == []
    assert made_key.secret not in logged.getvalue()


async def test_none_gets_from_an_error_of_a_model_a_skill_or_an_agent_into_the_task(
    tmp_path: Path, logged: io.StringIO
) -> None:
    kinds: list[Callable[[str], BaseException]] = [
        RuntimeError,
        lambda words: ModelUnavailable(reason="rejected", model="m", detail=words),
        lambda words: SkillFailed(reason=words, skill="charts"),
    ]
    errors = [error_json(kind(secret.text)) for secret in SECRETS for kind in kinds]
    assert seen(json.dumps(errors)) == []
    async with open_desk(tmp_path / "data") as desk:
        shown = ""
        for error in errors[:: len(errors) // 20]:
            task_id = (await desk.submit())["id"]
            await desk.claim(task_id)
            await desk.finish(task_id, Action.FAIL, error=error)
            shown += (await desk.client.get(f"/api/v1/tasks/{task_id}")).text
            shown += (await desk.client.get(f"/api/v1/tasks/{task_id}/events")).text
    assert "failed" in shown
    assert seen(shown) == []
    assert seen(logged.getvalue()) == []


class Free:
    """A budget without an end."""

    async def reserve(self, *, tokens: int, cost: float) -> str:
        return "r"

    async def settle(self, reservation: str, spent: Cost) -> None: ...


async def test_none_comes_out_of_a_real_endpoint_that_repeats_what_it_was_sent(logged: io.StringIO) -> None:
    words = [" ".join(secret.text for secret in SECRETS[start::EACH]) for start in range(EACH)]
    with OpenAIServer() as server:
        env = {"LLM_MODEL": "m", "LLM_BASE_URL": server.base_url, "LLM_API_KEY": "sk-x", "LLM_MAX_RETRIES": "0"}
        gateway = Gateway(Settings.load(env), clock=SystemClock())
        request = ModelRequest(agent="writer", messages=(ModelMessage(role="user", content="hello"),))
        faults = []
        for message in words:
            server.add(failure(400, message))
            with pytest.raises(Fault) as refused:
                await gateway.complete(request, budget=Free())
            faults.append(json.dumps(error_json(refused.value)) + str(refused.value))
        await gateway.close()
    assert len(faults) == EACH
    assert seen("\n".join(faults)) == []
    assert seen(logged.getvalue()) == []


async def test_what_a_person_wrote_in_a_task_stays_as_it_is(tmp_path: Path) -> None:
    async with open_desk(tmp_path / "data") as desk:
        for secret in SECRETS[::100]:
            made_task = await desk.submit(f"why does this fail: {secret.text}")
            shown = (await desk.client.get(f"/api/v1/tasks/{made_task['id']}")).json()
            assert secret.text in shown["description"]


@pytest.mark.parametrize(
    "words",
    [
        "42 tokens were used of 100",
        "the file https://example.com:8443/reports/2026?page=2 was read",
        "see a.b@example.com for the key figures; the secret of success is time",
        "lgma_teams is no module; run lgma keys create --role user",
        "步骤 3 的口令行不通，请看第 5 页",
    ],
)
def test_ordinary_words_stay(words: str) -> None:
    assert redacted(words) == words
