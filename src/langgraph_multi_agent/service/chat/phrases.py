"""The phrases by which orders and questions are read, in zh and en; what they mean together is for `intents`.

Invariant: every pattern is linear in the message, as far as READ_CHARS let it matter.
"""

import re

_I = re.IGNORECASE
EDGES = " \t\r\n.,;:!?…~。，；：！？、～“”\"'()（）👍🙏😊"
GREETED = re.compile(
    r"^\s*(?:(?:你好啊?|您好|嗨|哈喽|早上好|下午好|晚上好|早|在吗|hi|hello|hey|good (?:morning|afternoon|evening))"
    r"(?: there| meta ?agent)?(?![A-Za-z\u4e00-\u9fff])[\s,，.。!！~～:：]*)+",
    _I,
)
_CONFIRM = (
    r"(?:是|是的|对|对的|好|好的|好啊|好吧|行|行吧|可以|可以的|嗯|嗯嗯|要|要的|确认|确定|同意|没错"
    r"|没(?:有)?问题|当然|来吧|做吧|开始吧|创建|创建吧|建吧|新建吧"
    r"|就这样|就这么办|请创建|那就创建|是的?[，, ]*(?:请)?创建吧?|好的?[，, ]*(?:请)?创建吧?"
    r"|yes|y|yep|yeah|yup|ok|okay|sure|please do|yes,? please|go ahead|do it|do that|create it|make it"
    r"|confirm(?:ed)?|absolutely|no problem|sure thing"
    r"|correct|right|sounds good|of course|yes,? (?:do it|go ahead|create it|make it|do that))"
)
_DECLINE = (
    r"(?:不|不用|不要|不用了|不要了|不是|不必|不行|别|先不|先不用|算了|取消|不创建|不需要|没有|否|停"
    r"|n|no|nope|nah|not now|no,? thanks?|no,? thank you|never ?mind|don't|do not|cancel|stop|forget it)"
)
CONFIRM = re.compile(rf"{_CONFIRM}(?:[，,\s]*(?:谢谢(?:你|您)?|多谢|thanks|thank you))?", _I)
_BRIEF_THANKS = r"(?:谢谢(?:你们?|您|啦|了)?|多谢(?:你|您|了)?|thanks|thank you)"
DECLINE = re.compile(rf"(?:{_BRIEF_THANKS}[，,\s]*)?{_DECLINE}(?:[，,\s]*{_BRIEF_THANKS})?", _I)
_PRAISE = (
    r"(?:(?:你们?|您)?(?:真|太|很|非常|挺|做得|干得|说得|回答得)*(?:好|棒|不错|赞|厉害|清楚|详细|有用|有帮助|满意)(?:了|啊|的|呀|极了)?"
    r"|辛苦(?:你们?|您|大家)?了?|我?(?:明白|知道|了解|懂|收到)了?|帮了?我?大忙了?|再见|拜拜|没(?:事|别的|其他的?)了?"
    r"|(?:that(?:'s| is| was) |it(?:'s| is| was) |you(?:'re| are) )?(?:very |really |so |just )?"
    r"(?:great|good|nice|perfect|cool|wonderful|awesome|excellent|helpful|fine|brilliant|lovely|amazing|kind|well done"
    r"|good (?:job|work)|the best|what i needed)"
    r"|(?:i )?got it|i see|understood|(?:that|this) (?:helps|helped)(?: a lot| me)?|(?:good)?bye|ok(?:ay)?)"
)
_THANKS = (
    r"(?:(?:非常|十分|太|好的?[，, ]*)?(?:多谢|感谢|感激|谢谢?)(?:你们?|您|大家|各位|啦|了|啊|哈|呀|哦)*"
    r"(?:(?:的|这么)?(?:帮助|帮忙|解答|回答|回复|支持|提醒))?|辛苦了?"
    r"|(?:many )?thanks?(?: you)?(?: (?:very|so) much| a (?:lot|million|ton)| again| indeed| everyone| all)*"
    r"(?: for (?:all )?(?:your |the |that |this )?(?:quick )?"
    r"(?:help|answer|reply|info|information|support|explanation))?"
    r"|thx|cheers|much appreciated)"
)
_PAUSE = r"[，,。.！!～~、\s]*"
THANKS = re.compile(rf"(?:{_PRAISE}{_PAUSE})?{_THANKS}(?:{_PAUSE}(?:{_PRAISE}|{_THANKS})){{0,3}}", _I)
"""Thanks, also with a word of praise or a goodbye, and with nothing that is wanted besides."""
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
    r"^(?:请问)?(?:你)?(?:能不能|能否|能|可不可以|可以|可否|方便)(?=你|帮|给|替|请|把|将|根据|按照|基于|分析|统计"
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
BEFORE_COLON = re.compile(r"[^:：]+(?=[:：])")
"""What follows a colon is material: complaints in it are no complaints to us."""
_DIRECT_ZH = (
    r"分析|统计|汇总|对比|比较|翻译|整理|计算|预测|评估|调研|调查|研究|总结|归纳|提取|抽取|清洗|润色"
    r"|改写|起草|撰写|编写|梳理|归类|检测"
)
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
_VERBS = (
    rf"(?:把|将|请|帮|给)|(?:{_DIRECT_ZH})|写|生成|制作|做|画|绘制|说明|解释|介绍|告诉|回答|讲|查|列出"
    r"|怎么|怎样|如何|什么|哪"
)
BASIS = re.compile(
    rf"^(?:根据|按照?|依据|依照|参照|参考|基于|对照|结合).{{1,40}}?(?:[，,：:、]\s*|(?={_VERBS}))"
    r"|^(?:according to|based on|as per|per|on the basis of|following|given)\s.{1,80}?"
    r"(?:,\s*|\s+(?=(?:what|how|why|when|where|which|who|can|could|may|is|are|does|do|please)\b))",
    _I,
)
"""“According to the handbook, …”: what a request rests on, before the request."""
_BOOK = r"(?:handbook|manual|docs|documentation|user guide)"
HANDBOOK = re.compile(rf"手册|使用文档|帮助文档|使用说明|\b(?:the|your|its|built-in) {_BOOK}\b", _I)
ASKS_HANDBOOK = re.compile(
    r"(?:根据|按照?|依据|依照|参照|参考|对照).{0,6}手册|手册(?:里面?|中|上|内)|手册.{0,4}(?:说|写|讲|规定|提到|要求|介绍|记载)|手册(?:对|关于)"
    r"|(?:查|翻|看|读|搜)(?:一?下|看|看看|阅|找)?(?:使用|内置|系统|用户)?手册"
    rf"|\b(?:in|from|per|by|check|see|consult|search|read|to|as) (?:the|your|its) {_BOOK}\b"
    rf"|\bthe {_BOOK} (?:say|says|mention|mentions|describe|describes|explain|explains|cover|covers|tell|tells)\b",
    _I,
)
HANDBOOK_WORDS = re.compile(
    r"(?:请|帮我|麻烦你?)*(?:根据|按照?|依据|依照|参照|参考|对照|查|翻|看|读|搜)?(?:一?下|看看|看|阅)?(?:使用|内置|系统|用户|这份|这本)*手册"
    r"(?:里面?|中|上|内)?(?:有没有|是否|是|的)?(?:怎么|如何)?(?:说明|说|写|讲|规定|提到|介绍|记载)?(?:过|到|的)?(?:关于|对)?[:：,，\s]*"
    r"|(?:(?:what |how )?(?:do|does) )?\b(?:(?:look up|check|see|consult|search|read|answer|tell me) )*"
    rf"(?:(?:according|in|from|per|by|as|to) )*(?:the|your|its) {_BOOK}"
    r"(?: (?:say|mention|describe|explain|cover|tell)s?)?(?: (?:me|us|about|for|on))*[:,]?\s*"
    r"|^(?:请)?(?:说明|解释|介绍|回答|告诉我|讲讲|说说)(?:一?下)?[:：,，\s]*"
    r"|^(?:please )?(?:explain|tell me|describe)[:,]?\s+"
    r"|(?:的内容|有什么规定|有哪些规定|是?怎么写的)",
    _I,
)
"""What a question to the handbook says besides what it asks: the search is for the rest."""
MAYBE = re.compile(
    r"^(?:检查(?!点)|审阅|审核|核对|找出|挑出)(?:一?下)?"
    r"|^(?:check|find out|inspect|verify|look (?:into|over)|go (?:through|over))\b",
    _I,
)
"""What is work for a person, and could be meant for us."""
OF_TROUBLE = re.compile(
    r"(?:失败|出错|报错|问题|崩溃|异常).{0,12}(?:原因|情况|记录|日志|数据|订单|影响|次数|比例|率)[。.!！]*$"
    r"|^\w+ (?:why|the (?:causes?|reasons?))\b",
    _I,
)
"""The trouble is what the work is about; it is no complaint."""
MAKES = re.compile(
    r"(?:写|生成|制作|整理|汇总|总结|输出|画|做)(?:成|出|一|两|几|份|个|张|篇|封){1,3}[^。！!？?；;\n]{0,20}?"
    r"(?:报告|表|图|文档|邮件|总结|摘要|PPT|清单)"
    r"|^(?:please )?(?:write|create|generate|make|draft|prepare|compose|produce)\b.{0,80}"
    r"\b(?:report|summary|chart|table|e-?mail|presentation|document|memo|overview)\b"
    r"|^(?:please )?(?:analy[sz]e|summari[sz]e|compare)\b.{0,80}\b(?:and|as|into) (?:chart|plot|draw|write|an?)\b",
    _I,
)
"""Something is to be made, so words of a state in it are what it is about."""
LATER_ORDER = re.compile(
    r"[，,。.;；:：!！\n]\s*(?:(?:请(?!问|教)|帮我|麻烦|帮忙|替我)(?:你|把|将)?|please|kindly)\s*(?=\S)", _I
)
"""“Here are my notes. Please …”"""
MATERIAL = re.compile(
    r"[^:：?？\n]{1,40}(?:这段|这篇|这份|这些|下面|以下|\bthe following|\bthis (?:text|paragraph|code|data|list))"
    r"[^:：?？\n]{0,40}[:：]\s*\S",
    _I,
)
"""Something is to be done to what stands below it."""
_THIS_ZH = r"[这那该](?:一?[个份篇]|[两三几]个|些)?|上传的"
_FILE_ZH = (
    r"(?:数据|表格|CSV|Excel|PDF|Word|文本)?(?:文件|文档|附件)"
    r"(?!名|夹|系统|服务|的?(?:格式|类型|大小|上传|限制))"
)
_FILE_EN = (
    r"(?:(?:csv|excel|pdf|word|data|text) )?(?:files?|documents?|attachments?|spreadsheets?)\b"
    r"(?! (?:formats?|types?|names?|sizes?|systems?|servers?|uploads?|limits?))"
)
_TAKES_ZH = rf"(?:(?!起草|撰写|编写)(?:{_DIRECT_ZH})|处理|查看|看看?|解读|阅读|检查|审阅|打开)(?:一?下)?"
_TAKES_EN = rf"(?:{_DIRECT_EN}|process|check|read|open|look (?:at|into|over|through)|go through|work on)"
"""Verbs whose object is there already; what is drafted or written is not."""
FILE_NOT_HERE = re.compile(
    rf"(?:{_TAKES_ZH}|[把将从对])(?:{_THIS_ZH}){_FILE_ZH}"
    rf"|{_TAKES_ZH}(?:我的|一[个份])?(?:附件(?!上传|大小|格式|限制)|{_FILE_ZH}[。.！!吗吧?？\s]*$)"
    rf"|\b{_TAKES_EN}(?:(?: [\w'-]+){{1,5}} (?:of|in|from))? "
    rf"(?:this|these|the attached|attached|the uploaded|the enclosed) {_FILE_EN}"
    rf"|\b{_TAKES_EN} (?:my|a|the|some) {_FILE_EN}[.!?\s]*$",
    _I,
)
"""The work is on a file that is somewhere else: a message carries none."""
ON_FILE = re.compile(
    rf"^(?:处理|看看?|查看|打开|读|阅读|解读|检查|审阅)(?:一?下)?(?:{_THIS_ZH}|我的)"
    rf"{_FILE_ZH}|^(?:process|look (?:at|into|over|through)|read|check|open|handle|work on|go through)"
    rf" (?:this|these|my|the attached|the uploaded) {_FILE_EN}",
    _I,
)
"""Something is to be done with such a file, by a verb that says nothing of work elsewhere."""
ENGLISH_FRAME = re.compile(
    r"\s*(?:(?:hi|hello|hey|please|and|so|ok|okay|thanks?)[\s,.!]+)*"
    r"(?:how|what|why|when|where|which|who|is|are|was|did|does|do|has|have|can|could|would|will|show|tell|list|status"
    r"|progress|cancel|pause|resume|retry|stop|delete)(?:'s)?\s",
    _I,
)
CHINESE_FRAME = re.compile(r"[吗呢吧么怎哪谁请帮]|什么|如何|多少|是否|几个|完成了|好了")
"""Words that ask, which no title in a question of the other language holds."""
