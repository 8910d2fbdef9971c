"""What a tenant is told that has reached its limits."""

from langgraph_multi_agent.i18n.errors import error_texts

TEXTS: dict[str, dict[str, str]] = {
    **error_texts(
        "QUOTA_EXCEEDED",
        (
            "进行中的任务已到上限",
            "你们的团队最多同时有 {limit} 个未结束的任务，这次没有接收。",
            "等其中一个结束，或取消不再需要的任务，然后再提交一次；要提高上限请找管理员。",
        ),
        (
            "As many tasks as allowed",
            "Your tenant may have {limit} tasks that have not ended; this one was not accepted.",
            "Wait until one of them ends, or cancel one that is no longer needed, then submit again. An admin can raise the limit.",
        ),
    ),
    **error_texts(
        "DAY_QUOTA_EXCEEDED",
        (
            "今天的用量已到上限",
            "你们的团队今天（UTC）的模型用量已用 {spent}，上限是 {limit}（{what}）。",
            "UTC 零点后重试，已完成的子任务不会重做；要提高上限请找管理员。",
        ),
        (
            "Today's allowance is used up",
            "Your tenant has spent {spent} of {limit} ({what}) on models today (UTC).",
            "Try again after midnight UTC; finished subtasks are kept. An admin can raise the limit.",
        ),
    ),
}
