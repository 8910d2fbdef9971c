"""Words of `lgma privacy`."""

from langgraph_multi_agent.i18n.errors import error_texts


def _pairs(words: dict[str, tuple[str, str]]) -> dict[str, dict[str, str]]:
    return {f"cli.{key}": {"zh": zh, "en": en} for key, (zh, en) in words.items()}


def _trouble(code: str, zh: tuple[str, str, str], en: tuple[str, str, str]) -> dict[str, dict[str, str]]:
    parts = zip(("title", "detail", "hint"), zh, en, strict=True)
    return {f"cli.error.{code}.{part}": {"zh": z, "en": e} for part, z, e in parts}


TEXTS: dict[str, dict[str, str]] = {
    **_pairs(
        {
            "privacy.help": (
                "导出或删除一个人、一个租户的全部数据。",
                "Hand out or erase all that is stored of one person or tenant.",
            ),
            "privacy.export.help": (
                "把一个人或一个租户的全部数据写成一个 zip 文件：账号、任务及其步骤和文件、对话、设置等。不含密码、密钥及其哈希。",
                (
                    "Write all that is stored of one person or tenant into one zip file: account, tasks with their steps "
                    "and files, conversations, settings and more. Never passwords, keys or hashes of them."
                ),
            ),
            "privacy.erase.help": (
                "删除一个人或一个租户的全部数据。先列出要删除和保留的内容，确认后分小批删除；中断后再执行一次会接着做完。",
                (
                    "Erase all that is stored of one person or tenant. Shows what goes and what stays, asks, then deletes "
                    "in small batches; if it is interrupted, the same again goes on."
                ),
            ),
            "option.privacy_user": (
                "这个人的数据：用户名；用令牌或密钥访问的写审计日志里的名称，例如 token:… 或 key:…。",
                "This person's: the name of a user, or token:… or key:… as the audit log has it.",
            ),
            "option.privacy_tenant": (
                "这个租户的全部数据；与 --user 一起用时，只限这个租户里的那个人。",
                "All of this tenant; together with --user, of the person in this tenant.",
            ),
            "option.privacy_to": ("要写入的 zip 文件；不覆盖已有文件。", "The zip file to write; never one that exists."),
            "option.privacy_cancel": (
                "先取消正在执行的任务并等它们停下，最多 60 秒。",
                "Cancel running tasks first and wait for them, up to 60 s.",
            ),
            "option.privacy_confirm": (
                "与 --yes 一起用：名称必须与要删除的一致，防止写错。",
                "With --yes: the name must be the one that is erased, against slips.",
            ),
            "usage.privacy_whose": (
                "请用 --user 或 --tenant 指明是谁的数据。",
                "Say whose data with --user or --tenant.",
            ),
            "column.privacy_rows": ("行数", "ROWS"),
            "column.privacy_fate": ("处理", "WHAT HAPPENS"),
            "privacy.kept": ("保留", "stays"),
            "privacy.erased": ("删除", "erased"),
            "privacy.plan_files": (
                "任务文件：{count} 个，共 {bytes} 字节；别的任务也在用的内容保留。",
                "Files of tasks: {count}, {bytes} bytes; contents that other tasks use too stay.",
            ),
            "privacy.audit_stays": (
                "审计日志保留，共 {count} 行：它只增不改，每一行都由下一行的哈希锁定，其中的名称或编号无法抹去。这次删除也会记入。",
                (
                    "The audit log stays, {count} rows: it only grows, and each row is sealed by the next, so the name "
                    "or id in it cannot go. This erasure is recorded there too."
                ),
            ),
            "privacy.only_recorded": (
                (
                    "归 {name} 的任务是：由其提交或导入的，以及其对话或定时任务产生的。"
                    "其余任务、智能体重置和配额只属于租户 {tenant}，要一并删除请用 --tenant。"
                ),
                (
                    "Tasks are of {name} that they submitted or imported, or that their conversation or schedules made. "
                    "Other tasks, resets of agents and quotas belong to the tenant {tenant} only: --tenant erases "
                    "those too."
                ),
            ),
            "privacy.will_unname": (
                "另有 {count} 个别人的任务在历史中提到此人，任务保留，名称会被替换。",
                "{count} tasks of others name them in their history: the tasks stay, the name is replaced.",
            ),
            "privacy.keys": (
                "其创建的 {count} 个密钥会被删除，使用它们的程序将无法访问；程序用密钥做的事归 key:<编号>，可以用 --user key:<编号> 另行删除。",
                (
                    "{count} keys that they made are erased, and programs that show them get in no more. What was done with a "
                    "key is of key:<id>: --user key:<id> erases that."
                ),
            ),
            "privacy.elsewhere": (
                "不在范围内：备份、日志文件，以及正在运行的服务内存里的模型回答（最多保留 CACHE_TTL 秒）。",
                "Not reached: backups, log files, and answers of models in the memory of a running server (CACHE_TTL seconds).",
            ),
            "privacy.missing": (
                "有 {count} 个文件的内容已不在存储中，清单里列出了它们。",
                "The content of {count} files is not in the storage any more; the manifest names them.",
            ),
            "privacy.unnamed": (
                "在别人任务的 {count} 处记录里去掉了名称。",
                "The name was taken out of {count} records of others' tasks.",
            ),
            "privacy.files_left": (
                "有 {count} 个文件的内容刚存入不久，由服务在一天后的清理中删除；也可以停止服务后再执行一次。",
                (
                    "The contents of {count} files were stored too lately to be told from uploads under way: the server "
                    "removes them after a day, or the same again with the server stopped."
                ),
            ),
            "privacy.redis_away": (
                "Redis 没有响应：其中的登录和模型回答缓存可能还在，请稍后再执行一次。",
                "Redis did not answer: sessions and cached answers may be left there. Run the same again later.",
            ),
            "dry_run.privacy": ("试运行：没有做任何改动。", "Dry run: nothing was changed."),
            "confirm.privacy_user": (
                "将永久删除租户 {tenant} 中 {name} 的数据，共 {rows} 行。",
                "This erases {rows} rows of {name} in the tenant {tenant} for good.",
            ),
            "confirm.privacy_tenant": (
                "将永久删除租户 {name} 的全部数据，共 {rows} 行。",
                "This erases all {rows} rows of the tenant {name} for good.",
            ),
            "done.privacy_export": (
                "已导出，含 {files} 个文件，共 {bytes} 字节。",
                "Exported, with {files} files of {bytes} bytes.",
            ),
            "done.privacy_erase": (
                "已删除 {name} 的数据：{rows} 行，{files} 个文件。",
                "Erased {name}: {rows} rows and {files} files.",
            ),
        }
    ),
    **_trouble(
        "FILE_EXISTS",
        ("文件已存在", "{path} 已经存在，没有改动它。", "换一个文件名，或者先移走它。"),
        ("The file exists", "{path} exists already and was left as it is.", "Choose another name, or move it away first."),
    ),
    **_trouble(
        "ARCHIVE_UNWRITABLE",
        ("无法写入文件", "{path} 写不进去：{reason}。", "换一个可以写入的目录，并确认磁盘有空间。"),
        ("The file cannot be written", "{path}: {reason}.", "Choose a folder that this account may write to, with room."),
    ),
    **error_texts(
        "SUBJECT_NOT_FOUND",
        ("没有这个人或租户", "这里没有“{name}”的任何数据。", "用 lgma users list 查看用户和租户；名称区分大小写。"),
        (
            "There is no such person or tenant",
            "Nothing of “{name}” is stored here.",
            "lgma users list shows users and tenants; names are case-sensitive.",
        ),
    ),
    **error_texts(
        "SUBJECT_AMBIGUOUS",
        ("不清楚是哪个租户", "“{name}”在多个租户里都有数据：{tenants}。", "用 --tenant 指明其中一个。"),
        (
            "It is not clear which tenant is meant",
            "“{name}” has data in several tenants: {tenants}.",
            "Name one of them with --tenant.",
        ),
    ),
    **error_texts(
        "TASKS_RUNNING",
        (
            "还有任务在执行",
            "要删除的任务中有 {count} 个正在执行，没有做任何改动。",
            "等它们结束，或者加 --cancel 先取消。",
        ),
        (
            "Tasks are running",
            "{count} of the tasks to erase are being worked on; nothing was changed.",
            "Wait until they have ended, or add --cancel to cancel them first.",
        ),
    ),
    **error_texts(
        "ERASURE_UNFINISHED",
        (
            "删除还没有做完",
            (
                "仍有 {count} 个任务在执行，暂时删不掉。账号已停用，密钥已吊销，定时任务已停止，等待中的任务已取消；"
                "已经删除的内容无法恢复。"
            ),
            "等这些任务停下后，再执行一次同样的命令并加上 --cancel，会接着做完。",
        ),
        (
            "The erasure is not finished",
            (
                "{count} tasks are still being worked on and could not be erased. Accounts are disabled, keys revoked, "
                "schedules stopped and waiting tasks cancelled; what was erased is gone."
            ),
            "When they have stopped, run the same command again with --cancel: it goes on.",
        ),
    ),
}
