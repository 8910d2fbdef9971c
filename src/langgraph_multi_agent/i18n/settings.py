"""Why a setting was refused (`settings.reason.<code>`), and what a combination costs
(`settings.warning.<code>`). `{setting}` is the environment variable, `{detail}` the technical
detail, `{limit}` the other setting of a pair.
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
    "settings.reason.hosts_wildcard": {
        "zh": "生产环境（LGMA_PROFILE=production）的 {setting} 不允许 *，请列出服务的域名",
        "en": "{setting} must not be * in production (LGMA_PROFILE=production): list the server's names",
    },
    "settings.reason.networks_nearly_all": {
        "zh": "{setting} 里的网段合起来几乎包括所有地址，等于没有限制：请只列出需要的网段",
        "en": "the networks in {setting} are together nearly all addresses there are, so they limit nothing: list those that are meant",
    },
    "settings.reason.open_to_public": {
        "zh": "{setting} 通过 http 连接公网主机，内容和密钥会被途中的人看到：生产环境请用 https 地址",
        "en": "{setting} leads to a public host over http, where anybody on the way reads contents and keys: use https in production",
    },
    "settings.reason.password_missing": {
        "zh": "{setting} 指向另一台机器，却没有密码，能连上的人都能读写：生产环境请设置密码，或使用客户端证书",
        "en": "{setting} leads to another machine without a password, where whoever connects may read and write: set one in production, or use a client certificate",
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
    "settings.reason.reaper_too_early": {
        "zh": "{setting} 不能小于 LEASE_SECONDS 与 HEARTBEAT_SECONDS 之和，否则数据库刚恢复，正常运行的任务就会被收走",
        "en": "{setting} must not be below LEASE_SECONDS + HEARTBEAT_SECONDS, or tasks in good health are taken away when the database comes back",
    },
    "settings.reason.database_unknown": {
        "zh": "{setting} 必须是 sqlite:// 或 postgresql:// 开头的地址",
        "en": "{setting} must be a sqlite:// or postgresql:// address",
    },
    "settings.reason.database_driver": {
        "zh": "{setting}：PostgreSQL 只用 psycopg 3 访问，请写成 postgresql://用户@主机/数据库",
        "en": "{setting}: PostgreSQL is reached through psycopg 3 only; write postgresql://user@host/database",
    },
    "settings.reason.address_unreadable": {
        "zh": "{setting} 不是能读懂的地址。密码里的 @ : / # % 等字符要写成 %40 这样的编码；端口和数据库编号必须是数字",
        "en": "{setting} is not a readable address. Write @ : / # % in a password as %40 and so on; ports and database numbers are digits",
    },
    "settings.reason.needs_postgresql": {
        "zh": "{setting} 指向 SQLite，它只能由一个进程使用。多个工作进程需要 PostgreSQL：{setting}=postgresql://用户@主机/数据库；单机使用请运行 lgma serve",
        "en": "{setting} names SQLite, which belongs to one process. Several workers need PostgreSQL: {setting}=postgresql://user@host/database; on one machine run lgma serve",
    },
    "settings.reason.redis_unknown": {
        "zh": "{setting} 必须是 redis://、rediss:// 或 unix:// 开头的地址",
        "en": "{setting} must be a redis://, rediss:// or unix:// address",
    },
    "settings.reason.queue_is_cache": {
        "zh": "{setting} 与 REDIS_URL 是同一个库：清空缓存会连队列一起清掉。请换一个库编号或另一台服务器",
        "en": "{setting} is the same database as REDIS_URL: flushing the cache would flush the queue. Name another database or server",
    },
    "settings.reason.artifacts_unknown": {
        "zh": "{setting} 必须是 file:///绝对路径 或 s3://桶/前缀",
        "en": "{setting} must be file:///absolute/path or s3://bucket/prefix",
    },
    "settings.reason.artifacts_credentials": {
        "zh": "{setting} 里不能带密钥，请放进 AWS_ACCESS_KEY_ID 和 AWS_SECRET_ACCESS_KEY",
        "en": "{setting} must not carry keys; put them into AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
    },
    "settings.reason.too_few_connections": {
        "zh": "{setting}：每个进程只分到 {value} 个数据库连接，至少需要 {needed} 个（{detail}）。请减少 ASYNC_WORKERS，或调大连接池和服务器的 max_connections",
        "en": "{setting}: each process would get {value} database connections and needs {needed} ({detail}). Lower ASYNC_WORKERS, or raise the pool and the server's max_connections",
    },
    "settings.warning.no_redis": {
        "zh": "没有设置 {setting}：工作进程每隔一两秒查一次数据库，新任务会晚开始，实时事件会晚到",
        "en": "{setting} is not set: workers look into the database every second or two, so tasks start and live events arrive later",
    },
    "settings.warning.queue_beside_cache": {
        "zh": "队列和缓存在同一台 Redis 上：内存满时的淘汰策略对两者一起生效。生产环境请用 {setting} 指向另一台策略为 noeviction 的 Redis",
        "en": "queue and cache live on one Redis, so its eviction policy hits both when memory is full; in production point {setting} at another one with noeviction",
    },
    "settings.warning.connections_clamped": {
        "zh": "DATABASE_POOL_SIZE + DATABASE_MAX_OVERFLOW 共 {wanted} 个连接，超过数据库能给的 {available} 个（max_connections {max_connections}，保留 {reserved}）；改为 {granted} 个，每个进程 {per_process} 个",
        "en": "DATABASE_POOL_SIZE + DATABASE_MAX_OVERFLOW ask for {wanted} connections and the database has {available} to give (max_connections {max_connections}, {reserved} kept free); {granted} are used, {per_process} a process",
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
