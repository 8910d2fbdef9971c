"""Words of the built-in team: questions, reasons of plans, verdicts, prompts.

Prompts are for models, not for people; both languages hold the same English text.
"""

_META_PROMPT = (
    "You read a request to a team that analyses tables and documents. Answer as JSON. "
    "goal: the request in one sentence, in its own language, adding nothing. "
    "intents: which analyses it asks for; empty if it leaves that open; `answer` if documents are to answer it; `general` "
    "only if it wants a text that neither an analysis nor a quotation gives, such as a translation or a letter. "
    "columns: those of the given columns that it is about, spelled exactly as given. "
    "question: null, or one question in the request's language, only if the request "
    "cannot be acted on without an answer."
)
_PLAN_PROMPT = (
    "You plan work for a team. You get a goal and the subtasks that its agents offer. Answer as JSON. "
    "choose: ids of the offered subtasks that serve the goal; leave out only what clearly does not. "
    "depends_on: for a chosen id, ids of other chosen ones whose results it needs; usually empty, "
    "because independent subtasks run in parallel. "
    "reason: two sentences in the goal's language on why this plan."
)
_WRITER_PROMPT = (
    "You explain checked results to the person who asked. Answer as JSON with `paragraphs`: at most five, in "
    "the language of the request, plain text. Every paragraph must name what it rests on as [F1] or [P1]. "
    "Use no number that is not written exactly so in a finding or passage which the same paragraph names, write no number "
    "in words, claim no cause and no fact of your own."
)
_REVIEW_PROMPT = (
    "You check results against criteria. Answer as JSON: for each number passed true or false, or null where the "
    "result does not show it, and the reason in one sentence in the result's language. Be strict."
)
_REWRITE_PROMPT = "These things could not be traced: {faults}. Write all paragraphs again without them."
_CRITERION_PROMPT = (
    "The text does what the request asks, in the language and form that it wants, and invents no source."
)


def _prompt(content: str) -> dict[str, str]:
    return {"zh": content, "en": content}


TEXTS: dict[str, dict[str, str]] = {
    "team.title": {"zh": "内置团队", "en": "Built-in team"},
    "team.prompt.meta_agent": _prompt(_META_PROMPT),
    "team.prompt.task_decomposer": _prompt(_PLAN_PROMPT),
    "team.prompt.writer": _prompt(_WRITER_PROMPT),
    "team.prompt.reviewer": _prompt(_REVIEW_PROMPT),
    "team.prompt.rewrite": _prompt(_REWRITE_PROMPT),
    "team.prompt.criterion.answers_request": _prompt(_CRITERION_PROMPT),
    "team.ask.file": {
        "zh": "任务里提到的文件“{file}”不在输入中。您指的是哪个文件？",
        "en": "The request names the file “{file}”, which is not among the inputs. Which file do you mean?",
    },
    "team.ask.column": {
        "zh": "数据里没有名为“{column}”的列。您指的是哪一列？",
        "en": "There is no column named “{column}” in the data. Which one do you mean?",
    },
    "team.ask.unrelated": {
        "zh": "看不出这个问题与数据有什么联系。数据包含这些列：{columns}。您想了解其中的什么？",
        "en": "I cannot see how this question relates to the data, which has these columns: {columns}. What would you like to know about them?",
    },
    "team.goal.answered": {"zh": "{goal}\n（补充说明：{answer}）", "en": "{goal}\n(Clarified: {answer})"},
    "team.intent.trend": {"zh": "趋势", "en": "trends"},
    "team.intent.seasonality": {"zh": "季节性", "en": "seasonality"},
    "team.intent.anomaly": {"zh": "异常", "en": "anomalies"},
    "team.intent.compare": {"zh": "对比", "en": "comparisons"},
    "team.intent.correlate": {"zh": "相关性", "en": "correlations"},
    "team.intent.top": {"zh": "排名与贡献", "en": "top contributors"},
    "team.intent.profile": {"zh": "数据概况", "en": "a profile"},
    "team.intent.forecast": {"zh": "预测", "en": "a forecast"},
    "team.intent.answer": {"zh": "问题解答", "en": "an answer"},
    "team.intent.general": {"zh": "由模型撰写的内容", "en": "something written by a model"},
    "team.plan.table": {
        "zh": "{name} 是数据表（{rows} 行，{columns} 列{roles}）",
        "en": "{name} is a table ({rows} rows, {columns} columns{roles})",
    },
    "team.plan.document": {
        "zh": "{name} 是文档（{characters} 字符，{headings} 个标题）",
        "en": "{name} is a document ({characters} characters, {headings} headings)",
    },
    "team.plan.role.time": {"zh": "时间列 {names}", "en": "time in {names}"},
    "team.plan.role.measure": {"zh": "数值列 {names}", "en": "measures {names}"},
    "team.plan.role.category": {"zh": "分组列 {names}", "en": "groups {names}"},
    "team.plan.handbook": {
        "zh": "问题涉及本系统，查阅内置手册",
        "en": "the request is about this system, so its handbook is consulted",
    },
    "team.plan.intents": {"zh": "请求要的是：{intents}。", "en": "The request asks for {intents}."},
    "team.plan.open": {
        "zh": "请求没有限定分析内容，因此做输入所允许的全部分析。",
        "en": "The request leaves the analysis open, so everything that the inputs allow is done.",
    },
    "team.plan.seen": {"zh": "看到的输入：{inputs}。", "en": "What was seen: {inputs}."},
    "team.plan.agents": {
        "zh": "{count} 项工作互不依赖，并行进行：{agents}。",
        "en": "{count} subtasks do not depend on each other and run in parallel: {agents}.",
    },
    "team.plan.agent": {"zh": "{agent} {count} 项", "en": "{agent} × {count}"},
    "team.plan.needs_results": {
        "zh": "{agents}要用到它们的结果，排在其后。",
        "en": "{agents} uses their results and comes after them.",
    },
    "team.plan.alone": {
        "zh": "请求要的内容由{agents}借助模型撰写，没有出处，会在结果中注明。",
        "en": "{agents} writes what is asked for with a model; it has no source, and the result says so.",
    },
    "team.plan.then": {
        "zh": "随后由{writer}汇总成报告，最后由{reviewer}逐项复核。",
        "en": "Then {writer} writes the report, and {reviewer} checks it item by item.",
    },
    "team.plan.left_out": {
        "zh": "子任务上限为 {limit}，以下 {count} 项未列入：{titles}。",
        "en": "The limit is {limit} subtasks, so these {count} were left out: {titles}.",
    },
    "team.plan.by_model": {"zh": "规划模型的说明：{reason}", "en": "The planning model's reason: {reason}"},
    "team.plan.model_rejected": {
        "zh": "规划模型的方案不成立（{reason}），改用离线方案。",
        "en": "The planning model's plan did not hold ({reason}), so the offline plan is used.",
    },
    "team.plan.reason_synthesis": {
        "zh": "需要前面所有结果，因此排在它们之后。",
        "en": "It needs all results before it, so it comes after them.",
    },
    "team.plan.reason_review": {
        "zh": "独立复核整份报告，因此放在最后。",
        "en": "It checks the whole report on its own, so it comes last.",
    },
    "team.repair.reason": {
        "zh": "第 {revision} 版计划：未通过的是 {failed}。重做：{again}；保留其余 {kept} 项。",
        "en": "Revision {revision}: {failed} did not pass. Done again: {again}; the other {kept} stand.",
    },
    "team.repair.dropped": {
        "zh": "重做后仍未通过，不再写入报告：{titles}。",
        "en": "Still not passing after being done again, so left out of the report: {titles}.",
    },
    "team.repair.subtask": {
        "zh": "因为审阅未通过而重做：{criteria}。",
        "en": "Done again because the review failed it: {criteria}.",
    },
    "team.writer.title": {"zh": "撰写报告", "en": "Write the report"},
    "team.writer.best": {
        "zh": "{first}（另有 {more} 条，见报告）",
        "en": "{first} ({more} more in the report)",
    },
    "team.reviewer.title": {"zh": "复核报告", "en": "Review the report"},
    "team.reviewer.passed": {
        "zh": "复核通过：重算了 {numbers} 个数字，核对了 {citations} 处引文，全部一致。",
        "en": "The review passed, all as stated. Numbers recomputed: {numbers}; quotations resolved: {citations}.",
    },
    "team.reviewer.passed_numbers": {
        "zh": "复核通过：重算了 {numbers} 个数字，全部一致；没有引文需要核对。",
        "en": "The review passed, all as stated. Numbers recomputed: {numbers}; there are no quotations.",
    },
    "team.reviewer.passed_citations": {
        "zh": "复核通过：核对了 {citations} 处引文，全部在原文中；没有数字需要重算。",
        "en": "The review passed, all as stated. Quotations resolved: {citations}; there are no computed numbers.",
    },
    "team.reviewer.passed_neither": {
        "zh": "复核没有发现问题。这里没有数字需要重算，也没有引文需要核对。",
        "en": "The review found no fault. There are no computed numbers and no quotations here to check.",
    },
    "team.reviewer.failed": {
        "zh": "复核未通过：{failed} 项不符合要求。首要问题：{first}",
        "en": "The review failed: {failed} criteria do not hold. First: {first}",
    },
    "team.review.ok": {"zh": "符合。", "en": "It holds."},
    "team.review.numbers": {
        "zh": "重算 {count} 个数字，全部一致。",
        "en": "All as stated. Numbers recomputed: {count}.",
    },
    "team.review.no_numbers": {
        "zh": "这里没有数字需要重算。",
        "en": "There are no computed numbers here to check.",
    },
    "team.review.citations": {
        "zh": "核对 {count} 处引文，全部在原文中。",
        "en": "All found word for word. Quotations: {count}.",
    },
    "team.review.no_citations": {
        "zh": "这里没有引文需要核对。",
        "en": "There are no quotations here to check.",
    },
    "team.review.no_result": {"zh": "这项子任务没有结果。", "en": "This subtask has no result."},
    "team.review.written": {
        "zh": "有答复，与保存的文件逐字一致；内容由模型撰写，没有出处，未核实。",
        "en": "There is an answer, word for word as stored; a model wrote it, without sources, and its content is not verified.",
    },
    "team.review.unanswered": {
        "zh": "资料里没有答案，报告已如实说明。",
        "en": "The sources hold no answer; the report says so.",
    },
    "team.review.nobody": {"zh": "没有可用的检查方法。", "en": "Nobody could check this."},
    "team.review.model": {"zh": "模型的判断：{reason}", "en": "The model's judgement: {reason}"},
    "team.review.more": {"zh": "{first}（另有 {more} 处）", "en": "{first} (and {more} more)"},
    "team.fault.number_differs": {
        "zh": "{place}：写的是 {stated}，重算得 {found}",
        "en": "{place}: stated {stated}, recomputed {found}",
    },
    "team.fault.name_differs": {
        "zh": "{place}：写的是“{stated}”，重算得“{found}”",
        "en": "{place}: stated “{stated}”, recomputed “{found}”",
    },
    "team.fault.column_missing": {
        "zh": "{place}：SQL 结果里没有这一列（写的是 {stated}{found}）",
        "en": "{place}: the SQL returns no such column (stated {stated}{found})",
    },
    "team.fault.sql_failed": {
        "zh": "{place}：SQL 无法执行（{stated}{found}）",
        "en": "{place}: the SQL does not run ({stated}{found})",
    },
    "team.fault.name_untraced": {
        "zh": "{place}：“{stated}”无法追溯到数据{found}",
        "en": "{place}: “{stated}” traces to nothing in the data{found}",
    },
    "team.fault.file_missing": {
        "zh": "缺少文件 {place}{stated}{found}",
        "en": "The file {place} is missing{stated}{found}",
    },
    "team.fault.file_differs": {
        "zh": "{place}：文件里是“{stated}”，应为“{found}”",
        "en": "{place}: the file says “{stated}”, it should say “{found}”",
    },
    "team.fault.reference_missing": {
        "zh": "{place}：段落没有引用任何发现或引文{stated}{found}",
        "en": "{place}: the paragraph refers to nothing{stated}{found}",
    },
    "team.fault.reference_unknown": {
        "zh": "{place}：引用的 {stated} 不存在{found}",
        "en": "{place}: there is no {stated}{found}",
    },
    "team.fault.number_untraced": {
        "zh": "{place}：数字 {stated} 在所引用的内容中找不到{found}",
        "en": "{place}: the number {stated} is not in what it refers to{found}",
    },
    "team.fault.number_in_words": {
        "zh": "{place}：用文字写的数“{stated}”无法追溯{found}",
        "en": "{place}: the number in words “{stated}” cannot be traced{found}",
    },
    "team.fault.strength_untraced": {
        "zh": "{place}：效应强度 {stated} 不是 SQL 结果里的数{found}",
        "en": "{place}: the strength {stated} is no number of the SQL's row{found}",
    },
    "team.fault.citation": {
        "zh": "{place}：引文不在所标的位置（{stated}{found}）",
        "en": "{place}: the quotation does not stand where it says ({stated}{found})",
    },
    "team.fault.not_in_report": {
        "zh": "{place}：没有写进报告{stated}{found}",
        "en": "{place}: missing from the report{stated}{found}",
    },
    "team.result.nothing": {
        "zh": "没有得出可以核实的结论。",
        "en": "Nothing that could be verified came out.",
    },
    "error.field.team_not_yaml": {"zh": "不是有效的 YAML：{detail}", "en": "is no valid YAML: {detail}"},
    "error.field.team_empty": {
        "zh": "文件里没有 agent、team 或 disable",
        "en": "holds neither agent nor team nor disable",
    },
    "error.field.team_unknown_field": {
        "zh": "没有这个字段；可用的有：{detail}",
        "en": "is no known field; known ones are: {detail}",
    },
    "error.field.team_not_a_mapping": {
        "zh": "应为键值结构，实际是 {detail}",
        "en": "must be a mapping, not {detail}",
    },
    "error.field.team_not_a_word": {
        "zh": "应为非空文字，实际是 {detail}",
        "en": "must be a word, not {detail}",
    },
    "error.field.team_not_a_list": {"zh": "应为非空列表", "en": "must be a list with entries"},
    "error.field.team_not_a_list_of_words": {
        "zh": "应为文字列表，实际是 {detail}",
        "en": "must be a list of words, not {detail}",
    },
    "error.field.team_not_titles": {
        "zh": "应为各语言的名称（zh、en），实际是 {detail}",
        "en": "must hold names by language (zh, en), not {detail}",
    },
    "error.field.team_not_loadable": {"zh": "无法加载：{detail}", "en": "cannot be loaded: {detail}"},
    "error.field.team_not_settable": {"zh": "不能设置：{detail}", "en": "cannot be set: {detail}"},
    "error.field.team_not_an_agent": {
        "zh": "不是智能体，缺少：{detail}",
        "en": "is no agent; it lacks: {detail}",
    },
    "error.field.team_not_a_team_or_agent": {
        "zh": "既不是团队也不是智能体，而是 {detail}",
        "en": "is neither a team nor an agent but {detail}",
    },
    "error.field.team_team_unknown": {"zh": "没有名为“{detail}”的团队", "en": "there is no team “{detail}”"},
    "error.field.team_agent_unknown": {
        "zh": "没有名为“{detail}”的智能体",
        "en": "there is no agent “{detail}”",
    },
    "error.field.team_name_taken": {
        "zh": "名称“{detail}”已被占用",
        "en": "the name “{detail}” is taken",
    },
    "error.field.team_no_directory": {"zh": "目录 {detail} 不存在", "en": "there is no directory {detail}"},
    "error.reason.translation": {"zh": "翻译要由语言模型完成", "en": "translating takes a language model"},
    "error.reason.writing": {
        "zh": "创作与改写要由语言模型完成",
        "en": "writing of its own takes a language model",
    },
    "error.reason.coding": {
        "zh": "编写程序要由语言模型完成",
        "en": "writing programs takes a language model",
    },
    "error.reason.image": {"zh": "生成图像要由模型完成", "en": "making images takes a model"},
    "error.reason.conversation": {"zh": "对话要由语言模型完成", "en": "conversation takes a language model"},
}
