"""`lgma serve` alone over PostgreSQL: what crashed its process twice runs in one beside the server."""

import httpx
import pytest
from tests.support.fleet import Fleet
from tests.support.servers import free_port


@pytest.mark.timeout(600)
@pytest.mark.servers
def test_poison_ends_the_process_beside_the_server_and_not_the_server() -> None:
    with Fleet({"LEASE_SECONDS": "10"}) as fleet:
        port = free_port()
        server = fleet._start(("serve", "--host", "127.0.0.1", "--port", str(port)), {}, port=port)
        fleet.await_ready(server)
        server_url = f"http://127.0.0.1:{port}"
        body = {"title": "t", "description": "d", "team": "zero_work", "delay_s": 3600}
        with httpx.Client(base_url=server_url, timeout=60) as client:
            wanted = [{**body, "input_data": {"poison": poison}} for poison in (True, False)]
            ids = [client.post("/api/v1/tasks", json=one).json()["id"] for one in wanted]
        # One crash more, without progress, makes the first a dead letter; the second was only in bad company.
        crashed = (
            "UPDATE tasks SET crash_count = %s, crash_mark = 1000, run_at = clock_timestamp()"
            " WHERE id = %s AND status = 'pending'"
        )
        assert [fleet.change(crashed, *values) for values in zip((4, 2), ids, strict=True)] == [1, 1]
        fleet.until_all_ended(ids)
        ended = dict(fleet.query("SELECT id, status FROM tasks"))
        assert [ended[task] for task in ids] == ["failed", "completed"]
        assert {line.pid for line in fleet.executions() if line.task_id == ids[0]} - {server.pid}
        assert server.is_running
        assert httpx.get(f"{server_url}/ready", timeout=60).status_code == 200
        assert server.pid not in {line.pid for line in fleet.executions()}
        server.terminate()
        assert server.wait() == 0
