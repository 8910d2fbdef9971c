"""The phrases by which a message is read, in zh and en; what they mean together is for `intents`.

Invariant: every pattern is linear in the message, as far as READ_CHARS let it matter.
"""

import re

from langgraph_multi_agent.domain.task import TaskStatus

_I = re.IGNORECASE
EDGES = " \t\r\n.,;:!?…~。，；：！？、～“”\"'()（）👍🙏😊"
GREETED = re.compile(
    r"^\s*(?:(?:你好啊?|您好|嗨|哈喽|早上好|下午好|晚上好|早|在吗|hi|hello|hey|good (?:morning|afternoon|evening))"
    r"(?: there| meta ?agent)?(?![A-Za-z\u4e00-\u9fff])[\s,，.。!！~～:：]*)+",
    _I,
)
_CONFIRM = (
    r"(?:是|是的|对|对的|好|好的|好啊|好吧|行|行吧|可以|可以的|嗯|嗯嗯|要|要的|确认|确定|同意|没错"
    r"|创建|创建吧|建吧|新建吧"
    r"|就这样|就这么办|请创建|那就创建|是的?[，, ]*(?:请)?创建吧?|好的?[，, ]*(?:请)?创建吧?"
    r"|yes|y|yep|yeah|yup|ok|okay|sure|please do|yes,? please|go ahead|do it|do that|create it|make it"
    r"|confirm(?:ed)?"
    r"|correct|right|sounds good|of course|yes,? (?:do it|go ahead|create it|make it|do that))"
)
_DECLINE = (
    r"(?:不|不用|不要|不用了|不要了|不是|不必|不行|别|先不|先不用|算了|取消|不创建|不需要|没有|否|停"
    r"|n|no|nope|nah|not now|no,? thanks?|no,? thank you|never ?mind|don't|do not|cancel|stop|forget it)"
)
CONFIRM = re.compile(_CONFIRM, _I)
DECLINE = re.compile(_DECLINE, _I)
THANKS = re.compile(
    r"(?:非常|多|好的?[，, ]*)?(?:感谢|谢谢?)(?:你|您|啦|了|啊)?(?:的帮助)?|辛苦了?"
    r"|thanks?(?: you)?(?: (?:very|so) much| a lot)?|thx|cheers",
    _I,
)
ABILITIES = re.compile(
    r"(?:帮助|help|菜单|你是谁|你是什么|(?:你|这里)?(?:能|会|可以)(?:做|干|帮我做|帮我干)(?:些"
    r"|点)?(?:什么|啥|哪些事情?)"
    r"|你(?:有什么|有哪些|的)功能|who are you|what are you|what can (?:you|i) (?:do|ask)(?: here| for me)?"
    r"|what do you do|how can you help(?: me)?)",
    _I,
)

UNPOLITE = re.compile(
    r"^(?:(?:请你?(?!问|教)|麻烦你?|劳驾你?|帮助我|帮我|帮忙|给我|替我|帮(?=[^助])|我(?:要|想)(?:请"
    r"|让)你|现在|立即|马上)\s*"
    r"|(?:please|kindly|now|help me(?: to)?|i(?:'d| would) like you to|i want you to|i need you to)\b[\s,]*)+",
    _I,
)
MAY_YOU = re.compile(
    r"^(?:请问)?(?:你)?(?:能不能|能否|能|可不可以|可以|可否|方便)(?=你|帮|给|替|请|把|将|分析|统计"
    r"|翻译|写|做|生成|总结|对比|比较|汇总|整理|预测)"
    r"你?|^(?:please[, ]+)?(?:can|could|would|will) you\b(?: please| kindly)?|^would it be possible to\b",
    _I,
)
I_WANT = re.compile(
    r"^(?:我们?|咱们?)(?:现在)?(?:需要|想要?|打算|希望|要)(?:有)?(?:一个|一份|一张|一篇|个|份)?"
    r"|^(?:i|we)(?:'d| would)? (?:want|need|like)\b(?! you\b)(?: to| an?| the| some)?\b|^let'?s\b",
    _I,
)
NAMED_ORDER = re.compile(
    r"^(?:请你?|麻烦你?|帮我|给我|替我|帮忙)*\s*(?:再)?(?:创建|新建|建立?|提交|新增|添加|加)\s*(?:一个"
    r"|一项|一条|个|项|一)?\s*(?:新的?)?\s*任务"
    r"(?:\s*[:：]|\s*[,，]|\s+|(?=来|去|分析|统计|汇总|对比|比较|翻译|整理|计算|预测|评估|调研|研究"
    r"|总结|写|撰写|生成|制作|提取)|(?=[。！!]?$))"
    r"|^(?:please[, ]+|now )*(?:create|make|add|start|submit|open)\s+(?:me\s+)?(?:an?\s+"
    r"|another\s+)?(?:new\s+)?task"
    r"(?:\s*:|\s*,|\s+-|\s+(?:to|that|for|about|which)\b|(?=[.!]?$))"
    r"|^(?:新任务|任务|new task|task)\s*[:：]",
    _I,
)

SHORT_FORM = re.compile(r"^(?:新任务|任务|new task|task)\s*[:：]", _I)
ASKS_WHERE = re.compile(r"怎么|在哪|哪里|哪儿|从哪|多久|为什么|是什么|是哪|是谁|吗$", _I)
STATEMENT = re.compile(r"了$|^[\u4e00-\u9fff]{1,4}[:：]")
UUID = re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", _I)
_QUOTED = r"[“\"「『《']([^“”\"「」『』《》'\n]{1,120})[”\"」』》']"
QUOTED_TASK = re.compile(
    rf"任务\s*{_QUOTED}|{_QUOTED}\s*(?:这个|那个|的)?任务|\btask\s+(?:called |named )?{_QUOTED}"
    rf"|{_QUOTED}\s+task\b",
    _I,
)
LATEST = re.compile(
    r"(?:最近|最新|最后|上一?个|刚才|刚刚|我)(?:的|一个|那个|这个|提交的|创建的|建的|新建的)*任务(?!们|队列|数|页)"
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
NO_TITLE = re.compile(
    r"(?:的|所有|全部|现在|目前|当前|今天|我们?|我的|系统|各个?|每个|总体|整体|那些|这些|哪些|哪个"
    r"|一个|这个|那个|失败|运行|执行|正在执行|等待|和|与|子|"
    r"查看|看看|看一下|显示|列出|情况|状态|进展|进度|想知道|想了解|请|说明|告诉我?|介绍|帮我|一下)*"
    r"|(?:all|the|my|our|your|of|these|those|every|each|tasks?|system|queue|agents?|everything|things"
    r"|server|service)"
    r"(?: (?:all|the|my|our|of|tasks?|system|queue|agents?))*",
    _I,
)

ASKS_HOW = re.compile(
    r"怎么(?!样)|怎样|如何(?![了?？。！!\s]|$)|为什么|为何|什么意思|区别|原因|\bhow (?:do|can|to"
    r"|should|does|would|could|will)\b|\bwhy\b"
    r"|\bwhat (?:happens|does|do|if|should)\b|\bwhen (?:does|do|will|is)\b|\bdifference\b|\bexplain\b",
    _I,
)
ASKS_RULE = re.compile(
    r"可以|能够|能被|能不能|允许|支持|必须|应该|最多|上限|会不会|方式|方法|办法|步骤|命令|接口|参数"
    r"|字段|类型|种类|条件|含义|状态码|有(?:哪些|什么|几种)状态"
    r"|子任务|配置|\b(?:can|could|may|must|should|allowed|maximum|at most|limits?|reasons?|causes?"
    r"|ways?|commands?|endpoints?|settings?"
    r"|parameters?|means?|subtasks?|possible|supported?)\b",
    _I,
)
DEFINITION = re.compile(
    r"(?:^|，|,)(?:请问)?什么是|是什么[?？。]?$|^what(?:'s| is| are) (?:an? |the )?(?!(?:status"
    r"|progress|state|queue (?:length|depth|size|status)|running"
    r"|failed|waiting|pending|paused|latest|last|going))[\w-]+(?: queue| task| agent| board)?[?.!]*$",
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

CONTROL = re.compile(
    r"^(?:取消|暂停|恢复|继续|重试|重跑|重做|停止|停掉|终止|删除|删掉|重新打开|重新执行|修改|提高|降低"
    r"|标记).{0,40}任务|^(?:把|将).{0,60}任务.{0,20}"
    r"(?:取消|暂停|恢复|重试|停|终止|删|重跑|打开|优先级|标记|改)|^(?:取消|暂停|重试|停止|删除)(?:它|这个|那个)"
    r"|^(?:cancel|pause|resume|retry|stop|delete|remove|abort|reopen|kill|rerun"
    r"|restart)\b.{0,80}(?:\btasks?\b|\bit\b|\bthat\b|\bthem\b|-[0-9a-f]{12}\b)"
    r"|^(?:change|raise|lower|set|mark)\b.{0,60}\btasks?\b",
    _I,
)
NOT_NOW = re.compile(
    r"^(?:不要|别|不用|无需|不需要|不必|先不|暂时不|如果|假如|要是|假设|当.{0,20}时|万一|请问|请教)"
    r"|^(?:don'?t|do not|never|no need|if|when|suppose|unless|what if)\b",
    _I,
)
ASKS_TO_KNOW = re.compile(
    r"^(?:说明|解释|介绍|告诉我?|讲讲|讲一下|讲解|说说|说一下|看看|查一下|查找手册|列出|显示|请问"
    r"|问一下|我想(?:知道|问|了解)|描述一下你)"
    r"|^(?:explain|tell (?:me|us)(?! a (?:joke|story))|show|describe how|let me know|list"
    r"|help me understand|look up|i wonder)\b",
    _I,
)
FIRST_CLAUSE = re.compile(r"[。！!？?；;\n]|(?<=[^\d\s])\.(?=\s|$)")
_DIRECT_ZH = r"分析|统计|汇总|对比|比较|翻译|整理|计算|预测|评估|调研|调查|研究|总结|归纳|提取|抽取|清洗|润色"
r"|改写|起草|撰写|编写|梳理|归类|检测"
_DIRECT_EN = (
    r"analy[sz]e|summari[sz]e|compare|translate|calculate|compute|forecast|predict|extract|research"
    r"|investigate|evaluate|review|rank|plot"
    r"|rewrite|proofread|paraphrase|profile|correlate|aggregate|visuali[sz]e|classify|find (?=(?:all "
    r"|the |any )*(?:outliers|anomal|duplicates|trends?|patterns|correlations))"
    r"|detect|study|examine"
)
DIRECT = re.compile(rf"^(?:再|先|并|来)?(?:{_DIRECT_ZH})(?:一下|下)?|^(?:(?:{_DIRECT_EN})\b)", _I)
HELD = re.compile(rf"^(?:把|将)(.{{1,60}}?)(?:{_DIRECT_ZH}|译成|做成|写成|画成)", _I)
GENERIC = re.compile(
    r"^(?:再|先)?(?:做|写|生成|制作|准备|出|画|绘制|设计|拟|创作|整|产出|输出)|^(?:write|create"
    r"|generate|make|build|produce|prepare|design|draw|draft|compose|develop|put together)\b(?! (?:sure|sense|do)\b)",
    _I,
)
DELIVERABLE = re.compile(
    r"报告|图(?!标)|表(?!示|达)|摘要|总结|分析|方案|计划|清单|文档|文章|PPT|幻灯|对比|统计|预测|翻译"
    r"|邮件|信(?!息)|诗|简报|概览|故事|文案|代码|脚本|[日周月]报|汇报"
    r"|\b(?:reports?|summary|summaries|charts?|plots?|graphs?|tables?|presentation|analysis|comparison"
    r"|forecast|translation|e-?mails?|letter|poem|article"
    r"|essay|story|script|plan|overview|document|memo|brief(?:ing)?|diagram|haiku|slides?|speech"
    r"|proposal|code|program|function)\b",
    _I,
)
MEASURE = re.compile(
    r"[一这那几两]?(?:个|份|篇|张|首|段|些|封|条)|\b(?:me|us|an?|the|some|one|this|that)\b", _I
)
PRONOUN_ONLY = re.compile(
    r"(?:一下|下|它|他|这个?|那个?|这些|那些|这份|这里|数据|文件|所有|全部)*|(?:it|this|that|them"
    r"|these|those|everything|all|something|stuff|data|the data|files?|the files?|please)",
    _I,
)
NOUN_USE = re.compile(
    rf"^(?:{_DIRECT_ZH})(?:的|报告|结果|功能|页|图|完|好|一直|中(?:$|的)|费|速度|任务|器|时|后|资源"
    rf"|服务|人员|师|员|方法|模型|过程|是|有|不|没|很|太|卡|团队|工具|学|信息|得|错|好用|慢)"
    rf"|^(?:{_DIRECT_EN}|build|design|plan|draft) (?:is|are|was"
    rf"|were|has|had|does|did|took|takes|never|shows|suggests|says"
    rf"|always|tasks?|agents?|page|view|mode|button|step|results?)\b",
    _I,
)
COMPLAINT = re.compile(
    r"失败|出错|报错|不对|不准|有问题|坏了|卡住|太慢|很慢|没有?反应|没出来|不显示|看不到|打不开|崩溃"
    r"|没用|不能用|不了|(?:完成|完|好|跑|做)了"
    r"|\b(?:broken|stuck|crash\w*|does ?n[o']t|is ?n[o']t|not work\w*|can'?t|cannot|won'?t|keeps"
    r"|failed|fails|is (?:slow|wrong|down))\b",
    _I,
)
QUESTION = re.compile(
    r"[?？]|什么|怎么|怎样|如何|为何|为什么|多少|多久|多长|多大|哪|何时|谁|是否|吗(?:[\s，,。！!]|$)|呢$|能不能|可不可以"
    r"|(?:^|[.!;\n]\s*)(?:what|how|why|when|where|which|who|whose|does|do|did|is|are|was|were|has|have"
    r"|can|could|should|would|will)\b",
    _I,
)
