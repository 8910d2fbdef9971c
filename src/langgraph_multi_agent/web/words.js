// Every word of the page, in Chinese and English; what the server says comes in the language asked for.
const WORDS = {
  tasks: ['任务', 'Tasks'], agents: ['智能体', 'Agents'], system: ['系统', 'System'], help: ['帮助', 'Help'],
  other_language: ['English', '中文'], theme: ['主题', 'Theme'], skip: ['跳到内容', 'Skip to content'], sections: ['栏目', 'Sections'],
  'theme.dark': ['已切换为深色', 'Dark theme is on'], 'theme.light': ['已切换为浅色', 'Light theme is on'],
  loading: ['正在载入', 'Loading'], again: ['重试', 'Try again'], keep: ['返回', 'Go back'], more: ['更多', 'Load more'], close: ['关闭', 'Close'],
  offline: ['与服务器的连接已断开。任务仍在服务器上继续，{n} 秒后重新连接。', 'The connection to the server is lost. Tasks go on there; connecting again in {n} s.'],
  connecting: ['正在重新连接服务器…', 'Connecting to the server again…'], connect_now: ['立即连接', 'Connect now'],
  'unreachable.title': ['连不上服务器', 'The server cannot be reached'],
  'unreachable.detail': ['请求没有得到应答，服务器可能已停止，或网络已断开。', 'The request got no answer: the server may have stopped, or the network is down.'],
  'unreachable.hint': ['确认 lgma serve 正在运行，然后重试。', 'Check that lgma serve is running, then try again.'],
  'status.pending': ['等待中', 'Pending'], 'status.in_progress': ['进行中', 'Running'], 'status.waiting_input': ['等您答复', 'Waiting for you'],
  'status.paused': ['已暂停', 'Paused'], 'status.completed': ['已完成', 'Done'], 'status.failed': ['失败', 'Failed'], 'status.cancelled': ['已取消', 'Cancelled'],
  'status.running': ['进行中', 'Running'], 'status.skipped': ['已跳过', 'Skipped'], 'status.cancelling': ['正在取消', 'Cancelling'], 'status.pausing': ['正在暂停', 'Pausing'],
  'priority.1': ['低', 'Low'], 'priority.2': ['中', 'Medium'], 'priority.3': ['高', 'High'], 'priority.4': ['紧急', 'Urgent'], priority: ['优先级', 'Priority'],
  new_task: ['新建任务', 'New task'], search: ['搜索标题或描述', 'Search titles and descriptions'], all: ['全部', 'All'], filter: ['按状态筛选', 'Filter by status'],
  'none.title': ['交给智能体团队一件事', 'Give the team something to do'],
  'none.detail': ['用一句话描述要什么，附上数据或文档；结果是一份逐项复核过的报告。', 'Say in a sentence what you want and attach data or documents; you get back a report whose every number was checked.'],
  'none.match': ['没有符合条件的任务', 'No task matches'], 'none.match.detail': ['换个关键词，或清除筛选条件。', 'Try other words, or clear the filters.'], clear: ['清除条件', 'Clear filters'],
  'try.data': ['分析数据的趋势、季节性和异常', 'Analyse trends, seasonality and anomalies in the data'], 'try.groups': ['比较各组差异，找出主要贡献者', 'Compare the groups and find the top contributors'],
  'try.handbook': ['查阅手册：系统如何保证任务不丢失？', 'Consult the handbook: how does the system make sure that no task is lost?'],
  description: ['要做什么', 'What is to be done'], 'description.example': ['例如：分析各地区的销售趋势，找出异常月份', 'For example: analyse the sales trend of each region and find unusual months'],
  'description.hint': ['可用中文或英文；报告使用同一种语言。', 'In English or Chinese; the report uses the same language.'], 'description.missing': ['请描述要做什么。', 'Say what is to be done.'],
  files: ['文件', 'Files'], 'files.drop': ['把文件拖到这里，或', 'Drop files here, or'], 'files.choose': ['选择文件', 'choose files'], 'files.kinds': ['CSV、JSON、Parquet、Excel；Markdown、HTML、PDF、Word、文本', 'CSV, JSON, Parquet, Excel; Markdown, HTML, PDF, Word, text'],
  'files.remove': ['移除 {name}', 'Remove {name}'], 'files.lost': ['浏览器不保存文件内容，请重新选择：{names}', 'Browsers do not keep files; choose again: {names}'],
  title: ['标题', 'Title'], 'title.hint': ['留空则取描述的第一行', 'Left empty, the first line of the description is used'], deadline: ['截止时间', 'Deadline'], team: ['团队', 'Team'],
  options: ['更多选项', 'More options'], 'budget.tokens': ['token 上限', 'Token limit'], 'budget.cost': ['费用上限', 'Cost limit'], 'budget.hint': ['仅在使用模型时生效；留空为不限', 'Counts only where a model is used; empty means no limit'],
  submit: ['提交任务', 'Submit task'], 'submit.uploading': ['正在上传 {n}%', 'Uploading {n}%'], 'submit.done': ['任务已提交', 'The task is submitted'], discard: ['清空', 'Clear'], 'draft.kept': ['草稿已自动保存', 'The draft is kept'],
  created: ['创建于', 'Created'], elapsed: ['用时', 'Elapsed'], steps: ['子任务', 'Subtasks'], tokens: ['token', 'Tokens'], of: ['{n} / {of}', '{n} of {of}'], cost: ['费用', 'Cost'], generation: ['第 {n} 次运行', 'Run {n}'],
  pause: ['暂停', 'Pause'], resume: ['继续', 'Resume'], cancel: ['取消任务', 'Cancel task'], retry: ['重新运行', 'Run again'], remove: ['删除', 'Delete'],
  'cancel.ask': ['取消这个任务？', 'Cancel this task?'], 'cancel.detail': ['正在进行的工作会立即停止；已完成的子任务会保留，之后可以重新运行。', 'The work stops at once. Finished subtasks are kept, and it can be run again later.'],
  'remove.ask': ['删除这个任务？', 'Delete this task?'], 'remove.detail': ['它的历史、报告和文件会一并删除，无法恢复。', 'Its history, report and files go with it. This cannot be undone.'],
  'did.cancel': ['任务已取消', 'The task is cancelled'], 'did.pause': ['任务已暂停', 'The task is paused'], 'did.resume': ['任务继续进行', 'The task goes on'], 'did.retry': ['任务已重新排队', 'The task is queued again'], 'did.remove': ['任务已删除', 'The task is deleted'], 'did.wish': ['已请求，工作停止后生效', 'Requested; it takes effect when the work has stopped'],
  'tab.plan': ['计划', 'Plan'], 'tab.timeline': ['过程', 'Timeline'], 'tab.report': ['报告', 'Report'], 'tab.files': ['文件', 'Files'], 'tab.review': ['复核', 'Review'], views: ['任务视图', 'Views of the task'],
  'plan.none': ['没有计划', 'No plan'], 'plan.none.detail': ['智能体先读请求和文件，再把工作拆成子任务。', 'The agents read the request and its files first, then split the work.'],
  'plan.never': ['任务在形成计划之前就结束了。', 'The task ended before there was a plan.'],
  'plan.revision': ['第 {n} 版', 'Revision {n}'], 'plan.why': ['为何这样计划', 'Why this plan'], 'plan.after': ['依赖：{names}', 'After: {names}'], 'plan.reads': ['读取：{names}', 'Reads: {names}'], 'plan.attempts': ['尝试 {n} 次', '{n} attempts'],
  'report.none': ['还没有报告', 'No report yet'], 'report.soon': ['子任务完成后，由撰写员汇总，再由复核员逐项检查。', 'When the subtasks are done, the writer puts them together and the reviewer checks each item.'], 'report.never': ['任务没有走到写报告这一步。', 'The task did not get as far as a report.'],
  'report.open': ['新标签页打开', 'Open in a new tab'], 'report.download': ['下载', 'Download'], 'report.frame': ['报告内容', 'The report'], 'report.now': ['正在进行', 'At work now'],
  'files.none': ['还没有文件', 'No files yet'], 'kind.input': ['输入', 'Input'], 'kind.report': ['报告', 'Report'], 'kind.chart': ['图表', 'Chart'], 'kind.result': ['结果', 'Result'], 'kind.plan': ['计划', 'Plan'],
  'review.none': ['还没有复核', 'Not reviewed yet'], 'review.none.detail': ['复核员会重新计算报告中的每个数字，并核对每处引用。', 'The reviewer computes every number of the report again and resolves every citation.'],
  'review.sum': ['{passed} 项通过，{failed} 项未通过，{unchecked} 项无人能核对', '{passed} passed, {failed} failed, {unchecked} nobody could check'], 'verdict.true': ['通过', 'Passed'], 'verdict.false': ['未通过', 'Failed'], 'verdict.null': ['未核对', 'Unchecked'],
  'ask.title': ['需要您答复', 'An answer is needed'], 'ask.send': ['提交答复', 'Send answer'], 'ask.text': ['您的答复', 'Your answer'], 'ask.approve': ['同意', 'Approve'], 'ask.reject': ['拒绝', 'Reject'], 'ask.done': ['已答复，任务继续', 'Answered; the task goes on'],
  'event.submitted': ['提交任务', 'Task submitted'], 'event.started': ['开始运行', 'Work started'], 'event.waiting_input': ['等待答复', 'Waiting for an answer'], 'event.paused': ['任务暂停', 'Task paused'], 'event.resumed': ['继续运行', 'Work resumed'], 'event.updated': ['任务已修改', 'Task changed'], 'event.answered': ['收到答复', 'Answer received'], 'event.completed': ['任务完成', 'Task completed'], 'event.completed_by': ['由人标记为完成', 'Marked completed by a person'], 'event.failed': ['任务失败', 'Task failed'], 'event.cancelled': ['任务取消', 'Task cancelled'], 'event.reopened': ['重新排队', 'Queued again'], 'event.deleted': ['任务已删除', 'Task deleted'],
  'event.plan': ['拆成 {n} 个子任务', 'Split into {n} subtasks'], 'event.replan': ['修订计划（第 {r} 版），共 {n} 个子任务', 'Plan revised (revision {r}), {n} subtasks'], 'event.review': ['复核：{passed}/{n} 项通过', 'Review: {passed} of {n} passed'], 'event.recovery': ['恢复决定：{what}', 'Recovery: {what}'],
  'event.tool': ['{tool} · {outcome}', '{tool} · {outcome}'], 'event.model': ['模型 {model} · {n} token', 'Model {model} · {n} tokens'], 'event.file': ['生成 {name}', 'Wrote {name}'], 'event.attempt': ['第 {n} 次尝试', 'attempt {n}'], 'event.reused': ['沿用已有结果', 'earlier result kept'], 'event.found': ['{n} 项发现', '{n} findings'], 'event.quoted': ['{n} 处引用', '{n} passages'],
  'recovery.retry': ['再试一次', 'try again'], 'recovery.other_agent': ['换一个智能体', 'another agent'], 'recovery.go_on_without': ['不等它，继续其余工作', 'go on without it'], 'recovery.give_up': ['放弃', 'give up'],
  'criterion.numbers_recompute': ['数字可重新算出', 'Numbers recompute'], 'criterion.citations_resolve': ['引用可查证', 'Citations resolve'], 'criterion.question_answered': ['回答了问题', 'The question is answered'], 'criterion.report_complete': ['报告完整', 'The report is complete'], 'criterion.report_faithful': ['报告忠于结果', 'The report is faithful to the results'], 'criterion.review_complete': ['复核完整', 'The review is complete'],
  'filter.one': ['只看：{name}', 'Only: {name}'], 'filter.all': ['显示全部', 'Show all'],
  'agent.meta_agent': ['理解请求', 'Understanding'], 'agent.task_decomposer': ['任务拆解', 'Task decomposer'], 'agent.quality_check': ['质量检查', 'Quality check'], 'agent.coordinator': ['协调', 'Coordinator'],
  'agents.busy': ['工作中', 'Busy'], 'agents.idle': ['空闲', 'Idle'], 'agents.rate': ['成功率', 'Success rate'], 'agents.completed': ['完成', 'Completed'], 'agents.failed': ['失败', 'Failed'], 'agents.last': ['最近活动', 'Last active'], 'agents.never': ['还没有工作记录', 'No work so far'], 'agents.since': ['本次统计始于', 'Counted since'],
  'agents.reset': ['重置', 'Reset'], 'agents.reset.name': ['重置 {name}', 'Reset {name}'], 'agents.reset.ask': ['重置{name}？', 'Reset {name}?'], 'agents.reset.detail': ['它正在做的工作会中止并自动重做，成功率重新统计。', 'What it does now is aborted and taken up again, and its record starts anew.'], 'agents.reset.done': ['{name}已重置', '{name} is reset'], 'agents.now': ['正在处理', 'Working on'],
  'system.healthy': ['一切正常', 'All is well'], 'system.degraded': ['部分受限', 'Degraded'], 'system.unhealthy': ['有依赖不可用', 'A dependency is down'], 'system.draining': ['正在停机：不再接受新任务', 'Shutting down: no new tasks are taken'], 'system.version': ['版本', 'Version'], 'system.uptime': ['已运行', 'Up for'],
  'system.parts': ['依赖', 'Dependencies'], 'system.tasks': ['任务数', 'Tasks'], 'system.next': ['常用命令', 'Commands to go on with'], 'system.more': ['更多', 'More'], 'system.api': ['HTTP API', 'HTTP API'], 'system.metrics': ['指标', 'Metrics'], copy: ['复制', 'Copy'], copied: ['已复制', 'Copied'],
  'part.database': ['数据库', 'Database'], 'part.artifacts': ['文件存储', 'File store'], 'part.model': ['语言模型', 'Language model'], 'part.ok': ['正常', 'OK'], 'part.degraded': ['受限', 'Degraded'], 'part.down': ['不可用', 'Down'], 'model.none': ['未配置模型：使用离线技能。要使用模型，请设置 LLM_MODEL 与 LLM_API_KEY 后重启。', 'No model: offline skills only. To use one, set LLM_MODEL and LLM_API_KEY and restart.'], 'model.configured': ['已配置', 'Configured'],
  'key.n': ['新建任务', 'New task'], 'key./': ['搜索', 'Search'], 'key.j': ['下一个任务', 'Next task'], 'key.k': ['上一个任务', 'Previous task'], 'key.?': ['这份帮助', 'This help'], 'key.Esc': ['返回列表', 'Back to the list'], keys: ['键盘', 'Keyboard'],
  missing: ['没有这个页面', 'There is no such page'], back: ['返回任务列表', 'Back to the tasks'],
};

export const language = () => (document.documentElement.lang === 'en' ? 'en' : 'zh-CN');
export const has = (key) => key in WORDS;

/** The words of a key with its `{placeholders}` filled. */
export function say(key, values = {}) {
  const entry = WORDS[key];
  if (!entry) return key;
  return entry[language() === 'en' ? 1 : 0].replace(/\{(\w+)\}/g, (_, name) => String(values[name] ?? ''));
}
