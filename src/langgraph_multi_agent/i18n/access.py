"""Words about who may come in: refusals, and the settings behind them."""

from langgraph_multi_agent.i18n.errors import error_texts

TEXTS: dict[str, dict[str, str]] = {
    **error_texts(
        "AUTHENTICATION_REQUIRED",
        (
            "需要登录",
            "这个请求没有有效的凭据。",
            "请在页面上登录，或在请求头 Authorization: Bearer 中带上 API 密钥；密钥由管理员用 lgma keys create 创建。",
        ),
        (
            "Log in first",
            "The request carries no valid credential.",
            "Log in on the page, or send an API key in the header Authorization: Bearer; admins make one with lgma keys create.",
        ),
    ),
    **error_texts(
        "LOGIN_REFUSED",
        (
            "登录失败",
            "用户名或密码不对。",
            "请检查后重试；忘记密码时，请管理员运行 lgma users password。",
        ),
        (
            "Log-in refused",
            "Name and password do not fit.",
            "Check both and try again; an admin can set a new password with lgma users password.",
        ),
    ),
    **error_texts(
        "NOT_A_USER",
        (
            "这个身份没有密码",
            "当前用的是 API 密钥、其他系统的令牌，或没有登录的本机访问，没有可以更改的密码和登录。",
            "请用用户名和密码登录后再试；要停用密钥，请运行 lgma keys revoke。",
        ),
        (
            "No password here",
            "You came with an API key, a token of another system, or without a log-in: there is no password and no log-in of yours to change.",
            "Log in with name and password first; lgma keys revoke takes a key away.",
        ),
    ),
    **error_texts(
        "PERMISSION_DENIED",
        (
            "没有权限",
            "这个操作需要权限 {permission}，当前角色 {role} 没有。",
            "请用有这项权限的账号或密钥，或请管理员调整角色。",
        ),
        (
            "Not allowed",
            "This needs the permission {permission}, which the role {role} does not have here.",
            "Use an account or key that has it, or ask an admin for another role.",
        ),
    ),
    **error_texts(
        "CROSS_SITE_REQUEST",
        (
            "请求不是来自本站页面",
            "用登录会话修改数据的请求必须来自本站页面，这一个不是。",
            "程序请改用 API 密钥；页面请带上请求头 X-Requested-With，或把它的来源列入 CORS_ORIGINS。",
        ),
        (
            "Not from our own pages",
            "A change by a log-in session must come from our own pages; this one does not.",
            "Programs use an API key; a page sends the header X-Requested-With, or its origin is listed in CORS_ORIGINS.",
        ),
    ),
    **error_texts(
        "KEY_NOT_FOUND",
        ("没有这个密钥", "没有编号为 {key} 的 API 密钥。", "用 lgma keys list 查看现有的密钥。"),
        ("No such key", "There is no API key {key}.", "lgma keys list shows those there are."),
    ),
    **error_texts(
        "USER_NOT_FOUND",
        ("没有这个用户", "没有名为“{user}”的用户。", "用 lgma users list 查看现有的用户。"),
        ("No such user", "There is no user “{user}”.", "lgma users list shows those there are."),
    ),
    **error_texts(
        "NAME_TAKEN",
        ("名称已被使用", "名称“{name}”已经有人使用。", "请换一个名称。"),
        ("The name is taken", "Somebody has the name “{name}” already.", "Choose another one."),
    ),
    **error_texts(
        "LAST_ADMIN",
        (
            "这是最后一位管理员",
            "“{user}”是唯一可用的管理员，停用或降级后就没有人能管理权限了。",
            "请先添加或启用另一位管理员。",
        ),
        (
            "The last admin",
            "“{user}” is the only enabled admin: nobody would be left who may give rights.",
            "Add or enable another admin first.",
        ),
    ),
    **error_texts(
        "TOO_MANY_REQUESTS",
        ("请求太频繁", "短时间内的请求超过了上限 {allowed}。", "请过几秒再试一次；程序请等 Retry-After 给出的秒数。"),
        (
            "Too many requests",
            "More requests came in a short time than the limit {allowed} allows.",
            "Try again in some seconds; a program waits as long as Retry-After says.",
        ),
    ),
    **error_texts(
        "URI_TOO_LONG",
        ("地址太长", "请求的地址连同查询参数超过了 {limit} 字节。", "请缩短地址，把大段内容放进请求体。"),
        (
            "The address is too long",
            "The request's address, with its query, is longer than {limit} bytes.",
            "Shorten it; what is large goes into the body.",
        ),
    ),
    **error_texts(
        "REQUEST_TOO_SLOW",
        ("请求体来得太慢", "请求体没有在时限内传完，什么也没有保存。", "请检查网络后重新发送。"),
        (
            "The body came too slowly",
            "The request's body did not come in time; nothing of it was kept.",
            "Check the network and send it again.",
        ),
    ),
    **error_texts(
        "HOST_NOT_ALLOWED",
        (
            "不认识这个主机名",
            "请求的主机名“{host}”不是这台服务器的名字。",
            "要用这个名字访问，请把它列入 TRUSTED_HOSTS。没有设置 TRUSTED_HOSTS 时，可以用服务器的地址或 localhost；打开 ENABLE_AUTH 后，任何名字都可以。",
        ),
        (
            "Not a name of this server",
            "The request came for the host “{host}”, which is none of this server's names.",
            "To use this name, list it in TRUSTED_HOSTS. While TRUSTED_HOSTS is empty, the server's address and localhost work, and with ENABLE_AUTH on any name.",
        ),
    ),
    "error.field.name_not_allowed": {
        "zh": "只能用中文、日文、韩文和拉丁字母、数字，以及除 : / \\ 以外的符号，不能有空格；也不能用系统保留的名称",
        "en": "takes Latin letters, Chinese, Japanese and Korean characters, digits and signs other than : / \\, no spaces, and no name of the system's own",
    },
    "error.field.password_wrong": {"zh": "密码不对", "en": "is not your password"},
    "error.field.password_same": {"zh": "与现在的密码相同", "en": "is the password you have already"},
    "error.field.password_too_short": {
        "zh": "密码至少 {limit} 个字符",
        "en": "needs at least {limit} characters",
    },
    "error.field.password_too_simple": {
        "zh": "密码太简单：不要包含用户名，也不要只用几个重复的字符",
        "en": "is too simple: leave out the name, and use more than a few different characters",
    },
    "settings.reason.auth_off_in_public": {
        "zh": "{setting} 只能在本机地址上关闭，而服务绑定在 {host}：请打开它，或用 LGMA_HOST=127.0.0.1",
        "en": "{setting} may be off only on this machine's own address, and the server binds {host}: turn it on, or use LGMA_HOST=127.0.0.1",
    },
    "settings.reason.proxies_everybody": {
        "zh": "{setting} 的每一项必须是一个地址或一个有限的网段：信任所有人，等于谁都能冒充任何地址",
        "en": "each entry of {setting} must be an address or a network of some: trusting everybody lets anybody claim any address",
    },
    "settings.reason.auth_off_in_production": {
        "zh": "生产环境（LGMA_PROFILE=production）必须打开 {setting}",
        "en": "{setting} must be on in production (LGMA_PROFILE=production)",
    },
    "settings.reason.debug_in_production": {
        "zh": "生产环境（LGMA_PROFILE=production）的 {setting} 不能是 DEBUG：调试日志会写出请求的内容；请用 INFO 或更高的级别",
        "en": "{setting} must not be DEBUG in production (LGMA_PROFILE=production): debug logs tell what requests hold; use INFO or above",
    },
    "settings.reason.sqlite_one_process": {
        "zh": "{setting}={value}：SQLite 只能由一个进程使用。请把 DATABASE_URL 设为 PostgreSQL 的地址，或设 {setting}=1",
        "en": "{setting}={value}: SQLite belongs to one process. Point DATABASE_URL at PostgreSQL, or set {setting}=1",
    },
    "settings.reason.secret_too_short": {
        "zh": "{setting} 里的密码或密钥太短或太简单：生产环境至少需要 {limit} 个各不相同的字符，例如 openssl rand -base64 24 的输出",
        "en": "the password or key in {setting} is too short or too simple: production takes {limit} characters or more of several kinds, such as the output of openssl rand -base64 24",
    },
    "settings.reason.secret_is_known": {
        "zh": "{setting} 里是示例或默认的密码，谁都知道：请换成随机的，例如 openssl rand -base64 24 的输出",
        "en": "the password or key in {setting} is one of an example or a default, which everybody knows: use a random one, such as the output of openssl rand -base64 24",
    },
    "settings.reason.issuer_not_https": {
        "zh": "{setting} 必须是 https 地址：令牌的公钥要从那里取得",
        "en": "{setting} must be an https URL: the keys of tokens come from there",
    },
    "settings.reason.audience_missing": {
        "zh": "设置了 OIDC_ISSUER 时必须同时设置 {setting}，否则签发给别的服务的令牌也会被接受",
        "en": "{setting} must be set with OIDC_ISSUER, or tokens made for other services would be accepted",
    },
    "settings.reason.key_unreadable": {
        "zh": "{setting} 里有密钥不会有的字符（空格、换行或非 ASCII 字符）：请原样复制整个密钥",
        "en": "{setting} holds a character that no key has (a space, a line break, or not ASCII): copy the key as it was shown",
    },
    "settings.warning.nobody_yet": {
        "zh": "{setting} 已打开，但还没有任何用户和密钥，谁也进不来；请在这台机器上运行 lgma users add 建立第一位管理员",
        "en": "{setting} is on and there is neither a user nor a key, so nobody can come in; make the first admin on this machine with lgma users add",
    },
    "settings.warning.auth_off": {
        "zh": "{setting} 没有打开：能访问本机的人都是管理员；对外提供服务前请打开它，并用 lgma users add 建立第一位管理员",
        "en": "{setting} is off: whoever reaches this machine is an admin; turn it on before others can, and make the first admin with lgma users add",
    },
}
