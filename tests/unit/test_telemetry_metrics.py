"""Metrics: the names that dashboards ask for, bounded labels, no singletons."""

import pytest

from langgraph_multi_agent.domain.task import TaskStatus
from langgraph_multi_agent.telemetry.metrics import MAX_LABEL_VALUES, Metrics


def shown(metrics: Metrics) -> str:
    body, content_type = metrics.render()
    assert content_type.startswith("text/plain")
    return body.decode()


def sample(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(name, labels)


@pytest.mark.parametrize(
    "name",
    [
        "http_requests_total", "http_request_duration_seconds", "langgraph_tasks_total",
        "langgraph_tasks_active", "langgraph_agents_active", "langgraph_workflow_duration_seconds",
        "langgraph_errors_total", "langgraph_recovery_attempts_total", "langgraph_failed_tasks_total",
        "langgraph_task_queue_length", "langgraph_queue_wait_seconds", "langgraph_websocket_connections",
        "langgraph_llm_tokens_total", "langgraph_llm_cost_total", "langgraph_llm_calls_total",
        "langgraph_journal_commit_seconds", "langgraph_journal_batch_steps",
    ],
)  # fmt: skip
def test_the_name_is_exposed(name: str) -> None:
    assert f"# TYPE {name} " in shown(Metrics())


def test_the_manuals_grep_finds_the_gauge() -> None:
    metrics = Metrics()
    metrics.tasks_active.set(2)
    assert "langgraph_tasks_active 2.0" in shown(metrics).splitlines()


def test_two_instances_share_nothing() -> None:
    first, second = Metrics(), Metrics()
    first.error("LEASE_LOST")
    assert sample(first, "langgraph_errors_total", type="LEASE_LOST") == 1
    assert sample(second, "langgraph_errors_total", type="LEASE_LOST") is None


def test_requests_count_by_route_template() -> None:
    metrics = Metrics()
    metrics.http(method="GET", route="/api/v1/tasks/{id}", status=200, duration_s=0.02)
    metrics.http(method="BREW", route=None, status=404, duration_s=0.02)
    assert sample(metrics, "http_requests_total", method="GET", route="/api/v1/tasks/{id}", status="200") == 1
    assert sample(metrics, "http_requests_total", method="other", route="unmatched", status="404") == 1
    assert sample(metrics, "http_request_duration_seconds_count", method="other", route="unmatched") == 1


def test_statuses_exist_before_the_first_task() -> None:
    metrics = Metrics()
    assert all(sample(metrics, "langgraph_tasks_total", status=status) == 0 for status in TaskStatus)


def test_a_failed_task_counts_twice_and_times_once() -> None:
    metrics = Metrics()
    metrics.task_entered(TaskStatus.FAILED, duration_s=3)
    assert sample(metrics, "langgraph_tasks_total", status="failed") == 1
    assert sample(metrics, "langgraph_failed_tasks_total") == 1
    assert sample(metrics, "langgraph_workflow_duration_seconds_sum", status="failed") == 3


def test_an_open_label_is_bounded() -> None:
    metrics = Metrics(with_process=False)
    for number in range(MAX_LABEL_VALUES + 50):
        metrics.error(f"CODE_{number}")
    assert sample(metrics, "langgraph_errors_total", type="other") == 50


def test_unknown_outcomes_count_as_other() -> None:
    metrics = Metrics()
    metrics.recovery("retried")
    metrics.recovery("prayed")
    metrics.llm_call("exploded", duration_s=1)
    assert sample(metrics, "langgraph_recovery_attempts_total", outcome="retried") == 1
    assert sample(metrics, "langgraph_recovery_attempts_total", outcome="other") == 1
    assert sample(metrics, "langgraph_llm_calls_total", outcome="other") == 1


def test_spending_adds_up_by_direction_and_model() -> None:
    metrics = Metrics()
    metrics.llm_spent(model="m", input_tokens=10, output_tokens=4, cost=0.5)
    metrics.llm_spent(model="m", input_tokens=5, output_tokens=1, cost=0.25)
    assert sample(metrics, "langgraph_llm_tokens_total", direction="input", model="m") == 15
    assert sample(metrics, "langgraph_llm_tokens_total", direction="output", model="m") == 5
    assert sample(metrics, "langgraph_llm_cost_total") == 0.75


def test_process_memory_is_optional() -> None:
    assert "process_resident_memory_bytes" in shown(Metrics())
    assert "process_resident_memory_bytes" not in shown(Metrics(with_process=False))
