"""Words of delayed tasks and schedules: what is wrong with a time, and `lgma tasks schedule`."""

TEXTS: dict[str, dict[str, str]] = {
    "error.field.no_offset": {
        "zh": "时间要带时区，例如 2026-12-31T08:00:00+08:00",
        "en": "needs its UTC offset, such as 2026-12-31T08:00:00+08:00",
    },
    "error.field.start_given_twice": {
        "zh": "start_at 和 delay_s 只能给一个",
        "en": "start_at and delay_s exclude each other",
    },
    "error.field.cron_fields": {
        "zh": "“{value}”要有五个字段：分 时 日 月 星期，例如 0 9 * * MON-FRI",
        "en": "“{value}” needs five fields: minute hour day month weekday, such as 0 9 * * MON-FRI",
    },
    "error.field.cron_invalid": {
        "zh": "“{value}”不是有效的 cron 表达式（{reason}）",
        "en": "“{value}” is no cron line ({reason})",
    },
    "error.field.cron_never": {
        "zh": "“{value}”永远不会触发",
        "en": "“{value}” never fires",
    },
    "error.field.timezone_unknown": {
        "zh": "没有名为“{value}”的时区，请用 IANA 名称，例如 Asia/Shanghai",
        "en": "there is no time zone “{value}”; use an IANA name such as Europe/Berlin",
    },
    "error.SCHEDULE_NOT_FOUND.title": {"zh": "计划不存在", "en": "No such schedule"},
    "error.SCHEDULE_NOT_FOUND.detail": {
        "zh": "没有编号为“{schedule}”的计划，或者它已被删除。",
        "en": "There is no schedule “{schedule}”, or it was deleted.",
    },
    "error.SCHEDULE_NOT_FOUND.hint": {
        "zh": "请用计划列表确认编号。",
        "en": "Look up the id in the list of schedules.",
    },
    "error.SCHEDULE_EXISTS.title": {"zh": "计划名称已被使用", "en": "The name is taken"},
    "error.SCHEDULE_EXISTS.detail": {
        "zh": "已经有一个名为“{name}”的计划。",
        "en": "There is a schedule “{name}” already.",
    },
    "error.SCHEDULE_EXISTS.hint": {
        "zh": "请换一个名称，或修改已有的计划。",
        "en": "Choose another name, or change the existing one.",
    },
    "error.FIRES_SKIPPED.title": {"zh": "错过了一些触发", "en": "Fires were skipped"},
    "error.FIRES_SKIPPED.detail": {
        "zh": "在 {fire_at} 之前错过了 {count} 次触发，只补做了最近的一次。",
        "en": "{count} fires before {fire_at} were missed; only the newest was made up for.",
    },
    "error.FIRES_SKIPPED.hint": {
        "zh": "服务停止期间的触发只补最近一次；计数最多到 1000。",
        "en": "After a time without service only the newest fire is made up for; the count stops at 1000.",
    },
}
