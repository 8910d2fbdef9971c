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
    "error.SCHEDULE_NOT_FOUND.title": {"zh": "定时任务不存在", "en": "No such schedule"},
    "error.SCHEDULE_NOT_FOUND.detail": {
        "zh": "没有编号为“{schedule}”的定时任务，或者它已被删除。",
        "en": "There is no schedule “{schedule}”, or it was deleted.",
    },
    "error.SCHEDULE_NOT_FOUND.hint": {
        "zh": "请用定时任务列表确认编号。",
        "en": "Look up the id in the list of schedules.",
    },
    "error.SCHEDULE_EXISTS.title": {"zh": "定时任务名称已被使用", "en": "The name is taken"},
    "error.SCHEDULE_EXISTS.detail": {
        "zh": "已经有一个名为“{name}”的定时任务。",
        "en": "There is a schedule “{name}” already.",
    },
    "error.SCHEDULE_EXISTS.hint": {
        "zh": "请换一个名称，或修改已有的定时任务。",
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
    "error.SCHEDULE_UNREADABLE.title": {"zh": "读不懂这个定时任务", "en": "The schedule cannot be read"},
    "error.SCHEDULE_UNREADABLE.detail": {
        "zh": "{fire_at} 的触发没有提交任务：保存的内容有误（{reason}）。",
        "en": "The fire of {fire_at} made no task: what is stored of it is wrong ({reason}).",
    },
    "error.SCHEDULE_UNREADABLE.hint": {
        "zh": "请删除后重新添加；其他定时任务不受影响。",
        "en": "Delete it and add it anew; other schedules go on.",
    },
    "cli.tasks.schedule.help": {
        "zh": "管理定时任务。",
        "en": "Tasks that come again.",
    },
    "cli.tasks.schedule.list.help": {
        "zh": "列出定时任务。",
        "en": "List schedules.",
    },
    "cli.tasks.schedule.show.help": {
        "zh": "显示一个定时任务：时间、内容、最近一次触发。",
        "en": "Show one schedule: its times, its task, how the last fire went.",
    },
    "cli.tasks.schedule.add.help": {
        "zh": "添加定时任务：在 cron 表达式的每个时间点提交一次。",
        "en": "Add a schedule: a task is submitted at each time of a cron line.",
    },
    "cli.tasks.schedule.pause.help": {
        "zh": "暂停一个定时任务，不再触发。",
        "en": "Pause a schedule: it fires no more.",
    },
    "cli.tasks.schedule.resume.help": {
        "zh": "恢复一个定时任务，从下一个时间点开始。",
        "en": "Resume a schedule, from its next time on.",
    },
    "cli.tasks.schedule.remove.help": {
        "zh": "删除一个定时任务；它已提交的任务保留。",
        "en": "Remove a schedule; the tasks that it made stay.",
    },
    "cli.tasks.schedule.run.help": {
        "zh": "现在就提交一次，不影响原定时间。",
        "en": "Submit its task now; its times stay as they are.",
    },
    "cli.argument.schedule": {
        "zh": "定时任务的名称或编号。",
        "en": "Name or id of a schedule.",
    },
    "cli.argument.schedule_name": {
        "zh": "名称，不能重复。",
        "en": "Its name, which must be unique.",
    },
    "cli.argument.cron": {
        "zh": "五个字段：分 时 日 月 星期，例如 '0 9 * * MON-FRI'。",
        "en": "Five fields: minute hour day month weekday, such as '0 9 * * MON-FRI'.",
    },
    "cli.argument.schedule_request": {
        "zh": "每次要做什么。",
        "en": "What is to be done each time.",
    },
    "cli.option.timezone": {
        "zh": "cron 所用的时区，IANA 名称，默认 UTC。",
        "en": "Time zone of the cron line, an IANA name; UTC by default.",
    },
    "cli.column.schedule": {
        "zh": "定时任务",
        "en": "SCHEDULE",
    },
    "cli.column.times": {
        "zh": "时间",
        "en": "TIMES",
    },
    "cli.column.next_fire": {
        "zh": "下次触发",
        "en": "NEXT",
    },
    "cli.column.last_fire": {
        "zh": "上次触发",
        "en": "LAST FIRE",
    },
    "cli.column.start": {
        "zh": "最早开始",
        "en": "STARTS",
    },
    "cli.schedule.none": {
        "zh": "没有定时任务。",
        "en": "No schedules.",
    },
    "cli.schedule.paused": {
        "zh": "已暂停",
        "en": "paused",
    },
    "cli.schedule.needs_server": {
        "zh": "触发需要服务器在运行：lgma serve",
        "en": "It fires while a server runs: lgma serve",
    },
    "cli.dry_run.schedule_add": {
        "zh": "将添加定时任务“{name}”：{cron}（{timezone}）。",
        "en": "Would add the schedule “{name}”: {cron} ({timezone}).",
    },
    "cli.dry_run.schedule_remove": {
        "zh": "将删除定时任务“{name}”。",
        "en": "Would remove the schedule “{name}”.",
    },
    "cli.dry_run.schedule_run": {
        "zh": "将提交“{name}”的任务：{title}。",
        "en": "Would submit the task of “{name}”: {title}.",
    },
    "cli.dry_run.schedule_pause": {
        "zh": "将暂停定时任务“{name}”。",
        "en": "Would pause the schedule “{name}”.",
    },
    "cli.dry_run.schedule_resume": {
        "zh": "将恢复定时任务“{name}”。",
        "en": "Would resume the schedule “{name}”.",
    },
    "cli.confirm.schedule_remove": {
        "zh": "删除定时任务“{name}”（{cron}）。",
        "en": "Remove the schedule “{name}” ({cron})?",
    },
    "cli.done.schedule_add": {
        "zh": "已添加定时任务“{name}”，首次触发：{time}",
        "en": "Added the schedule “{name}”; its first fire is {time}",
    },
    "cli.done.schedule_remove": {
        "zh": "已删除定时任务“{name}”。",
        "en": "Removed the schedule “{name}”.",
    },
    "cli.done.schedule_pause": {
        "zh": "已暂停定时任务“{name}”。{time}",
        "en": "Paused the schedule “{name}”.{time}",
    },
    "cli.done.schedule_resume": {
        "zh": "已恢复定时任务“{name}”，下次触发：{time}",
        "en": "Resumed the schedule “{name}”; its next fire is {time}",
    },
    "cli.error.SCHEDULE_UNKNOWN.title": {
        "zh": "没有这个定时任务",
        "en": "No such schedule",
    },
    "cli.error.SCHEDULE_UNKNOWN.detail": {
        "zh": "没有名称或编号为“{schedule}”的定时任务。",
        "en": "There is no schedule with the name or id “{schedule}”.",
    },
    "cli.error.SCHEDULE_UNKNOWN.hint": {
        "zh": "用 lgma tasks schedule list 查看。",
        "en": "lgma tasks schedule list shows them.",
    },
}
