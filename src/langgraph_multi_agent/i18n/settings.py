"""Why a setting was refused (`settings.reason.<code>`). `{setting}` is the environment variable,
`{detail}` the technical detail, `{limit}` the other setting of a pair.
"""

TEXTS: dict[str, dict[str, str]] = {
    "settings.reason.invalid_value": {
        "zh": "{setting} 的值无效：{detail}",
        "en": "{setting} has an invalid value: {detail}",
    },
    "settings.reason.not_json": {
        "zh": '{setting} 必须是 JSON 列表，例如 ["https://app.example.com"]',
        "en": '{setting} must be a JSON list, such as ["https://app.example.com"]',
    },
    "settings.reason.heartbeat_too_slow": {
        "zh": "{setting} 必须小于 LEASE_SECONDS 的一半，否则漏掉一次心跳就会失去租约",
        "en": "{setting} must be below half of LEASE_SECONDS, or one missed beat loses the lease",
    },
    "settings.reason.grace_not_below_lease": {
        "zh": "{setting} 必须小于 LEASE_SECONDS：旧主必须在租约到期之前停下",
        "en": "{setting} must be below LEASE_SECONDS: an owner has to stop before its lease ends",
    },
    "settings.reason.grace_not_above_heartbeat": {
        "zh": "{setting} 必须大于 HEARTBEAT_SECONDS，否则正常的心跳间隔也会被当作失联",
        "en": "{setting} must exceed HEARTBEAT_SECONDS, or the normal pause between beats counts as silence",
    },
    "settings.reason.above_limit": {
        "zh": "{setting} 不能超过 {limit}",
        "en": "{setting} must not exceed {limit}",
    },
    "settings.reason.model_missing": {
        "zh": "设置了 {setting}，但没有设置 LLM_MODEL",
        "en": "{setting} is set, but LLM_MODEL is not",
    },
    "settings.reason.fallback_is_primary": {
        "zh": "{setting} 与 LLM_MODEL 相同，起不到后备作用",
        "en": "{setting} is the same as LLM_MODEL, so it is no fallback",
    },
    "settings.reason.not_http_url": {
        "zh": "{setting} 必须是 http:// 或 https:// 开头的地址",
        "en": "{setting} must be an http:// or https:// address",
    },
    "settings.reason.credentials_in_url": {
        "zh": "{setting} 里不能带用户名或密码，密钥请放进 LLM_API_KEY",
        "en": "{setting} must not carry a user name or password; put the key into LLM_API_KEY",
    },
    "settings.reason.cors_wildcard": {
        "zh": "生产环境（LGMA_PROFILE=production）的 {setting} 不允许通配符 *，请逐一列出来源",
        "en": "{setting} must not be * in production (LGMA_PROFILE=production): list the origins",
    },
    "settings.reason.cors_not_origin": {
        "zh": "{setting} 的每一项都应是 scheme://主机[:端口]，不带路径和末尾斜杠",
        "en": "each entry of {setting} is scheme://host[:port], without a path or a final slash",
    },
    "settings.reason.cors_not_https": {
        "zh": "生产环境的 {setting} 只接受 https 来源",
        "en": "{setting} takes only https origins in production",
    },
    "settings.reason.not_module_attribute": {
        "zh": "{setting} 的格式是 模块:属性，多个用逗号分隔",
        "en": "{setting} has the form module:attribute, several separated by commas",
    },
    "settings.reason.database_unknown": {
        "zh": "{setting} 必须是 sqlite 或 postgresql 的地址",
        "en": "{setting} must be a sqlite or postgresql address",
    },
    "settings.reason.dialect_unsupported": {
        "zh": "{setting}：这个版本还没有 {value} 的适配器，请使用 sqlite 地址或不设",
        "en": "{setting}: this version has no adapter for {value} yet; use a sqlite address or leave it unset",
    },
    "settings.reason.database_newer": {
        "zh": "数据库由更新的版本写成（{value}），请用那个版本启动，或换一个数据目录",
        "en": "a newer version wrote the database ({value}): start that version, or use another data directory",
    },
    "settings.reason.database_unusable": {
        "zh": "数据库不能使用：{detail}。请检查磁盘空间和文件，必要时从备份恢复，或换一个数据目录",
        "en": "the database cannot be used: {detail}. Check the disk and the file, restore a backup, or use"
        " another data directory",
    },
    "settings.reason.data_dir_unusable": {
        "zh": "{setting}：数据目录 {value} 不能使用（{detail}）。请检查权限和磁盘，或换一个目录",
        "en": "{setting}: the data directory {value} cannot be used ({detail}). Check its permissions and disk,"
        " or choose another",
    },
    "settings.reason.port_in_use": {
        "zh": "{setting}：{value} 已被另一个程序占用，请用 --port 换一个端口（0 表示自动选择）",
        "en": "{setting}: another program listens on {value}; choose another with --port (0 picks a free one)",
    },
    "settings.reason.cannot_bind": {
        "zh": "不能在 {value} 上监听，请检查 LGMA_HOST 和 {setting} 是否是本机的地址和端口",
        "en": "cannot listen on {value}: check that LGMA_HOST and {setting} are an address of this machine",
    },
    "settings.reason.provider_not_installed": {
        "zh": "{setting}={value} 需要额外安装：pip install 'langgraph-multi-agent[{value}]'",
        "en": "{setting}={value} needs an extra: pip install 'langgraph-multi-agent[{value}]'",
    },
}
