"""The numbers that the system shows to Prometheus.

Hides prometheus-client. `bootstrap` makes one `Metrics` for a process and hands it on; `api`
serves `render()`. Invariants: names are those that operators' dashboards ask for; labels are
bounded (statuses, route templates, error codes, configured models), never ids; label values known
beforehand exist from the start, so that a rate over the first event is not lost.
"""

from typing import Final

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)

from langgraph_multi_agent.domain.task import TaskStatus

MAX_LABEL_VALUES: Final = 200
"""Distinct values that one open label may take in a process; later ones count as `other`."""
METHODS: Final = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"})
RECOVERY_OUTCOMES: Final = ("retried", "other_agent", "other_model", "smaller_scope", "asked", "gave_up")
LLM_OUTCOMES: Final = (
    "ok",
    "rate_limited",
    "server",
    "connect",
    "timeout",
    "cut",
    "not_json",
    "rejected",
    "invalid",
)
CACHES: Final = ("memory", "redis")
CACHE_OUTCOMES: Final = ("hit", "miss", "error")
FEED_DIRECTIONS: Final = ("sent", "received", "dropped")
REDIS_PARTS: Final = ("doorbell.ring", "doorbell.wait", "feed.publish", "feed.listen", "cache", "sessions")

_HTTP_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30)
_RUN_BUCKETS = (0.05, 0.25, 1, 5, 15, 30, 60, 120, 300, 600, 1800, 3600)
_WAIT_BUCKETS = (0.005, 0.025, 0.1, 0.5, 1, 2, 5, 15, 60, 300, 1800)
_STORE_BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5)
_BATCH_BUCKETS = (1, 4, 16, 64, 128, 256, 512)


class Metrics:
    """All metrics of a process, on a registry of their own.

    Args:
        with_process: also show memory, CPU and open files of the process (MEMORY_MONITORING).
    """

    def __init__(self, *, with_process: bool = True) -> None:
        self.registry = registry = CollectorRegistry()
        self._seen: dict[str, set[str]] = {}
        self.http_requests = Counter(
            "http_requests_total", "HTTP requests answered", ["method", "route", "status"], registry=registry
        )
        self.http_duration = Histogram(
            "http_request_duration_seconds",
            "Time to answer an HTTP request",
            ["method", "route"],
            buckets=_HTTP_BUCKETS,
            registry=registry,
        )
        self.tasks = Counter(
            "langgraph_tasks_total", "Tasks that entered a status", ["status"], registry=registry
        )
        self.tasks_active = Gauge(
            "langgraph_tasks_active", "Tasks that are being worked on by this process", registry=registry
        )
        self.agents_active = Gauge(
            "langgraph_agents_active", "Subtasks that agents of this process work on", registry=registry
        )
        self.workflow_duration = Histogram(
            "langgraph_workflow_duration_seconds",
            "Active time of a run until its end",
            ["status"],
            buckets=_RUN_BUCKETS,
            registry=registry,
        )
        self.errors = Counter("langgraph_errors_total", "Errors by stable code", ["type"], registry=registry)
        self.recoveries = Counter(
            "langgraph_recovery_attempts_total",
            "Decisions of the recovery node",
            ["outcome"],
            registry=registry,
        )
        self.failed_tasks = Counter(
            "langgraph_failed_tasks_total", "Tasks that ended as failed", registry=registry
        )
        self.queue_length = Gauge(
            "langgraph_task_queue_length", "Tasks waiting for a slot", registry=registry
        )
        self.queue_wait = Histogram(
            "langgraph_queue_wait_seconds",
            "Time from runnable to claimed",
            buckets=_WAIT_BUCKETS,
            registry=registry,
        )
        self.websockets = Gauge(
            "langgraph_websocket_connections", "Open WebSocket connections", registry=registry
        )
        self.llm_calls = Counter(
            "langgraph_llm_calls_total", "Model calls on the wire", ["outcome"], registry=registry
        )
        self.llm_tokens = Counter(
            "langgraph_llm_tokens_total", "Tokens spent on models", ["direction", "model"], registry=registry
        )
        self.llm_cost = Counter(
            "langgraph_llm_cost_total",
            "Money spent on models, in the currency of the prices set",
            registry=registry,
        )
        self.llm_duration = Histogram(
            "langgraph_llm_call_seconds",
            "Time of one model call on the wire",
            buckets=_RUN_BUCKETS,
            registry=registry,
        )
        self.journal_batch_steps = Histogram(
            "langgraph_journal_batch_steps",
            "Writes committed together",
            buckets=_BATCH_BUCKETS,
            registry=registry,
        )
        self.journal_commit_duration = Histogram(
            "langgraph_journal_commit_seconds",
            "Time of one journal transaction",
            buckets=_STORE_BUCKETS,
            registry=registry,
        )
        self.cache_requests = Counter(
            "langgraph_cache_requests_total",
            "Look-ups in the cache",
            ["cache", "outcome"],
            registry=registry,
        )
        self.cache_evictions = Counter(
            "langgraph_cache_evictions_total",
            "Entries that left the cache before their time, for want of room",
            ["cache"],
            registry=registry,
        )
        self.redis_reconnects = Counter(
            "langgraph_redis_reconnects_total",
            "Returns of Redis after an outage, as each part saw them",
            ["part"],
            registry=registry,
        )
        self.feed_messages = Counter(
            "langgraph_feed_messages_total",
            "Messages between the feeds of the processes",
            ["direction"],
            registry=registry,
        )
        for status in TaskStatus:
            self.tasks.labels(status.value)
        for outcome in RECOVERY_OUTCOMES:
            self.recoveries.labels(outcome)
        for outcome in LLM_OUTCOMES:
            self.llm_calls.labels(outcome)
        for cache in CACHES:
            self.cache_evictions.labels(cache)
            for outcome in CACHE_OUTCOMES:
                self.cache_requests.labels(cache, outcome)
        for direction in FEED_DIRECTIONS:
            self.feed_messages.labels(direction)
        for part in REDIS_PARTS:
            self.redis_reconnects.labels(part)
        if with_process:
            ProcessCollector(registry=registry)

    def http(self, *, method: str, route: str | None, status: int, duration_s: float) -> None:
        """Count a request. `route` is the template (`/tasks/{id}`), None where none matched."""
        method = method if method in METHODS else "other"
        route = self._bounded("route", route or "unmatched")
        self.http_requests.labels(method, route, str(status)).inc()
        self.http_duration.labels(method, route).observe(duration_s)

    def task_entered(self, status: TaskStatus, *, duration_s: float | None = None) -> None:
        """Count a task that entered a status; `duration_s` is its active time when a run ends."""
        self.tasks.labels(status.value).inc()
        if status is TaskStatus.FAILED:
            self.failed_tasks.inc()
        if duration_s is not None:
            self.workflow_duration.labels(status.value).observe(duration_s)

    def error(self, code: str) -> None:
        """Count an error by its stable code."""
        self.errors.labels(self._bounded("type", code)).inc()

    def recovery(self, outcome: str) -> None:
        """Count a decision of the recovery node; an outcome not in RECOVERY_OUTCOMES is `other`."""
        self.recoveries.labels(outcome if outcome in RECOVERY_OUTCOMES else "other").inc()

    def journal_commit(self, writes: int, seconds: float) -> None:
        """Count one transaction of the journal, with endings and checkpoints in it."""
        self.journal_batch_steps.observe(writes)
        self.journal_commit_duration.observe(seconds)

    def llm_call(self, outcome: str, *, duration_s: float) -> None:
        """Count one call on the wire; an outcome not in LLM_OUTCOMES is `other`."""
        self.llm_calls.labels(outcome if outcome in LLM_OUTCOMES else "other").inc()
        self.llm_duration.observe(duration_s)

    def llm_spent(self, *, model: str, input_tokens: int, output_tokens: int, cost: float) -> None:
        """Add what was spent on a model."""
        model = self._bounded("model", model)
        self.llm_tokens.labels("input", model).inc(input_tokens)
        self.llm_tokens.labels("output", model).inc(output_tokens)
        self.llm_cost.inc(cost)

    def render(self) -> tuple[bytes, str]:
        """The exposition text and its content type."""
        return generate_latest(self.registry), CONTENT_TYPE_LATEST

    def _bounded(self, label: str, value: str) -> str:
        seen = self._seen.setdefault(label, set())
        if value in seen:
            return value
        if len(seen) >= MAX_LABEL_VALUES:
            return "other"
        seen.add(value)
        return value
