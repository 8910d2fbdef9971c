"""Words of the command line: help, progress, questions, errors, and the doctor's findings.

Keys: `cli.<command>.help`, `cli.option.*`, `cli.argument.*`, `cli.panel.*` for help pages;
`cli.error.<CODE>.{title,detail,hint}` say what happened, what it means, what to do.
"""


def _pairs(prefix: str, words: dict[str, tuple[str, str]]) -> dict[str, dict[str, str]]:
    return {f"{prefix}{key}": {"zh": zh, "en": en} for key, (zh, en) in words.items()}


def _errors(words: dict[str, tuple[tuple[str, str, str], tuple[str, str, str]]]) -> dict[str, dict[str, str]]:
    parts = ("title", "detail", "hint")
    return {
        f"cli.error.{code}.{part}": {"zh": zh[index], "en": en[index]}
        for code, (zh, en) in words.items()
        for index, part in enumerate(parts)
    }


_HELP = _pairs(
    "cli.",
    {
        "program.help": (
            "自托管的多智能体任务系统：交给它一件事和相关文件，得到一份经过复核的报告。",
            "Self-hosted multi-agent tasks: hand in a task with its files, get a checked report.",
        ),
        "demo.help": (
            "用自带的真实数据演示两个任务，从提交到复核通过的报告。在单独的数据目录里启动真正的服务器，全程走 HTTP。",
            (
                "Show two real tasks on bundled data, from submission to the checked report. "
                "It starts the real server on a data directory of its own and talks HTTP all the way."
            ),
        ),
        "run.help": (
            "提交一个任务并看着它完成，最后给出报告的路径。数据目录上有服务器在运行就交给它，否则在本进程内执行。",
            (
                "Submit a task, watch the agents at work, get the report's path. "
                "A server that runs on the data directory takes the task; without one it is done in this process."
            ),
        ),
        "serve.help": (
            "启动服务器，直到 Ctrl-C 或 SIGTERM。退出前不再接新任务，未完成的任务下次启动时继续。",
            (
                "Run the server until Ctrl-C or SIGTERM. It drains before it ends; "
                "unfinished tasks go on at the next start."
            ),
        ),
        "worker.help": (
            "启动工作进程，与任意多个 lgma serve 配合，需要 PostgreSQL。直到 Ctrl-C 或 SIGTERM；退出前交还未完成的任务。",
            (
                "Run worker processes beside any number of lgma serve; needs PostgreSQL. "
                "Until Ctrl-C or SIGTERM; what is not done is handed back."
            ),
        ),
        "tasks.help": ("查看和处理任务。", "Look at tasks and take a hand in them."),
        "tasks.list.help": ("列出任务，最新的在前。", "List tasks, newest first."),
        "tasks.show.help": (
            "显示一个任务：要求、进展、计划、结果、等待的问题。",
            "Show one task: what was asked, how far it is, its plan, result and open questions.",
        ),
        "tasks.watch.help": (
            "实时跟踪一个任务。Ctrl-C 只是离开，任务继续。",
            "Follow a task live. Ctrl-C leaves it running.",
        ),
        "tasks.run.help": (
            "现在就执行一个已经接收的任务，并导出结果。",
            "Work on an accepted task here and now, and export what comes out.",
        ),
        "tasks.answer.help": (
            "回答任务提出的问题。不写答案时在终端里逐个询问。",
            "Answer a question of a task. Without an answer it is asked in the terminal.",
        ),
        "tasks.cancel.help": (
            "取消任务，等工作真正停下来才返回。",
            "Cancel a task; returns when its work has stopped.",
        ),
        "tasks.pause.help": (
            "暂停任务：不再开始新的子任务，正在做的可以收尾。",
            "Pause a task: nothing new starts, what runs may end.",
        ),
        "tasks.resume.help": ("继续一个暂停的任务。", "Go on with a paused task."),
        "tasks.retry.help": (
            "重新执行失败或取消的任务，已完成的子任务保留。",
            "Work on a failed or cancelled task again; finished subtasks are kept.",
        ),
        "tasks.delete.help": (
            "删除任务及其历史。会先完整备份，并要求确认任务编号。",
            "Delete a task with its history. Everything is copied first, and the task's id must be confirmed.",
        ),
        "tasks.artifacts.help": (
            "列出任务的文件；加 --out 时复制一份。",
            "List a task's files; with --out, copy them.",
        ),
        "agents.help": ("查看和重置智能体。", "Look at agents and set them back."),
        "agents.list.help": ("列出所有智能体和它们的能力。", "List all agents and what they can do."),
        "agents.status.help": (
            "显示智能体在做什么、做得如何。",
            "Show what each agent does now and how well it did.",
        ),
        "agents.reset.help": (
            "重置一个智能体：中止当前工作（会自动重试），重新开始统计。",
            "Reset an agent: its current work is aborted and tried again, its record starts anew.",
        ),
        "doctor.help": (
            "检查本机的运行条件，不做任何改动。",
            "Check what the system needs on this machine; changes nothing.",
        ),
        "help.usage": ("用法：", "Usage:"),
        "help.options": ("[选项]", "[OPTIONS]"),
        "help.command": ("命令 [参数]…", "COMMAND [ARGS]…"),
        "panel.work": ("工作", "Work"),
        "panel.look": ("查看", "Look"),
        "panel.commands": ("命令", "Commands"),
        "panel.arguments": ("参数", "Arguments"),
        "panel.options": ("选项", "Options"),
        "panel.global": ("通用选项", "Options of every command"),
    },
)

_OPTIONS = _pairs(
    "cli.",
    {
        "option.help": ("显示本页帮助。", "Show this page."),
        "option.version": ("显示版本号。", "Show the version."),
        "option.json": (
            "标准输出只有一个 JSON 信封，给程序读。",
            "Write exactly one JSON envelope to standard output, for programs.",
        ),
        "option.output": ("输出格式：table、json、yaml 或 markdown。", "table, json, yaml or markdown."),
        "option.lang": (
            "界面语言，默认取 LGMA_LANG 或系统语言。",
            "Language; otherwise LGMA_LANG, otherwise the locale's.",
        ),
        "option.yes": ("不询问，全部同意。", "Agree to what would be asked."),
        "option.timeout": ("最多等待的秒数，超时退出码为 8。", "Give up after so many seconds, with exit code 8."),
        "option.quiet": ("不显示进度和提示。", "No progress and no remarks."),
        "option.verbose": ("显示日志和出错细节，可重复。", "Show logs and details of errors; repeatable."),
        "option.dry_run": ("只说明会发生什么，不做改动。", "Say what would happen, change nothing."),
        "option.url": (
            "要连接的服务器地址，默认取 LGMA_URL。",
            "Address of the server to talk to; otherwise that of LGMA_URL.",
        ),
        "option.data_dir": (
            "数据目录，默认取 LGMA_DATA_DIR。",
            "Data directory; otherwise that of LGMA_DATA_DIR.",
        ),
        "option.input": ("输入文件，可重复。", "A file to work on; repeatable."),
        "option.title": ("标题，默认取要求的第一行。", "Title; otherwise the first line of the request."),
        "option.priority": (
            "优先级：low、medium、high、urgent（或 1 到 4）。",
            "low, medium, high or urgent (or 1 to 4).",
        ),
        "option.team": ("由哪个团队执行。", "The team that does it."),
        "option.deadline": (
            "期限，如 2h、3d、2026-12-31 或 ISO 8601 时间；只影响排序和逾期统计。",
            "Such as 2h, 3d, 2026-12-31 or an ISO 8601 time; it orders tasks and counts overdue ones.",
        ),
        "option.budget_tokens": ("最多使用多少模型 token。", "Most model tokens it may use."),
        "option.budget_cost": ("最多花费多少模型费用。", "Most it may spend on models."),
        "option.detach": ("提交后立即返回任务编号。", "Return with the task's id as soon as it is accepted."),
        "option.out": (
            "报告和图表写到这个目录，默认是数据目录下的 exports/<任务编号>。",
            "Folder for the report and its charts; otherwise exports/<task> in the data directory.",
        ),
        "option.save_to": ("把文件复制到这个目录。", "Copy the files to this folder."),
        "option.host": ("监听地址，默认 127.0.0.1。", "Address to listen on; 127.0.0.1 by default."),
        "option.port": ("监听端口，默认 8000；0 表示任选空闲端口。", "Port; 8000 by default, 0 for any free one."),
        "option.no_worker": (
            "只提供接口，不执行任务；任务由 lgma worker 执行。",
            "Serve only; lgma worker does the tasks.",
        ),
        "option.processes": (
            "工作进程数，默认取 ASYNC_WORKERS。",
            "How many worker processes; otherwise ASYNC_WORKERS.",
        ),
        "option.process": ("本进程的编号。", "This process's number."),
        "option.lifeline": ("监督进程的生命线描述符。", "Descriptor that ends with the supervisor."),
        "option.lone": ("只执行曾使进程崩溃的任务，一次一个。", "Work only on tasks that crashed their process, one at a time."),
        "option.status": ("只看这些状态，可重复。", "Only tasks in this status; repeatable."),
        "option.limit": ("最多列出多少个。", "At most so many."),
        "option.cursor": ("从上一页给出的位置继续。", "Go on where the page before ended."),
        "option.question": ("问题编号；有多个问题时需要。", "Id of the question; needed when several are open."),
        "option.confirm": ("与 --yes 一起使用，重复写出任务编号。", "With --yes: the task's id once more."),
        "option.fail_on": (
            "从哪一级开始算失败：warning（退出码 3）或 critical（退出码 4）。",
            "What counts as failure: warning (exit code 3) or critical (exit code 4).",
        ),
        "argument.request": ("要做的事，用平常的话写。", "What is to be done, in plain words."),
        "argument.task": ("任务编号。", "Id of the task."),
        "argument.answer": (
            "答案：选项的序号或原文、y/n，或任意文字。",
            "An option's number or words, y or n, or free text.",
        ),
        "argument.agent": ("智能体名称，如 data_analyst。", "Name of the agent, such as data_analyst."),
        "usage.missing": ("缺少 {name}", "{name} is missing"),
        "usage.no_option": ("没有选项 {name}", "There is no option {name}"),
        "usage.no_option_but": ("没有选项 {name}，是不是 {possible}", "There is no option {name}; did you mean {possible}"),
        "usage.no_command": ("没有命令 {name}", "There is no command {name}"),
        "usage.no_command_but": ("没有命令 {name}，是不是 {possible}", "There is no command {name}; did you mean {possible}"),
        "usage.extra": ("多出来的参数：{name}", "Too much: {name}"),
        "usage.no_value": ("选项 {name} 需要一个值", "{name} needs a value"),
        "usage.bad_value": ("{name} 的值不对：{detail}", "{name}: {detail}"),
        "usage.whole": ("需要整数", "must be a whole number"),
        "usage.number": ("需要数字", "must be a number"),
        "usage.at_least": ("不能小于 {limit}", "must be at least {limit}"),
        "usage.at_most": ("不能大于 {limit}", "must be at most {limit}"),
        "usage.choice": ("可用的值：{limit}", "use {limit}"),
        "usage.not_positive": ("必须大于 0", "must be more than 0"),
        "usage.language": ("只能是 zh 或 en", "must be zh or en"),
        "usage.url": ("必须是 http:// 或 https:// 开头的地址", "must begin with http:// or https:// and name a host"),
        "usage.priority": (
            "“{value}”不是优先级，可用 low、medium、high、urgent 或 1 到 4",
            "“{value}” is no priority: use low, medium, high, urgent or 1 to 4",
        ),
        "usage.deadline": (
            "“{value}”不是时间，可用 2h、3d、2026-12-31 或 ISO 8601",
            "“{value}” is no time: use 2h, 3d, 2026-12-31 or ISO 8601",
        ),
        "usage.status": ("“{value}”不是状态，可用：{known}", "“{value}” is no status; there are {known}"),
        "usage.hint": ("查看帮助：{command} --help", "See {command} --help"),
    },
)

_WORDS = _pairs(
    "cli.",
    {
        "status.pending": ("等待中", "pending"),
        "status.in_progress": ("进行中", "running"),
        "status.running": ("进行中", "running"),
        "status.waiting_input": ("等你回答", "waiting for you"),
        "status.paused": ("已暂停", "paused"),
        "status.completed": ("已完成", "completed"),
        "status.failed": ("失败", "failed"),
        "status.cancelled": ("已取消", "cancelled"),
        "event.started": ("开始执行", "started"),
        "event.waiting_input": ("有问题等你回答", "waiting for an answer"),
        "event.paused": ("已暂停", "paused"),
        "event.resumed": ("继续", "resumed"),
        "event.reopened": ("重新开始", "started again"),
        "event.completed": ("完成", "completed"),
        "event.failed": ("失败", "failed"),
        "event.cancelled": ("已取消", "cancelled"),
        "event.deleted": ("已删除", "deleted"),
        "progress.task": ("○ 任务 {task}  {title}", "○ task {task}  {title}"),
        "progress.plan": ("○ 计划第 {revision} 版，{count} 个子任务", "○ plan {revision}: {count} subtasks"),
        "progress.repair": (
            "○ 修补计划第 {revision} 版，{count} 个子任务",
            "○ repair plan {revision}: {count} subtasks",
        ),
        "progress.attempt": ("第 {attempt} 次尝试", "attempt {attempt}"),
        "progress.tokens": ("{count} tokens", "{count} tokens"),
        "progress.more_done": ("另有 {count} 个已完成", "{count} more done"),
        "progress.more_waiting": ("另有 {count} 个等待中", "{count} more waiting"),
        "progress.review_passed": (
            "复核通过：{passed}/{criteria} 项（{failed} 项不合格，{unchecked} 项无法核对）",
            "review passed: {passed} of {criteria} criteria ({failed} failed, {unchecked} not checkable)",
        ),
        "progress.review_failed": (
            "复核未通过：{failed} 项不合格（{passed}/{criteria} 项合格，{unchecked} 项无法核对）",
            "review failed: {failed} criteria ({passed} of {criteria} passed, {unchecked} not checkable)",
        ),
        "review.passed": ("通过，数字和引文都已核对", "passed: numbers recomputed, citations resolved"),
        "review.failed": ("未通过", "failed"),
        "review.unreviewed": ("没有复核", "not reviewed"),
        "review.unchecked": ("，{count} 项无法核对", ", {count} not checkable"),
        "label.review": ("复核", "review"),
        "label.content": ("内容", "content"),
        "label.plan": ("计划（第 {revision} 版）", "Plan (revision {revision})"),
        "label.questions": ("等待回答的问题", "Open questions"),
        "label.artifacts": ("文件", "Files"),
        "count.findings": ("{count} 条发现", "findings: {count}"),
        "count.passages": ("{count} 处引文", "citations: {count}"),
        "priority.1": ("低", "low"),
        "priority.2": ("中", "medium"),
        "priority.3": ("高", "high"),
        "priority.4": ("紧急", "urgent"),
        "kind.input": ("输入", "input"),
        "kind.report": ("报告", "report"),
        "kind.chart": ("图表", "chart"),
        "kind.result": ("结果", "result"),
        "kind.plan": ("计划", "plan"),
        "agent.busy": ("工作中", "busy"),
        "agent.idle": ("空闲", "idle"),
        "ago": ("{time}前", "{time} ago"),
        "days_ago": ("{count} 天前", "{count} d ago"),
        "column.status": ("状态", "STATUS"),
        "column.task": ("任务", "TASK"),
        "column.title": ("标题", "TITLE"),
        "column.progress": ("进度", "PROGRESS"),
        "column.priority": ("优先级", "PRIORITY"),
        "column.age": ("提交", "SUBMITTED"),
        "column.detail": ("说明", "DETAIL"),
        "column.team": ("团队", "TEAM"),
        "column.assignee": ("负责人", "ASSIGNEE"),
        "column.deadline": ("期限", "DEADLINE"),
        "column.created": ("提交于", "CREATED"),
        "column.created_by": ("创建者", "CREATED BY"),
        "column.started": ("开始于", "STARTED"),
        "column.completed": ("结束于", "COMPLETED"),
        "column.request": ("要求", "REQUEST"),
        "column.cost": ("用量", "COST"),
        "column.result": ("结果", "RESULT"),
        "column.error": ("错误", "ERROR"),
        "column.file": ("文件", "FILE"),
        "column.kind": ("种类", "KIND"),
        "column.size": ("大小", "SIZE"),
        "column.path": ("路径", "PATH"),
        "column.agent": ("智能体", "AGENT"),
        "column.capabilities": ("能力", "CAPABILITIES"),
        "column.state": ("状态", "STATE"),
        "column.work": ("手上", "NOW"),
        "column.success": ("成功率", "SUCCESS"),
        "column.last": ("最近活动", "LAST"),
        "column.check": ("检查", "CHECK"),
        "column.finding": ("结果", "FINDING"),
        "tasks.none": ("没有任务。", "No tasks."),
        "tasks.more": ("还有更多：--cursor {cursor}", "There are more: --cursor {cursor}"),
        "tasks.needs_server": (
            "现在没有服务器在运行。执行它：lgma tasks run {task}，或者启动 lgma serve。",
            "No server is running. Work on it with: lgma tasks run {task}, or start lgma serve.",
        ),
        "artifacts.none": ("没有文件。", "No files."),
        "agents.reset_done": ("已重置 {agent}。", "{agent} was reset."),
        "done.answer": ("已回答任务 {task} 的 {count} 个问题。", "Answered {count} questions of task {task}."),
        "done.cancel": ("任务 {task} 已取消（{status}）。", "Task {task} was cancelled ({status})."),
        "done.pause": ("任务 {task} 已暂停（{status}）。", "Task {task} was paused ({status})."),
        "done.resume": ("任务 {task} 会继续（{status}）。", "Task {task} goes on ({status})."),
        "done.retry": ("任务 {task} 会重新执行（{status}）。", "Task {task} will be done again ({status})."),
        "done.delete": ("任务 {task} 已删除。", "Task {task} was deleted."),
        "done.not_yet": (
            "任务 {task} 已收到要求，工作还没有停下来（{status}）。",
            "Task {task} has been told, its work has not stopped yet ({status}).",
        ),
        "undo": ("撤销：{command}", "undo: {command}"),
        "dry_run.answer": ("会回答任务 {task} 的 {count} 个问题。", "Would answer {count} questions of task {task}."),
        "dry_run.cancel": ("会取消任务 {task}（现在：{status}）。", "Would cancel task {task} (now: {status})."),
        "dry_run.pause": ("会暂停任务 {task}（现在：{status}）。", "Would pause task {task} (now: {status})."),
        "dry_run.resume": ("会继续任务 {task}（现在：{status}）。", "Would resume task {task} (now: {status})."),
        "dry_run.retry": ("会重新执行任务 {task}（现在：{status}）。", "Would retry task {task} (now: {status})."),
        "dry_run.delete": (
            "会把任务 {task} 备份到 {folder}，然后删除。",
            "Would copy task {task} to {folder}, then delete it.",
        ),
        "dry_run.reset": (
            "会重置 {agent}，中止 {count} 项正在进行的工作。",
            "Would reset {agent} and abort {count} pieces of work.",
        ),
        "delete.target": (
            "将要删除：{title}（{task}），位于 {directory}",
            "To be deleted: {title} ({task}) in {directory}",
        ),
        "confirm.reset": (
            "重置 {agent} 会中止 {count} 项正在进行的工作（之后自动重试）。继续吗？",
            "Resetting {agent} aborts {count} pieces of work, which are tried again. Go on?",
        ),
        "confirm.delete": ("删除后无法恢复，只留下备份。", "It cannot be brought back, only its copy stays."),
        "confirm.yes_no": (" [y/N] ", " [y/N] "),
        "confirm.type_name": ("请输入 {name} 以确认：", " Type {name} to confirm: "),
        "question.prompt": ("回答（直接回车表示稍后再答）：", "Answer (an empty line leaves it open): "),
        "question.yes_no": ("同意吗？[y/n]（直接回车表示稍后再答）", "Do you agree? [y/n] (an empty line leaves it open) "),
        "question.again": ("请选一个选项的序号，或者 y / n。", "Choose an option by its number, or y or n."),
        "question.open": (
            '◆ {text}{options}\n  回答：lgma tasks answer {task} "…" --question {question}',
            '◆ {text}{options}\n  answer: lgma tasks answer {task} "…" --question {question}',
        ),
        "question.approve": (
            "◆ {text}{options}\n  回答：lgma tasks answer {task} y --question {question}（或 n）",
            "◆ {text}{options}\n  answer: lgma tasks answer {task} y --question {question} (or n)",
        ),
        "run.attached": ("交给正在运行的服务器 {url}", "Handed to the server that is running at {url}"),
        "run.stored": (
            "任务 {task} 已保存，会在下次 lgma serve 或 lgma tasks run 时执行。",
            "Task {task} is stored; it is done at the next lgma serve or lgma tasks run.",
        ),
        "run.detached": (
            "任务 {task} 已提交。跟踪：lgma tasks watch {task}",
            "Task {task} is accepted. Follow it: lgma tasks watch {task}",
        ),
        "run.cancelling": ("正在取消任务……", "Cancelling the task…"),
        "serve.ready": (
            "服务器已就绪：{url}（数据目录 {directory}）。Ctrl-C 停止。",
            "Ready at {url} (data directory {directory}). Ctrl-C stops it.",
        ),
        "worker.started": (
            "启动 {count} 个工作进程。Ctrl-C 停止。",
            "Starting {count} worker processes. Ctrl-C stops them.",
        ),
        "demo.start": (
            "演示：两个真实任务，不需要模型和密钥。数据目录 {directory}",
            "Demo: two real tasks, without a model or a key. Data directory {directory}",
        ),
        "demo.server": ("服务器在本进程内运行：{url}", "The server runs in this process at {url}"),
        "demo.no_report": ("没有得到报告", "there is no report"),
        "demo.data.title": ("西雅图天气 2012–2015", "Seattle weather, 2012–2015"),
        "demo.data.request": (
            "分析西雅图的每日天气数据：气温和降水的趋势、季节性，不同天气类型之间的差异，以及异常的日子。",
            (
                "Analyse Seattle's daily weather: trend and seasonality of temperature and precipitation, "
                "differences between the kinds of weather, and anomalies."
            ),
        ),
        "demo.handbook.title": ("任务为什么在等待？", "Why does a task wait?"),
        "demo.handbook.request": (
            "任务一直等待、不开始执行是什么原因？任务卡住、长时间没有进展，怎么办？",
            "Why does a task stay pending and not start? What should I do when a task is stuck without progress?",
        ),
        "error": ("▲ {title}（{code}）", "▲ {title} ({code})"),
    },
)

_ERRORS = _errors(
    {
        "INTERRUPTED": (
            ("已中断", "按下了 Ctrl-C。", "已经提交的任务不会丢失：lgma tasks list"),
            ("Interrupted", "Ctrl-C was pressed.", "Accepted tasks are not lost: lgma tasks list"),
        ),
        "INTERNAL": (
            ("程序内部错误", "{kind}: {detail}", "加 -v 再运行一次可以看到细节，请连同细节一起报告。"),
            ("The program has a defect", "{kind}: {detail}", "Run it again with -v for the details, and report them."),
        ),
        "TIMED_OUT": (
            ("超时", "{seconds} 秒之内没有完成。", "加大 --timeout；已提交的任务仍然保留：lgma tasks list"),
            (
                "Timed out",
                "It was not done within {seconds} seconds.",
                "Raise --timeout; an accepted task is kept: lgma tasks list",
            ),
        ),
        "SERVER_UNREACHABLE": (
            ("连不上服务器", "{url} 没有响应。", "检查服务器是否在运行：lgma doctor"),
            ("The server cannot be reached", "Nothing answers at {url}.", "Check whether it runs: lgma doctor"),
        ),
        "SERVER_SILENT": (
            ("服务器没有回答", "{url} 在 {seconds} 秒内没有回答。", "服务器可能过载；看看 /api/v1/system/health。"),
            (
                "The server does not answer",
                "{url} gave no answer within {seconds} seconds.",
                "It may be overloaded: look at /api/v1/system/health.",
            ),
        ),
        "SERVER_LOST": (
            ("与服务器的连接断了", "{url} 不再响应。", "任务不会丢失；服务器恢复后用 lgma tasks watch 继续查看。"),
            (
                "The connection to the server was lost",
                "{url} does not answer any more.",
                "No task is lost; when the server is back, go on with lgma tasks watch.",
            ),
        ),
        "SERVER_STARTING": (
            ("服务器还没有就绪", "有进程占用了数据目录 {directory}，{seconds} 秒内没有开始服务。", "稍后再试，或者用 --data-dir 换一个目录。"),
            (
                "The server is not ready",
                "A process owns the data directory {directory} and did not start to serve within {seconds} seconds.",
                "Try again later, or choose another one with --data-dir.",
            ),
        ),
        "NOT_OUR_SERVER": (
            ("对方不是本系统的服务器", "{url} 的回答无法理解。", "检查地址和端口。"),
            ("This is not our server", "The answer of {url} cannot be understood.", "Check address and port."),
        ),
        "CANNOT_WRITE": (
            ("无法写入文件", "{path}：{reason}", "检查权限和剩余空间，或者用 --out 换一个目录。"),
            ("A file cannot be written", "{path}: {reason}", "Check permissions and free space, or choose another folder with --out."),
        ),
        "UNSAFE_NAME": (
            ("文件名不安全", "任务的文件名“{name}”不是普通文件名，没有写入。", "请报告这个任务。"),
            ("An unsafe file name", "“{name}” is no plain file name; nothing was written.", "Please report this task."),
        ),
        "INPUT_MISSING": (
            ("找不到输入文件", "{path} 不存在。", "检查路径；没有提交任务。"),
            ("An input file is missing", "{path} does not exist.", "Check the path; no task was submitted."),
        ),
        "INPUT_IS_DIRECTORY": (
            ("输入不是文件", "{path} 是一个目录。", "用 --input 逐个给出文件；没有提交任务。"),
            ("An input is no file", "{path} is a directory.", "Name each file with --input; no task was submitted."),
        ),
        "INPUT_UNREADABLE_HERE": (
            ("无法读取输入文件", "{path}：{reason}", "检查权限；没有提交任务。"),
            ("An input file cannot be read", "{path}: {reason}", "Check its permissions; no task was submitted."),
        ),
        "WAITS_FOR_ANSWER": (
            (
                "任务在等待回答",
                "任务 {task} 提出了问题，这里没有人可以回答。",
                "用 lgma tasks answer {task} 回答，然后用 lgma tasks run {task} 取得结果。",
            ),
            (
                "The task waits for an answer",
                "Task {task} has a question, and nobody is here to answer it.",
                "Answer with lgma tasks answer {task}, then get the result with lgma tasks run {task}.",
            ),
        ),
        "NO_QUESTION": (
            ("没有等待回答的问题", "任务 {task} 现在没有这个问题。", "查看任务：lgma tasks show {task}"),
            ("There is no such open question", "Task {task} does not wait for this answer.", "Look at it: lgma tasks show {task}"),
        ),
        "WHICH_QUESTION": (
            ("不知道回答哪一个问题", "任务 {task} 有多个问题：{questions}", "用 --question 指明一个。"),
            ("Which question is answered?", "Task {task} has several: {questions}", "Name one with --question."),
        ),
        "RUN_CANCELLED": (
            ("已取消任务", "按下 Ctrl-C，任务 {task} 的工作已经停下。", "重新执行：lgma tasks retry {task}，再 lgma tasks run {task}"),
            (
                "The task was cancelled",
                "Ctrl-C was pressed; the work on task {task} has stopped.",
                "Do it again: lgma tasks retry {task}, then lgma tasks run {task}",
            ),
        ),
        "RUN_DETACHED": (
            ("已离开，任务继续", "任务 {task} 仍在服务器上执行。", "继续查看：lgma tasks watch {task}；取消：lgma tasks cancel {task}"),
            (
                "Left; the task goes on",
                "Task {task} is still worked on by the server.",
                "Follow it: lgma tasks watch {task}; cancel it: lgma tasks cancel {task}",
            ),
        ),
        "WATCH_LEFT": (
            ("已离开", "任务 {task} 不受影响。", "继续查看：lgma tasks watch {task}"),
            ("Left", "Task {task} goes on as it was.", "Follow it again: lgma tasks watch {task}"),
        ),
        "NOT_CONFIRMED": (
            ("没有确认", "没有做任何改动。", "在终端里确认，或者加 --yes。"),
            ("Not confirmed", "Nothing was changed.", "Confirm in a terminal, or add --yes."),
        ),
        "NAME_NOT_CONFIRMED": (
            ("没有确认名称", "没有做任何改动。", "在终端里输入 {name}，或者加 --yes --confirm={name}。"),
            ("The name was not confirmed", "Nothing was changed.", "Type {name} in a terminal, or add --yes --confirm={name}."),
        ),
        "AGENT_UNKNOWN": (
            ("没有这个智能体", "没有名为 {agent} 的智能体。", "可用的有：{agents}"),
            ("There is no such agent", "No agent is called {agent}.", "There are {agents}"),
        ),
        "DEMO_NOT_PASSED": (
            ("演示没有通过", "任务 {task} 没有得到有内容并通过复核的报告（复核：{review}）。", "先运行 lgma doctor 检查本机。"),
            (
                "The demo did not pass",
                "Task {task} has no report with content that passed its review (review: {review}).",
                "Run lgma doctor to check this machine.",
            ),
        ),
    }
)

_DOCTOR = _pairs(
    "doctor.",
    {
        "PYTHON_OK": ("Python {version}（{implementation}）", "Python {version} ({implementation})"),
        "PYTHON_OLD": ("Python {version} 太旧，需要 {minimum} 以上", "Python {version} is too old; {minimum} is needed"),
        "PYTHON_OLD.hint": ("安装 Python {minimum} 或更新的版本。", "Install Python {minimum} or newer."),
        "SQLITE_OK": ("SQLite {version}，WAL 可用，一次提交 {sync_ms} 毫秒", "SQLite {version}, WAL works, a commit takes {sync_ms} ms"),
        "SQLITE_OLD": ("SQLite {version} 太旧，需要 {minimum} 以上", "SQLite {version} is too old; {minimum} is needed"),
        "SQLITE_OLD.hint": ("换用带有新版 SQLite 的 Python。", "Use a Python with a newer SQLite."),
        "SQLITE_NO_WAL": ("这个文件系统不支持 SQLite 的 WAL 模式（得到 {mode}）", "SQLite has no WAL mode on this file system (it gave {mode})"),
        "SQLITE_NO_WAL.hint": ("把数据目录放在本地磁盘上，不要用网络文件系统。", "Put the data directory on a local disk, not a network file system."),
        "SQLITE_SLOW": ("磁盘同步很慢：一次提交 {sync_ms} 毫秒", "The disk syncs slowly: a commit takes {sync_ms} ms"),
        "SQLITE_SLOW.hint": ("把数据目录放在本地固态硬盘上。", "Put the data directory on a local SSD."),
        "POSTGRES_OK": (
            "PostgreSQL {version}：{address}，{processes} 个进程各 {per_process} 个连接（上限 {max_connections}）",
            "PostgreSQL {version} at {address}: {per_process} connections for each of {processes} processes (of {max_connections})",
        ),
        "POSTGRES_UNREACHABLE": ("连不上 PostgreSQL {address}：{reason}", "PostgreSQL at {address} cannot be reached: {reason}"),
        "POSTGRES_UNREACHABLE.hint": ("检查 DATABASE_URL、网络，以及服务器是否在运行。", "Check DATABASE_URL, the network, and whether the server runs."),
        "POSTGRES_OLD": ("{address} 的 PostgreSQL {version} 太旧，需要 {minimum} 以上", "PostgreSQL {version} at {address} is too old; {minimum} is needed"),
        "POSTGRES_OLD.hint": ("升级到 PostgreSQL {minimum} 或更新的版本。", "Upgrade to PostgreSQL {minimum} or newer."),
        "CONNECTIONS_FEW": (
            "每个进程只分到 {value} 个数据库连接，至少需要 {needed} 个（{detail}）",
            "Each process would get {value} database connections and needs {needed} ({detail})",
        ),
        "CONNECTIONS_FEW.hint": (
            "减少 ASYNC_WORKERS，或调大 DATABASE_POOL_SIZE 和服务器的 max_connections。",
            "Lower ASYNC_WORKERS, or raise DATABASE_POOL_SIZE and the server's max_connections.",
        ),
        "CONNECTIONS_CLAMPED": (
            "连接池要 {wanted} 个连接，{address} 只能给 {available} 个；每个进程用 {per_process} 个",
            "The pool asks for {wanted} connections, {address} has {available} to give; {per_process} a process are used",
        ),
        "CONNECTIONS_CLAMPED.hint": (
            "调小 DATABASE_POOL_SIZE 和 DATABASE_MAX_OVERFLOW，或调大 max_connections。",
            "Lower DATABASE_POOL_SIZE and DATABASE_MAX_OVERFLOW, or raise max_connections.",
        ),
        "REDIS_NONE": (
            "没有配置缓存用的 Redis",
            "No Redis is configured for cache and sessions",
        ),
        "REDIS_NONE.hint": (
            "用 PostgreSQL 时请设置 REDIS_URL，否则新任务和实时事件要等一两秒的轮询。",
            "With PostgreSQL set REDIS_URL; otherwise new tasks and live events wait for a poll of a second or two.",
        ),
        "QUEUE_NONE": ("没有配置队列用的 Redis，工作进程轮询数据库", "No Redis is configured for the queue: workers poll the database"),
        "REDIS_OK": ("{setting} 可用：Redis {version}（{address}，{policy}）", "{setting} answers: Redis {version} ({address}, {policy})"),
        "REDIS_UNREACHABLE": ("连不上 {setting} 的 Redis {address}：{reason}", "The Redis of {setting} at {address} cannot be reached: {reason}"),
        "REDIS_UNREACHABLE.hint": ("检查 {setting}、网络，以及服务器是否在运行。", "Check {setting}, the network, and whether the server runs."),
        "REDIS_OLD": ("{setting} 的 Redis {version} 太旧，需要 {minimum} 以上", "The Redis {version} of {setting} is too old; {minimum} is needed"),
        "REDIS_OLD.hint": ("升级到 Redis {minimum} 或更新的版本。", "Upgrade to Redis {minimum} or newer."),
        "QUEUE_EVICTS": (
            "队列的 Redis（{address}）内存满时会淘汰键（{policy}）",
            "The queue's Redis at {address} evicts keys when its memory is full ({policy})",
        ),
        "QUEUE_EVICTS.hint": (
            "把这台服务器的 maxmemory-policy 设为 noeviction，或者让 QUEUE_REDIS_URL 指向另一台。",
            "Set maxmemory-policy noeviction on that server, or point QUEUE_REDIS_URL at another one.",
        ),
        "QUEUE_BESIDE_CACHE": (
            "队列和缓存在同一台 Redis 上（{address}）",
            "Queue and cache live on one Redis server ({address})",
        ),
        "QUEUE_BESIDE_CACHE.hint": (
            "生产环境请用 QUEUE_REDIS_URL 指向另一台 Redis。",
            "In production point QUEUE_REDIS_URL at a Redis of its own.",
        ),
        "DATA_DIR_OK": ("数据目录可写：{directory}", "The data directory can be written: {directory}"),
        "DATA_DIR_NEW": ("数据目录还不存在，启动时会创建：{directory}", "The data directory will be made at the first start: {directory}"),
        "DATA_DIR_NOT_DIRECTORY": ("数据目录的位置上是一个文件：{directory}", "There is a file where the data directory should be: {directory}"),
        "DATA_DIR_NOT_DIRECTORY.hint": ("移走它，或者设置 LGMA_DATA_DIR。", "Move it away, or set LGMA_DATA_DIR."),
        "DATA_DIR_NOT_WRITABLE": ("数据目录不可写：{directory}（{reason}）", "The data directory cannot be written: {directory} ({reason})"),
        "DATA_DIR_NOT_WRITABLE.hint": ("改权限，或者用 LGMA_DATA_DIR 换一个目录。", "Change its permissions, or choose another with LGMA_DATA_DIR."),
        "DISK_OK": ("剩余空间 {free_gb} GB", "{free_gb} GB free"),
        "DISK_LOW": ("剩余空间只有 {free_gb} GB", "Only {free_gb} GB free"),
        "DISK_LOW.hint": ("清理磁盘，或者把 {directory} 移到更大的盘上。", "Free some space, or move {directory} to a larger disk."),
        "DISK_FULL": ("磁盘快满了，剩余 {free_gb} GB", "The disk is nearly full: {free_gb} GB free"),
        "DISK_FULL.hint": ("清理 {directory} 所在的磁盘后再启动。", "Free space on the disk of {directory} before you start."),
        "LOCK_FREE": ("没有服务器占用数据目录", "No server owns the data directory"),
        "LOCK_HELD": ("服务器正在运行：{address}", "A server is running at {address}"),
        "LOCK_SILENT": ("有进程占用了数据目录，但没有提供服务", "A process owns the data directory and does not serve"),
        "LOCK_SILENT.hint": ("如果它不是正在启动，找出并结束它：fuser {directory}/lgma.lock", "Unless it is just starting, find it and end it: fuser {directory}/lgma.lock"),
        "PORT_FREE": ("端口 {port} 空闲（{host}）", "Port {port} is free ({host})"),
        "PORT_OWN": ("端口 {port} 由正在运行的服务器使用", "Port {port} is used by the running server"),
        "PORT_ANY": ("启动时任选空闲端口", "Any free port will be used"),
        "PORT_TAKEN": ("不能在 {host}:{port} 监听：{reason}", "Cannot listen on {host}:{port}: {reason}"),
        "PORT_TAKEN.hint": ("用 --port 换一个端口，或者查出是谁：ss -ltnp | grep {port}", "Choose another with --port, or see who has it: ss -ltnp | grep {port}"),
        "SETTINGS_OK": ("配置有效", "The settings are valid"),
        "SETTING_INVALID": ("配置有误：{reason}", "A setting is refused: {reason}"),
        "SETTING_INVALID.hint": ("改正或取消环境变量 {setting}。", "Correct or unset the variable {setting}."),
        "MODEL_NONE": ("没有配置模型，只用离线技能", "No model is configured: offline skills only"),
        "MODEL_OK": ("模型服务可用：{url}（{model}）", "The model's endpoint answers: {url} ({model})"),
        "MODEL_UNREACHABLE": ("连不上模型服务 {url}：{reason}", "The model's endpoint {url} cannot be reached: {reason}"),
        "MODEL_UNREACHABLE.hint": ("检查 LLM_BASE_URL 和网络。", "Check LLM_BASE_URL and the network."),
        "MODEL_REFUSED": ("模型服务拒绝了密钥（HTTP {status}，{url}）", "The model's endpoint refuses the key (HTTP {status}, {url})"),
        "MODEL_REFUSED.hint": ("检查 LLM_API_KEY。", "Check LLM_API_KEY."),
        "MODEL_FAILING": ("模型服务出错（HTTP {status}，{url}）", "The model's endpoint fails (HTTP {status}, {url})"),
        "MODEL_FAILING.hint": ("稍后再试，或者设置 LLM_FALLBACK_MODEL。", "Try again later, or set LLM_FALLBACK_MODEL."),
        "MODEL_NOT_LISTED": ("模型服务 {url} 没有列出 {model}", "The endpoint {url} does not list {model}"),
        "MODEL_NOT_LISTED.hint": ("检查 LLM_MODEL 的写法。", "Check the spelling of LLM_MODEL."),
        "SKILL_OK": ("离线技能可用（子进程 {seconds} 秒，{rows} 行）", "Offline skills work (child process, {seconds} s, {rows} rows)"),
        "SKILL_FAILED": ("离线技能不能运行：{reason}", "Offline skills do not run: {reason}"),
        "SKILL_FAILED.hint": ("重新安装依赖；检查是否允许启动子进程，内存是否足够。", "Install the dependencies anew; see whether processes may be started and memory suffices."),
        "FONT_OK": ("图表的中文字体：{font}", "Chinese font for charts: {font}"),
        "FONT_UNKNOWN": ("查不出图表能用什么字体：绘图库没有运行起来", "Which font charts would use is not known: the drawing library does not start"),
        "FONT_UNKNOWN.hint": ("重新安装依赖。", "Install the dependencies anew."),
        "FONT_MISSING": ("没有中文字体，PNG 图表里的中文会显示为方框（SVG 不受影响）", "No Chinese font: Chinese labels in PNG charts show as boxes (SVG is not affected)"),
        "FONT_MISSING.hint": ("安装一个，例如 apt-get install fonts-noto-cjk。", "Install one, such as: apt-get install fonts-noto-cjk"),
        "MEMORY_OK": ("可用内存 {available_gb} GB（{concurrency} 个技能最多用 {needed_gb} GB）", "{available_gb} GB of memory available ({concurrency} skills use {needed_gb} GB at most)"),
        "MEMORY_LOW": ("可用内存 {available_gb} GB，{concurrency} 个技能同时运行最多需要 {needed_gb} GB", "{available_gb} GB of memory available; {concurrency} skills at once may need {needed_gb} GB"),
        "MEMORY_LOW.hint": ("调低 SKILL_CONCURRENCY 或 SKILL_MEMORY_BYTES。", "Lower SKILL_CONCURRENCY or SKILL_MEMORY_BYTES."),
        "CLOCK_OK": ("时钟正常：{now}", "The clock is plausible: {now}"),
        "CLOCK_WRONG": ("时钟不对：{now}", "The clock is wrong: {now}"),
        "CLOCK_WRONG.hint": ("校准系统时间（例如启用 NTP）。", "Set the system's time, for example with NTP."),
        "CLOCK_BEHIND": ("时钟比已保存的数据慢 {minutes} 分钟：{now}", "The clock is {minutes} minutes behind the stored data: {now}"),
        "CLOCK_BEHIND.hint": ("校准系统时间（例如启用 NTP）。", "Set the system's time, for example with NTP."),
        "FILES_OK": ("可打开文件数 {limit}", "{limit} open files allowed"),
        "FILES_LOW": ("只能打开 {limit} 个文件，建议 {advised} 以上", "Only {limit} open files allowed; {advised} are advised"),
        "FILES_LOW.hint": ("启动前执行 ulimit -n {advised}。", "Before you start it: ulimit -n {advised}"),
        "CHECK_FAILED": ("检查 {check} 没有完成：{reason}", "The check {check} could not be made: {reason}"),
        "CHECK_FAILED.hint": ("没有结论，不算通过。", "Nothing is known, which is no pass."),
    },
)

TEXTS: dict[str, dict[str, str]] = {**_HELP, **_OPTIONS, **_WORDS, **_ERRORS, **_DOCTOR}
