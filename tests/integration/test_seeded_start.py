"""What a process is opened with; seeded faults showed that nothing noticed."""

from pathlib import Path

import pytest
from tests.support.servers import RedisServer

from langgraph_multi_agent import redis_client
from langgraph_multi_agent.bootstrap.adapters import open_adapters
from langgraph_multi_agent.cache import redis as cache_redis
from langgraph_multi_agent.domain.errors import SettingsUnsafe
from langgraph_multi_agent.feed import redis as feed_redis
from langgraph_multi_agent.queue import redis as queue_redis
from langgraph_multi_agent.settings import Settings
from langgraph_multi_agent.telemetry.metrics import Metrics


async def test_a_process_that_sees_another_storage_than_its_database_knows_does_not_start(tmp_path: Path) -> None:
    def settings(storage: str) -> Settings:
        return Settings.load({}, data_dir=tmp_path / "data", artifacts_url=str(tmp_path / storage))

    for _ in range(2):
        async with open_adapters(settings("shared"), processes=1, metrics=Metrics(with_process=False)) as adapters:
            stored = await adapters.artifacts.put(b"kept")
    with pytest.raises(SettingsUnsafe, match="artifacts_not_shared"):
        async with open_adapters(settings("not mounted"), processes=1, metrics=Metrics(with_process=False)):
            pass
    async with open_adapters(settings("shared"), processes=1, metrics=Metrics(with_process=False)) as adapters:
        assert await adapters.artifacts.read(stored.digest) == b"kept"


@pytest.mark.servers
async def test_the_cache_and_the_queue_share_no_fate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (cache_redis, feed_redis, queue_redis, redis_client):
        monkeypatch.setattr(module, "CALL_S", 60.0)
    monkeypatch.setattr(redis_client, "CONNECT_S", 60.0)
    with RedisServer() as of_cache, RedisServer() as of_queue:
        urls = {"redis_url": of_cache.url(), "queue_redis_url": of_queue.url()}
        settings = Settings.load({}, data_dir=tmp_path / "data", **urls)
        async with open_adapters(settings, processes=1, metrics=Metrics(with_process=False)) as adapters:
            assert await adapters.doorbell.ping()
            assert await adapters.cache.ping()
            of_cache.stop()
            assert await adapters.doorbell.ping()
            assert await adapters.feed.ping()
            assert not await adapters.cache.ping()
