"""A bare FastAPI route over psycopg that gives the same answer as `GET /api/v1/tasks/{id}`.

One route, one primary-key lookup through an asynchronous pool, the row as JSON by orjson, and
nothing else: no scope, no language, no metrics, no problem documents. Run by `bench.latency`.

    python -m bench.bare --url postgresql://… --port 8001
"""

import argparse
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import orjson
import uvicorn
from fastapi import FastAPI, Response
from psycopg import AsyncConnection
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool

POOL = 8
COLUMNS = (
    "id, title, description, priority, team, deadline, assignee, language, status, status_detail, progress,"
    " input_data, files, budget, cost, result, error, generation, last_seq, created_at, updated_at, started_at,"
    " completed_at, created_by, CASE WHEN run_at > created_at THEN run_at END AS start_at"
)


def application(url: str) -> FastAPI:
    """The application over a database of ours."""
    pool: AsyncConnectionPool[AsyncConnection[DictRow]] = AsyncConnectionPool(
        url,
        min_size=POOL,
        max_size=POOL,
        open=False,
        kwargs={"autocommit": True, "row_factory": dict_row, "prepare_threshold": 0},
    )

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with pool:
            yield

    app = FastAPI(lifespan=lifespan)

    @app.get("/api/v1/tasks/{task_id}")
    async def get_task(task_id: str) -> Response:
        async with pool.connection() as connection:
            found = await connection.execute(
                f"SELECT {COLUMNS} FROM tasks WHERE id = %s".encode(), (task_id,)
            )
            row: dict[str, Any] | None = await found.fetchone()
        if row is None:
            return Response(status_code=404)
        return Response(orjson.dumps(row, option=orjson.OPT_UTC_Z), media_type="application/json")

    return app


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", required=True)
    parser.add_argument("--port", type=int, required=True)
    options = parser.parse_args()
    uvicorn.run(
        application(options.url),
        host="127.0.0.1",
        port=options.port,
        log_level="error",
        access_log=False,
        loop="uvloop",
    )


if __name__ == "__main__":
    main()
