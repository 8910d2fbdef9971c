"""Words about requests to other machines: why one was not made, or came to nothing."""

from langgraph_multi_agent.i18n.errors import error_texts


def _reasons(words: dict[str, tuple[str, str]]) -> dict[str, dict[str, str]]:
    return {f"error.reason.{code}": {"zh": zh, "en": en} for code, (zh, en) in words.items()}


TEXTS: dict[str, dict[str, str]] = {
    **error_texts(
        "OUTGOING_OFF",
        (
            "没有开放外部访问",
            "系统没有开放对其他机器的访问，所以不会打开网址。",
            "需要时请管理员设置 OUTGOING_ACCESS：public 允许访问公网，listed 只允许 OUTGOING_ALLOWED 中列出的地址。",
        ),
        (
            "No access to other machines",
            "The system has not been allowed to ask other machines, so it opens no addresses.",
            "If it should, an operator sets OUTGOING_ACCESS: public for the public internet, listed for what OUTGOING_ALLOWED names.",
        ),
    ),
    **error_texts(
        "OUTGOING_REFUSED",
        (
            "不能访问这个地址",
            "出于安全考虑，没有访问地址“{host}”：{reason}",
            "请改用公网的 http 或 https 地址；确实需要访问内部地址时，请管理员把它加入 OUTGOING_ALLOWED，端口加入 OUTGOING_PORTS。",
        ),
        (
            "This address is not asked",
            "For safety, the address “{host}” was not asked: {reason}",
            "Use a public http or https address; if it has to be an inner one, an operator can list it in OUTGOING_ALLOWED, and its port in OUTGOING_PORTS.",
        ),
    ),
    **error_texts(
        "OUTGOING_FAILED",
        (
            "对方没有给出完整的回答",
            "访问“{host}”没有成功：{reason}",
            "请检查地址是否正确、对方能否访问，稍后重试。",
        ),
        (
            "No whole answer",
            "Asking “{host}” came to nothing: {reason}",
            "Check the address and whether the other side can be reached, and try again later.",
        ),
    ),
    **error_texts(
        "OUTGOING_TOO_LARGE",
        (
            "对方的回答过大",
            "“{host}”的回答解压后超过 {limit} 字节，已停止读取。",
            "请换一个较小的页面，或请管理员调高 OUTGOING_MAX_BYTES。",
        ),
        (
            "The answer is too large",
            "The answer of “{host}” is more than {limit} bytes unpacked; reading was stopped.",
            "Name a smaller page, or have an operator raise OUTGOING_MAX_BYTES.",
        ),
    ),
    **error_texts(
        "PAGE_UNREADABLE",
        (
            "网页无法读取",
            "“{host}”的网页读不出文字：{reason}",
            "请在浏览器里确认页面能打开、不需要登录；需要其中的内容时，可以保存成文件再提交。",
        ),
        (
            "The page cannot be read",
            "No text could be read from the page of “{host}”: {reason}",
            "Check in a browser that it opens without a log-in; what it says can also be saved and sent as a file.",
        ),
    ),
    **_reasons(
        {
            "address_length": ("地址过长", "the address is too long"),
            "characters": (
                "地址里有空格、控制字符或反斜杠",
                "the address holds spaces, control characters or backslashes",
            ),
            "scheme": ("只支持 http 和 https", "only http and https are asked"),
            "not_an_address": ("不是完整的网址", "it is not a whole address"),
            "credentials": ("地址里不能带用户名或密码", "the address carries a user name or password"),
            "host": ("主机名无效", "its host is not valid"),
            "port": ("这个端口没有开放", "this port is not open for requests"),
            "not_listed": ("不在允许的名单里", "it is not among the allowed ones"),
            "loopback": ("它指向本机", "it leads to this machine"),
            "private": ("它指向内部网络", "it leads into a private network"),
            "unique_local": ("它指向内部网络", "it leads into a private network"),
            "shared": ("它指向运营商的内部网络", "it leads into a carrier's inner network"),
            "link_local": (
                "它指向链路本地地址，云平台的元数据服务也在那里",
                "it leads to a link-local address, where clouds keep their metadata",
            ),
            "metadata": ("它指向云平台的元数据服务", "it leads to a cloud's metadata service"),
            "unspecified": ("它不指向任何一台机器", "it leads to no machine in particular"),
            "multicast": ("它指向一组机器", "it leads to a group of machines"),
            "reserved": ("它属于保留地址", "its address is reserved"),
            "documentation": ("它属于文档示例用的地址", "its address is for examples in documents"),
            "transition": (
                "它在 IPv6 地址里包着另一个地址",
                "its IPv6 address wraps another address",
            ),
            "redirects": ("重定向次数过多", "it redirects too often"),
            "downgrade": ("它从 https 重定向到 http", "it redirects from https to http"),
            "content_elsewhere": (
                "它要把提交的内容转到另一个网站",
                "it redirects what was sent to another site",
            ),
            "unresolved": ("这个名字查不到可以访问的地址", "its name leads to no address that may be asked"),
            "unreachable": ("连接不上", "it cannot be reached"),
            "timeout": ("等待超时", "it took too long"),
            "tls": ("无法建立可信的加密连接", "no trusted encrypted connection could be made"),
            "protocol": ("连接中断，或者不符合 HTTP", "the connection broke or did not keep to HTTP"),
            "cut": ("回答不完整", "the answer ended in the middle"),
            "content_encoding": ("压缩方式无法识别", "its compression cannot be read"),
            "http_status": ("对方返回状态码 {status_code}", "it answered with status {status_code}"),
            "media_type": ("不支持这种内容：{media_type}", "this kind of content is not read: {media_type}"),
        }
    ),
    "outgoing.page.cut": {
        "zh": "网页太长，只读了前 {read} 个字符，共 {total} 个。",
        "en": "Too long: the first {read} of {total} characters were read.",
    },
    "outgoing.page.no_room": {
        "zh": "前面的网页已经占满篇幅，这一页没有读。",
        "en": "The pages before it took all the room, so it was not read.",
    },
    "outgoing.page.too_many": {
        "zh": "一次最多读 {limit} 个网页，这一页没有读。",
        "en": "At most {limit} pages are read at a time, so it was not read.",
    },
    "settings.reason.outgoing_entry": {
        "zh": "{setting} 的每一项都应是主机名（可写 *.example.org）、IP 地址或网段，不带协议和端口，也不能是 /0",
        "en": "each entry of {setting} is a host name (also *.example.org), an IP address or a network, without scheme or port, and not a /0",
    },
    "settings.reason.outgoing_unlisted": {
        "zh": "OUTGOING_ACCESS=listed 时，{setting} 至少要列出一项",
        "en": "with OUTGOING_ACCESS=listed, {setting} has to list something",
    },
}
