"""Words of `lgma db retention`."""

TEXTS: dict[str, dict[str, str]] = {
    "cli.panel.data": {"zh": "数据", "en": "Data"},
    "cli.db.help": {"zh": "照管数据库。", "en": "Look after the database."},
    "cli.db.retention.help": {"zh": "清理过期的数据。", "en": "Clear away what has passed its time."},
    "cli.db.retention.plan.help": {
        "zh": "列出各表中已过保留期的行数和最早时间，不做删除。",
        "en": "Count the rows of each table that have passed their time, and find the oldest; deletes nothing.",
    },
    "cli.db.retention.run.help": {
        "zh": "删除已过保留期的数据。先列出计划并要求确认；分小批进行，随时可以中断再继续。",
        "en": (
            "Delete what has passed its time. The plan is shown and confirmed first; it goes in small batches "
            "and may be interrupted and run again."
        ),
    },
    "cli.column.table": {"zh": "表", "en": "TABLE"},
    "cli.column.older_than": {"zh": "保留期", "en": "KEPT FOR"},
    "cli.column.overdue": {"zh": "过期行数", "en": "OVERDUE"},
    "cli.column.oldest": {"zh": "最早", "en": "OLDEST"},
    "cli.column.deleted": {"zh": "已删除", "en": "DELETED"},
    "cli.retention.days": {"zh": "{days} 天", "en": "{days} d"},
    "cli.retention.line": {
        "zh": "{table}：{count} 行超过 {days} 天",
        "en": "{table}: {count} rows older than {days} d",
    },
    "cli.retention.nothing": {"zh": "没有过期的数据。", "en": "Nothing has passed its time."},
    "cli.retention.so_far": {"zh": "已删除 {count} 行，继续……", "en": "{count} rows deleted so far …"},
    "cli.retention.elsewhere": {
        "zh": "另一个进程正在清理，这里已停下；已删除 {count} 行。",
        "en": "Another process is clearing up, so this one stopped after {count} rows.",
    },
    "cli.dry_run.retention": {"zh": "将删除约 {count} 行。", "en": "About {count} rows would be deleted."},
    "cli.confirm.retention": {
        "zh": "从 {directory} 删除约 {count} 行，无法恢复。",
        "en": "Delete about {count} rows of {directory} for good?",
    },
    "cli.done.retention": {"zh": "已删除 {count} 行。", "en": "{count} rows deleted."},
}
