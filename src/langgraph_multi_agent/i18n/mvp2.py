"""Messages of the MVP2 adapter's answers about tasks and the system."""

TEXTS: dict[str, dict[str, str]] = {
    "frame.chat_message": {"zh": "{sender}发来一条消息", "en": "A message from {sender}"},
    "mvp2.health": {"zh": "适配器运行正常", "en": "The adapter is well"},
    "mvp2.health_ill": {"zh": "这些依赖没有正常应答：{names}", "en": "These dependencies do not answer as they should: {names}"},
    "mvp2.status": {"zh": "系统状态", "en": "System status"},
    "mvp2.task_created": {"zh": "任务“{name}”已创建，智能体即将开始处理", "en": "Task “{name}” is created; the agents start on it shortly"},
    "mvp2.tasks_listed": {"zh": "共找到 {count} 个任务", "en": "{count} tasks found"},
    "mvp2.tasks_listed_capped": {"zh": "找到的任务超过 {count} 个", "en": "More than {count} tasks found"},
    "mvp2.stats": {"zh": "任务统计", "en": "Task statistics"},
    "mvp2.task_read": {"zh": "任务详情", "en": "Task details"},
    "mvp2.task_updated": {"zh": "任务“{name}”已更新", "en": "Task “{name}” is updated"},
    "mvp2.task_cancelling": {"zh": "任务“{name}”正在取消，正在执行的步骤停下后生效", "en": "Task “{name}” is being cancelled: the step under way stops first"},
    "mvp2.task_deleted": {"zh": "任务已删除", "en": "The task is deleted"},
}
