"""Words of the report."""

TEXTS: dict[str, dict[str, str]] = {
    "report.kicker": {"zh": "分析报告", "en": "Report"},
    "report.request": {"zh": "任务：", "en": "Request:"},
    "report.summary": {"zh": "要点", "en": "In short"},
    "report.counts": {
        "zh": "{findings} 条发现，{passages} 处引文。每个数字都附有可重算的 SQL，每处引文都标明出处。",
        "en": "{findings} findings, {passages} quotations. Every number comes with the SQL that gives it, every quotation with its place.",
    },
    "report.nothing_found": {
        "zh": "输入中没有得出任何可以核实的结论。",
        "en": "Nothing that could be verified came out of the inputs.",
    },
    "report.written": {"zh": "由模型撰写", "en": "Written by a model"},
    "report.written_note": {
        "zh": "以下文字由模型 {model} 撰写，没有出处，内容未经核实。",
        "en": "The model {model} wrote this text. It has no sources, and its content was not verified.",
    },
    "report.written_only": {
        "zh": "答复由模型撰写，见下文；没有可核实的数字或引文。",
        "en": "A model wrote the answer below; there are no numbers or quotations that could be verified.",
    },
    "report.method_note_written": {
        "zh": "“由模型撰写”一节不在此列：它没有出处，也无法重算。",
        "en": "This does not hold for what is marked as written by a model: it has no source and cannot be recomputed.",
    },
    "report.narrative": {"zh": "解读", "en": "Reading the results"},
    "report.findings": {"zh": "发现", "en": "Findings"},
    "report.source": {"zh": "来源：", "en": "Source:"},
    "report.subject": {"zh": "涉及列：", "en": "columns:"},
    "report.strength": {"zh": "效应强度", "en": "Effect strength"},
    "report.sql": {"zh": "计算依据（SQL）", "en": "How it was computed (SQL)"},
    "report.column": {"zh": "列", "en": "Column"},
    "report.value": {"zh": "值", "en": "Value"},
    "report.chart_file": {"zh": "图表见文件 {name}", "en": "Chart: see the file {name}"},
    "report.passages": {"zh": "引文", "en": "Quotations"},
    "report.place": {
        "zh": "{source} · {locator} · 第 {start}–{end} 字符",
        "en": "{source} · {locator} · characters {start}–{end}",
    },
    "report.question": {"zh": "对应问题：", "en": "Found for:"},
    "report.is_empty": {"zh": "没有发现显著的结果。", "en": "Nothing stood out."},
    "report.unchecked": {"zh": "其他智能体的说明", "en": "What other agents said"},
    "report.unchecked_note": {
        "zh": "以下内容没有附带可核实的数字或引文，审阅无法确认。",
        "en": "This came without numbers or quotations that could be checked; the review cannot vouch for it.",
    },
    "report.gaps": {"zh": "未能完成的部分", "en": "What could not be done"},
    "report.appendix": {"zh": "附录", "en": "Appendix"},
    "report.method": {"zh": "方法", "en": "Method"},
    "report.method_note": {
        "zh": "报告中的数字是对输入文件（SQL 视图 data）执行所附查询得到的唯一一行结果；引文是原文的逐字摘录。没有任何内容来自推测。",
        "en": "Each number is a column of the one row that its query returns over the input file (the SQL view data); each quotation is copied from its document word for word. Nothing was guessed.",
    },
    "report.inputs": {"zh": "输入文件", "en": "Inputs"},
    "report.name": {"zh": "名称", "en": "Name"},
    "report.kind": {"zh": "类型", "en": "Kind"},
    "report.size": {"zh": "大小", "en": "Size"},
    "report.kind_table": {"zh": "数据表", "en": "table"},
    "report.kind_document": {"zh": "文档", "en": "document"},
    "report.kind_unknown": {"zh": "未知", "en": "unknown"},
    "report.gap_no_result": {"zh": "这一步没有得出结果。", "en": "This step gave no result."},
    "report.gap_left_out": {
        "zh": "超出计划的子任务上限，未执行。",
        "en": "Left out: the plan's limit on subtasks was reached.",
    },
    "report.gap_unverified": {
        "zh": "审阅未能证实其结果，因此不写入报告。",
        "en": "The review could not confirm its results, so the report leaves them out.",
    },
    "report.gap_narrative": {"zh": "文字解读", "en": "Narrative"},
    "report.gap_narrative_untraced": {
        "zh": "模型写的文字含有无法追溯到发现或引文的内容，已舍弃。",
        "en": "The model's text held things that trace to no finding or quotation, so it was dropped.",
    },
    "report.gap_answer": {"zh": "文字回答（{title}）", "en": "Answer in words ({title})"},
    "report.gap_narrative_budget": {
        "zh": "任务的模型预算不够再调用一次，因此没有这部分文字。",
        "en": "The task's model budget did not allow another call, so this text is missing.",
    },
    "report.gap_narrative_unavailable": {
        "zh": "模型没有给出可用的回答。",
        "en": "The model gave no usable answer.",
    },
}
