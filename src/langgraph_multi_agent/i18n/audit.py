"""Words of `lgma audit`."""


def _pairs(words: dict[str, tuple[str, str]]) -> dict[str, dict[str, str]]:
    return {f"cli.{key}": {"zh": zh, "en": en} for key, (zh, en) in words.items()}


TEXTS: dict[str, dict[str, str]] = _pairs(
    {
        "audit.help": ("查看审计日志，并验证它没有被改动。", "See who did what, and whether anybody changed that."),
        "audit.log.help": (
            "列出谁做了什么，最新的在前：登录、修改、被拒绝的请求，以及在这台机器上执行的命令。",
            "List who did what, newest first: log-ins, changes, refused requests, and commands at this machine.",
        ),
        "audit.verify.help": (
            "验证整条审计日志：任何一行被修改、删除、插入或换位都会被发现，并指出行号。",
            "Verify the whole log: a row that was changed, removed, added or moved is found and named by its number.",
        ),
        "option.audit_actor": ("只看这个人或密钥的记录。", "Only what this person or key did."),
        "option.audit_action": ("只看这种操作，例如 task.cancel。", "Only this action, such as task.cancel."),
        "option.audit_since": (
            "只看这个时间之后的记录，例如 2026-11-22T08:00:00，按本机时区。",
            "Only from this time on, such as 2026-11-22T08:00:00 on this machine's clock.",
        ),
        "option.audit_before": ("只看行号比它小的记录，用来翻页。", "Only numbers below this one: the next page."),
        "option.audit_from": (
            "从这一行之后开始；写成 行号:哈希 时，同时核对当时记下的哈希。",
            "Begin after this row; with its hash, as SEQ:HASH, it must still be the one that was noted.",
        ),
        "usage.audit_since": ("这个时间超出了可用的范围。", "That is no time that can be looked for."),
        "usage.audit_from": (
            "“{value}”不是行号，也不是 行号:哈希。",
            "“{value}” is no number of a row, and no SEQ:HASH.",
        ),
        "audit.seq": ("行号", "SEQ"),
        "audit.at": ("时间", "TIME"),
        "audit.actor": ("操作者", "WHO"),
        "audit.action": ("操作", "ACTION"),
        "audit.target": ("对象", "ON WHAT"),
        "audit.result": ("结果", "RESULT"),
        "audit.from": ("来源", "FROM"),
        "audit.none": ("没有记录。", "Nothing is recorded."),
        "audit.whole": ("审计日志完整：核对了 {rows} 行，没有改动。", "The audit log is whole: {rows} rows fit."),
        "audit.pruned": (
            "第 {seq} 行及以前的记录已按 AUDIT_RETENTION_DAYS 清理，日志里有这次清理的记录。",
            "Rows up to {seq} passed AUDIT_RETENTION_DAYS and were removed; a row of the log says so.",
        ),
        "audit.too_old": (
            "▲ 第 {seq} 行比保留的记录更早，没能与你记下的哈希核对；已从保留的第一行开始核对。",
            "▲ Row {seq} is older than what is kept, so the hash you noted could not be compared; all that is kept was.",
        ),
        "audit.keep": (
            "把 tail 这一行另存到别处，以后用 lgma audit verify --from 核对，连同时改写日志和链尾的人也瞒不过去。",
            (
                "Keep the line “tail” somewhere else: lgma audit verify --from with it later finds also "
                "somebody who rewrote both the log and its tail."
            ),
        ),
        "audit.flaw.changed": ("第 {seq} 行的内容被改动过。", "Row {seq} was changed."),
        "audit.flaw.missing": ("第 {seq} 行不见了。", "Row {seq} is missing."),
        "audit.flaw.added": ("第 {seq} 行不是系统写入的。", "Row {seq} was not written by the system."),
        "audit.flaw.unanchored": (
            "日志的链尾（第 {seq} 行）与系统记下的不一致。",
            "The end of the log, row {seq}, is not the one that the system noted.",
        ),
        "audit.broken": (
            "请保留现场：先备份数据库，再与此前的备份比对这一行前后的内容。",
            "Keep everything as it is: back up the database, then compare the rows around it with an earlier backup.",
        ),
    }
)
