"""The phrases by which questions on how things are now are read, in zh and en.

Caller: `intents`, which weighs them. Invariant: every pattern is linear in the message, as far as
READ_CHARS let it matter.
"""

import re

from langgraph_multi_agent.domain.task import TaskStatus

_I = re.IGNORECASE
UUID = re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", _I)
_QUOTED = r"[“\"「『《']([^“”\"「」『』《》'\n]{1,120})[”\"」』》']"
QUOTED = re.compile(_QUOTED)
QUOTED_TASK = re.compile(
    rf"任务\s*{_QUOTED}|{_QUOTED}\s*(?:这个|那个|的)?任务|\btask\s+(?:called |named )?{_QUOTED}"
    rf"|{_QUOTED}\s+task\b",
    _I,
)
LATEST = re.compile(
    r"(?:最近|最新|最后|上一?[个次]|前一个|刚才|刚刚|我)(?:的|一个|那个|这个|提交的|创建的|建的|新建的)*任务(?!们|队列|数|页)"
    r"|\b(?:my|the) (?:latest |last |most recent |newest |previous )?task\b(?! queue| list| page)",
    _I,
)
TASK_STATE = re.compile(
    r"怎么样|如何(?:了|[?？]?$)|状态|进展|进度|情况|完成了?(?:吗|没)|好了(?:吗|没)|做完|跑完"
    r"|结束了?(?:吗|没)|到哪|失败了?(?:吗|没)|多久能"
    r"|\bhow(?:'s| is)\b|\bstatus\b|\bprogress\b|\bstate of\b|\b(?:done|finished|ready|completed?"
    r"|running|failed)\b|how far|where is"
    r"|\bwhat happened\b|\bwhat about\b",
    _I,
)
WHY_FAILED = re.compile(
    r"(?:为什么|为何|怎么).{0,60}(?:失败|出错|报错)|(?:失败|出错)的?原因|\bwhy\b.{0,120}\bfail", _I
)
NAMED_TASK = re.compile(
    r"^(?:请问)?任务[\s:：]*([^，,。？?]{2,60}?)\s*(?:现在|目前)?的?(?:怎么样|进展|进度|状态|情况"
    r"|完成了?(?:吗|没)|好了(?:吗|没)|做完|跑完|到哪)"
    r"|^(?:请问)?(?:我的)?([^，,。？?]{2,60}?)(?:这个|那个|的)?任务(?:现在|目前)?(?:的)?"
    r"(?:怎么样|进展|进度|状态|做到哪|完成了?(?:吗|没)|好了(?:吗|没)|做完|跑完|到哪)"
    r"|\b(?:how(?:'s| is)|status of|progress of|what about|state of) (?:the "
    r"|my )?task (.{2,80}?)(?: going| doing| coming along)?[?.!]*$"
    r"|\b(?:how(?:'s| is)|status of|progress of|state of) (?:the |my )(.{2,80}?) task(?: going| doing"
    r"| coming along)?[?.!]*$"
    r"|\b(?:status|progress) of (?:the |my )?(.{2,80}?)[?.!]*$"
    r"|^is (?:the |my )?task (.{2,80}?) (?:done|finished|ready|complete[d]?|running)[?.!]*$"
    r"|^is (?:the |my )(.{2,80}?) task (?:done|finished|ready|complete[d]?|running)[?.!]*$",
    _I,
)
TITLE_ALONE = re.compile(
    r"(?:请问)?(?:我的|那个|这个)?(.{2,80}?)[\s，,]*(?:那个|这个)?(?:现在|目前|到底)?(?:的)?"
    r"(?:(?:怎么样|怎样|如何)了?|(?:进展|进度|状态|情况|结果)(?:怎么样|怎样|如何|呢|到哪)?了?|(?:做|跑|进行)?到哪(?:里|儿|一步)?了?"
    r"|(?:(?:完成|做完|跑完|做好|结束|失败|成功)了?|好了)(?:吗|没有|没)|呢)"
    r"|(?:how(?:'s| is| are)|what about|(?:what(?:'s| is) the )?(?:status|progress|state) of"
    r"|what happened (?:to|with)|where is) (?:the |my |our )?(.{2,80}?)(?: going| doing| coming along)?"
    r"|how did (?:the |my |our )?(.{2,80}?) (?:go|end|turn out)"
    r"|(?:is|has) (?:the |my |our )?(.{2,80}?) (?:done|finished|ready|completed?|running|failed)(?: yet)?"
    r"|(?:has|did) (?:the |my |our )?(.{2,80}?) (?:fail|finish|succeed|end)(?:ed)?(?: yet)?",
    _I,
)
"""The whole message asks how something is that could be a task's title."""
QUOTES = "“”\"'「」『』《》"
NO_TITLE = re.compile(
    r"(?:的|所有|全部|现在|目前|当前|今天|我们?|我的|系统|各个?|每个|总体|整体|那些|这些|哪些|哪个"
    r"|一个|这个|那个|失败|运行|执行|正在执行|等待|和|与|子|"
    r"查看|看看|看一下|显示|列出|情况|状态|进展|进度|想知道|想了解|请|说明|告诉我?|介绍|帮我|一下)*"
    r"|(?:all|the|my|our|your|of|these|those|every|each|tasks?|system|queue|agents?|everything|things"
    r"|server|service)"
    r"(?: (?:all|the|my|our|of|tasks?|system|queue|agents?))*",
    _I,
)
QUEUE = re.compile(
    r"队列.{0,8}(?:多少|多长|几个|情况|状态|满|长度|怎么样|有什么|排着)|(?:多少|几个)任务?(?:在)?排队"
    r"|排队.{0,6}(?:多少|几个|情况)"
    r"|how (?:long|full|deep|big|busy) is the queue|\bqueue (?:length|depth|status|size)\b|\b(?:in"
    r"|is) the (?:task )?queue\b|anything queued",
    _I,
)
AGENTS = re.compile(
    r"(?:智能体|\bagents?\b).{0,12}(?:在做|在干|在忙|干什么|忙|空闲|状态|在工作|情况|干活|怎么样|正常)"
    r"|(?:谁|哪些|哪个|几个|多少个?).{0,6}智能体|智能体有(?:哪些|多少|几个)"
    r"|\bagents?\b.{0,24}\b(?:busy|idle|doing|working|status|at work|free|available)\b"
    r"|\bwhich agents\b|\bhow many agents\b"
    r"|\blist (?:all |the )*agents\b|\bagents? status\b|\bstatus of (?:the |all )*agents\b"
    r"|\bwho is (?:busy|working)\b",
    _I,
)
HEALTH = re.compile(
    r"(?:系统|服务|服务器|平台|数据库)(?:现在|目前|当前|都|运行|还)*(?:正常|健康|好吗|好着|有问题"
    r"|有没有问题|可用|状态|情况|怎么样|在线|挂)|健康状态"
    r"|\bis (?:the )?(?:system|server|service|everything|database|it all) (?:ok|okay|up|healthy|fine"
    r"|working|down|all right|running|online)\b"
    r"|\bsystem (?:health|status|state)\b|\bhealth status\b|\bstatus of (?:the )?(?:system|server)\b"
    r"|\bhow is (?:the )?(?:system|server)\b",
    _I,
)
_S = TaskStatus
STATUSES = (
    (
        _S.WAITING_INPUT,
        re.compile(
            r"等(?:待|着)?(?:我|人|您|你|回答|答复|输入|审批|批准|确认)|(?:需要|要)(?:我|人)(?:来|去)?(?:回答"
            r"|处理|确认|批准|答复)?"
            r"|\bwait\w*(?: \w+)? for (?:me|my|us|an? answer|answers?|input|approval|a person)\b"
            r"|\bneeds? (?:me|my|an? answer|input|approval|attention)\b",
            _I,
        ),
    ),
    (_S.FAILED, re.compile(r"失败|出错|报错|\bfail(?:ed|ing|s|ures?)?\b|\berrored\b", _I)),
    (
        _S.IN_PROGRESS,
        re.compile(
            r"正在(?:执行|运行|处理|跑|做|进行)|执行中|运行中|进行中|处理中|在跑|在运行|在执行|在处理"
            r"|\brunning\b|\bin progress\b|\bbeing (?:worked|processed)\b"
            r"|\bexecuting\b|\bunder way\b|\bactive\b",
            _I,
        ),
    ),
    (
        _S.PENDING,
        re.compile(
            r"排队|等待|待处理|没开始|未开始|还没(?:有)?(?:开始|执行)|\bpending\b|\bqueued\b|\bwaiting\b"
            r"|\bnot (?:yet )?started\b",
            _I,
        ),
    ),
    (_S.PAUSED, re.compile(r"暂停|\bpaused\b", _I)),
    (_S.COMPLETED, re.compile(r"完成|做完|结束|成功|\bcompleted\b|\bfinished\b|\bdone\b|\bsucceeded\b", _I)),
    (_S.CANCELLED, re.compile(r"取消|\bcancell?ed\b", _I)),
)
LISTS = re.compile(
    r"哪些|哪几|哪个|什么|列出|列一下|显示|看看|看一下|看下|查看|查一下|有没有|有.{0,14}吗|是否有|给我看|还有"
    r"|\b(?:which|what|what's|whats|show|list|any|anything|something|are there|is there|give me"
    r"|display|see|did)\b",
    _I,
)
OF_TASKS = re.compile(
    r"任务|在跑|在运行|在执行|在处理|等(?:待|着)?(?:我|您|你)|(?:需要|要)我|\btasks?\b"
    r"|\b(?:what|what's|whats|anything|something) (?:is |has |have |did |that is )?(?:currently |still |now )?"
    r"(?:running|waiting|failed|fail|failing|pending|queued|paused|in progress|needs|going)",
    _I,
)
HOW_MANY = re.compile(
    r"(?:多少|几)个?.{0,14}任务|任务.{0,10}(?:有多少|有几个|多少个|几个|总数|数量)"
    r"|\bhow many\b.{0,40}\btasks?\b|\bnumber of\b.{0,30}\btasks\b",
    _I,
)
OVERVIEW = re.compile(
    r"任务(?:的)?(?:总体|整体)?(?:概况|总览|统计|情况|状态|进展|进度)(?:怎么样|如何|是什么|呢|吗"
    r"|一下)?[?？。!！]*$|(?:现在|目前|当前)(?:是)?(?:什么|啥)(?:情况|状态)"
    r"|\btasks? (?:overview|summary|counts?|stat(?:us|us(?:es)|istics|s))\b[?.!]*$|\b(?:overview"
    r"|summary|status) of (?:all |my |the |our )*tasks\b"
    r"|^(?:列出|显示|查看|看看|看一下)(?:我的|所有|全部|的)*任务[。！!]*$|^(?:list"
    r"|show)(?: me)?(?: all| my| the| our)* tasks[.!]*$"
    r"|\bhow are (?:all |my |the |our )*tasks\b|\bwhat(?:'s| is) going on\b",
    _I,
)
PERIOD = re.compile(
    r"今天|昨天|本周|这周|上周|本月|这个月|上个?月|今年|去年|最近\s*\d|过去|\btoday\b|\byesterday\b"
    r"|\b(?:this|last|past) (?:\d+ )?(?:day|week|month|year|hour)s?\b",
    _I,
)
_SHOW = (
    r"(?:请|请问|帮我|给我)?(?:看看|看一下|看下|查看|查一下|显示|列出|打开|说说|告诉我)?"
    r"|(?:please )?(?:show|give|tell|list)(?: me)?(?: about)? ?|(?:what|how|where)(?:'s| is| was| are| were| about) ?"
)
LATEST_ALONE = re.compile(
    rf"(?:{_SHOW})(?:我的?|我们的?)?(?:最近|最新|最后|上一?[个次]|前一个|刚才|刚刚)(?:的|一个|那个|这个|提交的|创建的|建的|新建的)*任务"
    r"的?(?:呢|结果|报告|结果呢|结果是什么|在哪里?|在哪儿|怎样)?"
    rf"|(?:{_SHOW})(?:(?:my|the) (?:latest|last|most recent|newest|previous) task"
    r"|the (?:latest|last) task i (?:made|submitted|created))"
    r"(?:'s (?:result|report))?"
    r"|(?:the )?(?:results?|status|outcome|report) of (?:my|the) (?:latest|last|most recent|newest|previous) task"
    r"|(?:how did|did|has|how has) (?:my|the) (?:latest|last|most recent|newest|previous) task"
    r" (?:go|gone|finish|finished|end|ended|succeed|work|work out|turn out)(?: well| yet)?",
    _I,
)
"""The whole message names the newest task, and so asks for it."""
RECENT = re.compile(
    rf"(?:{_SHOW})(?:我的?|我们的?)?(?:最近|最新|近期|刚才|刚刚)(?:有|提交了?|创建了?|建了?|新建了?|做了?)?的?(?:什么|哪些|几个|[一二三四五六七八九十\d]+个)?的?任务"
    r"(?:有哪些|有什么|列表|都有哪些|是哪些|是什么)?"
    rf"|(?:{_SHOW})我的?(?:所有|全部)?(?:有(?:哪些|什么))?任务(?:有哪些|有什么|列表)?"
    rf"|(?:{_SHOW})(?:all )?(?:of )?(?:my|the|our) (?:latest|last|most recent|newest|recent) (?:\w+ )?tasks"
    rf"|(?:{_SHOW})my tasks|recent tasks",
    _I,
)
"""The whole message asks for the newest tasks."""
_BAD = r"(?:错误?|问题|异常|故障|报错|毛病|失败|不正常|不对劲|坏|卡住)"
_WHEN_ZH = r"(?:现在|目前|当前|最近|今天|昨天|刚才|这里|还)*"
_WHEN_EN = (
    r"(?: (?:right )?now| at the moment| today| yesterday| lately| recently| here"
    r"| (?:with|in|on) (?:the |my |our )?(?:system|tasks?|server|service))?"
)
_TROUBLES = r"(?:errors?|problems?|failures?|issues?|trouble|incidents?|faults?)"
TROUBLE = re.compile(
    rf"(?:请问|帮我)?(?:看看|看一下|查一下|检查一下)?{_WHEN_ZH}(?:系统|服务|平台|任务|后台)?(?:里|中|上)?{_WHEN_ZH}(?:"
    rf"(?!有问题$|有错$)(?:有没有|有没|是否有?|是不是有?|有|还有)(?:什么|啥|哪些|任何|哪里|哪儿|地方|别的|新的)*(?:出|发生|出现)?了?(?:什么|啥)?"
    rf"{_BAD}(?:的|了|的地方)*(?:吗|么|没有|没|呢)?"
    r"|(?:出|发生|出现)了?(?:什么|啥)(?:错误?|问题|异常|故障|事)(?:了|吗)*"
    r"|(?:有没有|有没|是否有?|有)(?:什么|哪些|任何)?(?:卡住|不正常|异常|出问题|有问题)了?的任务(?:吗)?"
    r"|(?:哪里|哪儿|什么地方|哪个环节|什么|啥)(?:出|有|发生)了?(?:错误?|问题|异常|故障|毛病)(?:了|吗)*|(?:哪里|哪儿|什么|啥)坏了(?:吗)?"
    r"|(?:一切|全部|所有|都)+(?:都|还)?(?:正常|好|顺利|没问题)(?:吗|么|吧)"
    r"|(?:出错|失败|报错|出问题|坏)(?:过|了)?(?:吗|没有|没))"
    rf"|(?:is |are )?(?:anything|something) (?:else )?(?:broken|wrong|failing|down|stuck|amiss|not working){_WHEN_EN}"
    r"|(?:are there|is there|were there|have there been|do we have|any|recent|show(?: me)?)"
    r"(?: any| a| some| the| been)*(?: recent| new| latest)?"
    rf" {_TROUBLES}{_WHEN_EN}"
    rf"|what(?:'s| is|s| went| has gone| is going) (?:wrong|broken|down){_WHEN_EN}"
    rf"|(?:did|has) (?:anything|something) (?:fail(?:ed)?|break|broken|broke|go(?:ne)? wrong|crash(?:ed)?){_WHEN_EN}"
    r"|(?:is )?everything (?:alright|all right|fine|ok(?:ay)?|working|good|in order|normal)"
    r"|(?:is )?all (?:good|ok|okay|well|fine)",
    _I,
)
"""The whole message asks whether anything is wrong."""
STATUS_ALONE = re.compile(
    rf"(?:{_SHOW})(?:我的?|所有|全部)*{_WHEN_ZH}(?:失败|出错|报错|正在(?:执行|运行|处理|进行)|执行中|运行中|进行中|等待(?:执行|中)?"
    r"|排队中?|暂停|已?完成|已?取消|等我回答|需要我处理)了?的任务"
    rf"|(?:{_SHOW})(?:all |my |the |our |recent |latest |currently )*"
    r"(?:failed|failing|running|active|pending|queued|waiting|paused|completed|finished|cancell?ed) tasks",
    _I,
)
"""The whole message names tasks by a status, and so asks for their list."""
ALL_DONE = re.compile(
    r"(?:我的|所有|全部)?任务(?:都|全都|全部)(?:完成|做完|跑完|结束|好)了?(?:吗|没有|没)"
    r"|(?:are|have) all (?:of )?(?:my |the |our )?tasks (?:been )?(?:done|finished|completed?|ready)",
    _I,
)
"""The whole message asks whether all tasks are done."""
