"""Words of `lgma users` and `lgma keys`, and of a command that a server did not let in."""


def _pairs(words: dict[str, tuple[str, str]]) -> dict[str, dict[str, str]]:
    return {f"cli.{key}": {"zh": zh, "en": en} for key, (zh, en) in words.items()}


TEXTS: dict[str, dict[str, str]] = _pairs(
    {
        "panel.access": ("访问", "Access"),
        "users.help": ("管理可以登录的用户。", "See to the people who may log in."),
        "users.list.help": ("列出所有用户。", "List all users."),
        "users.add.help": (
            "添加一个用户。密码在终端里输入两遍，也可以从标准输入读取或自动生成；第一位管理员也这样建立。",
            (
                "Add somebody. The password is typed twice, read from standard input, or made for you. "
                "The first admin is made this way too."
            ),
        ),
        "users.role.help": (
            "更改用户的角色。对方的登录随即失效。",
            "Give somebody another role. Their sessions end.",
        ),
        "users.password.help": (
            "为用户设置新密码。对方的登录随即失效；进不去时也用它恢复。",
            "Set a new password for somebody. Their sessions end; it also lets in who is locked out.",
        ),
        "users.disable.help": (
            "停用一个用户。对方不能再登录，已有的登录在 5 秒内失效。",
            "Let somebody in no more. Their sessions end within 5 s.",
        ),
        "users.enable.help": ("重新启用一个用户。", "Let somebody in again."),
        "keys.help": ("管理程序使用的 API 密钥。", "See to the API keys of programs."),
        "keys.list.help": ("列出所有 API 密钥，最新的在前；从不显示密钥本身。", "List all API keys, newest first; never their secrets."),
        "keys.create.help": (
            "创建一个 API 密钥。密钥只显示这一次。",
            "Create an API key. Its secret is shown this once.",
        ),
        "keys.revoke.help": (
            "吊销一个 API 密钥。所有服务器在 5 秒内不再接受它，无法恢复。",
            "Revoke an API key. Every server refuses it within 5 s, and it cannot be brought back.",
        ),
        "argument.user": ("用户名。", "Name of the user."),
        "argument.new_user": (
            "用户名，用来登录，不区分大小写；所有租户共用一套用户名。",
            "Name to log in with, in any case; one namespace over all tenants.",
        ),
        "argument.role": ("角色：viewer、user、operator 或 admin。", "viewer, user, operator or admin."),
        "argument.key": ("密钥编号，见 lgma keys list。", "Id of the key, as lgma keys list shows it."),
        "argument.key_name": ("给密钥起的名称，说明谁在用。", "What the key is called: who uses it."),
        "option.role": (
            "角色：viewer、user、operator 或 admin，默认 user。",
            "viewer, user, operator or admin; user by default.",
        ),
        "option.tenant": ("所属租户，默认 default。", "The tenant; default unless it is named."),
        "option.only_tenant": ("只看这个租户。", "Only this tenant."),
        "option.password_stdin": ("从标准输入读取密码。", "Read the password from standard input."),
        "option.generate": ("自动生成密码，只显示这一次。", "Make a password and show it this once."),
        "option.scope": (
            "只给这些权限，可重复；默认是角色的全部权限。",
            "Only this permission; repeatable. Otherwise all that the role has.",
        ),
        "option.days": ("有效天数，默认一直有效。", "Days until it ends; otherwise it has no end."),
        "usage.role": ("“{value}”不是角色，可用：{known}", "“{value}” is no role; there are {known}"),
        "usage.scope": (
            "“{value}”不是角色 {role} 的权限，可用：{known}",
            "“{value}” is no permission of the role {role}; there are {known}",
        ),
        "usage.tenant": (
            "“{value}”不能作租户名：只用小写字母、数字和中间的 . _ -，最多 64 个字符",
            "“{value}” is no name of a tenant: small letters, digits and . _ - between them, 64 at most",
        ),
        "usage.one_password": (
            "--password-stdin 和 --generate 只能用一个",
            "--password-stdin and --generate exclude each other",
        ),
        "column.user": ("用户", "USER"),
        "column.role": ("角色", "ROLE"),
        "column.tenant": ("租户", "TENANT"),
        "column.added": ("创建于", "CREATED"),
        "column.changed": ("更改于", "CHANGED"),
        "column.key": ("密钥编号", "KEY"),
        "column.scopes": ("权限", "PERMISSIONS"),
        "column.expires": ("到期", "EXPIRES"),
        "access.enabled": ("启用", "enabled"),
        "access.disabled": ("停用", "disabled"),
        "access.valid": ("有效", "valid"),
        "access.expired": ("已到期", "expired"),
        "access.revoked": ("已吊销", "revoked"),
        "access.never": ("不会到期", "never"),
        "access.all_scopes": ("角色的全部", "all of the role"),
        "access.unrecorded": (
            "注意：审计日志没有记下这次 {action}，数据库没有接受这一行。",
            "Warning: the audit log has no row of this {action}; the database did not take it.",
        ),
        "access.once": ("下面的密钥或密码只显示这一次，请立即保存。", "The secret below is shown this once: keep it now."),
        "users.none": (
            "还没有用户。建立第一位管理员：lgma users add 用户名 --role admin",
            "No users yet. Make the first admin: lgma users add NAME --role admin",
        ),
        "users.alike": (
            "这几个名称只差大小写或全角半角：{names}。各自仍按原样的名称登录；请另建一个账号，再用 lgma users disable 停用多余的。",
            (
                "These names differ only in case or width: {names}. Each still logs in by its exact name; "
                "add another account, and disable those that are too many with lgma users disable."
            ),
        ),
        "keys.none": ("没有 API 密钥。", "No API keys."),
        "quota.help": ("查看和设置租户的限额。", "See and set what tenants may use."),
        "quota.show.help": (
            "列出每个租户的限额和已用量；一天按 UTC 计算。",
            "List what each tenant may use and has used; the day is one of UTC.",
        ),
        "quota.set.help": (
            "为一个租户单独设置限额，立即生效；没有写的保持不变。",
            "Give a tenant limits of its own, which count at once; what is not named stays as it is.",
        ),
        "quota.own": ("（单独设置）", " (its own)"),
        "argument.tenant": ("租户名。", "Name of the tenant."),
        "option.quota_tasks": (
            "未结束的任务最多几个；default 表示用配置里的值。",
            "Tasks that have not ended, at most; default takes the one of the settings.",
        ),
        "option.quota_tokens": (
            "每天最多用多少 token；default 表示用配置里的值。",
            "Tokens of models a day; default takes the one of the settings.",
        ),
        "option.quota_cost": (
            "每天最多花费多少，按模型单价的货币；default 表示用配置里的值。",
            "Cost of models a day, in the currency of their prices; default takes the one of the settings.",
        ),
        "usage.quota_whole": (
            "“{value}”不是正整数，也不是 default",
            "“{value}” is no whole number above 0, and not default",
        ),
        "usage.quota_amount": ("“{value}”不是正数，也不是 default", "“{value}” is no number above 0, and not default"),
        "column.in_flight": ("未结束的任务", "IN FLIGHT"),
        "column.tokens_today": ("今天的 token", "TOKENS TODAY"),
        "column.cost_today": ("今天的花费", "COST TODAY"),
        "done.quota_set": ("已设置租户 {tenant} 的限额。", "The limits of {tenant} are set."),
        "dry_run.quota_set": ("会设置租户 {tenant} 的限额。", "Would set the limits of {tenant}."),
        "error.QUOTA_NOT_NAMED.title": ("没有写要设置什么", "Nothing to set was named"),
        "error.QUOTA_NOT_NAMED.detail": (
            "--tasks、--tokens 和 --cost 都没有给出。",
            "None of --tasks, --tokens and --cost was given.",
        ),
        "error.QUOTA_NOT_NAMED.hint": (
            "例如：lgma quota set acme --tasks 20 --cost default",
            "For example: lgma quota set acme --tasks 20 --cost default",
        ),
        "password.prompt": ("{user} 的新密码：", "New password of {user}: "),
        "password.again": ("再输入一遍：", "Once more: "),
        "done.user_add": ("已添加用户 {user}（角色 {role}，租户 {tenant}）。", "Added {user} (role {role}, tenant {tenant})."),
        "done.user_role": ("{user} 的角色现在是 {role}。", "{user} has the role {role} now."),
        "done.user_password": ("已为 {user} 设置新密码。", "{user} has a new password."),
        "done.user_disable": ("已停用 {user}。", "{user} is disabled."),
        "done.user_enable": ("已启用 {user}。", "{user} is enabled."),
        "done.key_create": (
            "已创建密钥 {id}：{name}（角色 {role}，租户 {tenant}）。",
            "Created key {id}: {name} (role {role}, tenant {tenant}).",
        ),
        "done.key_revoke": ("已吊销密钥 {id}（{name}）。", "Revoked key {id} ({name})."),
        "dry_run.user_add": ("会添加用户 {user}（角色 {role}）。", "Would add {user} (role {role})."),
        "dry_run.user_role": ("会把 {user} 的角色改为 {role}。", "Would give {user} the role {role}."),
        "dry_run.user_password": ("会为 {user} 设置新密码。", "Would set a new password for {user}."),
        "dry_run.user_disable": ("会停用 {user}。", "Would disable {user}."),
        "dry_run.user_enable": ("会启用 {user}。", "Would enable {user}."),
        "dry_run.key_create": ("会创建密钥 {id}（角色 {role}）。", "Would create the key {id} (role {role})."),
        "dry_run.key_revoke": ("会吊销密钥 {id}。", "Would revoke the key {id}."),
        "confirm.key_revoke": (
            "吊销密钥 {id}（{name}）后，使用它的程序会被拒绝，无法恢复。继续吗？",
            "Programs that use the key {id} ({name}) will be refused, and it cannot be brought back. Go on?",
        ),
        "serve.nobody": (
            "▲ 还没有任何用户和密钥，谁也进不来。请在这台机器上建立第一位管理员：{command}",
            "▲ There is neither a user nor a key: nobody can come in. Make the first admin on this machine: {command}",
        ),
        "key_in_clear": (
            "▲ 密钥正以明文发往 {url}：请使用 https 地址。",
            "▲ The key travels to {url} unencrypted: use an https address.",
        ),
        "hint.no_key": (
            "请在环境变量 LGMA_API_KEY 中设置 API 密钥；在服务器那台机器上可以用 lgma keys create 创建一个。",
            "Set LGMA_API_KEY to an API key; on the server's machine lgma keys create makes one.",
        ),
        "hint.refused_key": (
            "LGMA_API_KEY 中的密钥在这个服务器上无效，可能写错、已到期或已吊销；在服务器那台机器上用 lgma keys list 查看，用 lgma keys create 创建新的。",
            (
                "The key in LGMA_API_KEY does not count at this server: mistyped, expired or revoked. On the "
                "server's machine lgma keys list shows the keys, and lgma keys create makes a new one."
            ),
        ),
        "hint.no_permission": (
            "LGMA_API_KEY 中的密钥没有这项权限：请换一个密钥，或由管理员用 lgma keys create 创建有权限的密钥。",
            (
                "The key in LGMA_API_KEY may not do this: use another one, or ask an admin for one that may "
                "(lgma keys create)."
            ),
        ),
        "error.PASSWORD_MISSING.title": ("没有给出密码", "There is no password"),
        "error.PASSWORD_MISSING.detail": (
            "这里没有终端，无法输入密码；密码也从不写在命令行里。",
            "There is no terminal to type it at, and a password is never an argument.",
        ),
        "error.PASSWORD_MISSING.hint": (
            "用 --password-stdin 从标准输入读取，或用 --generate 自动生成。",
            "Read it from standard input with --password-stdin, or let --generate make one.",
        ),
        "error.PASSWORD_UNREADABLE.title": ("读不到密码", "The password cannot be read"),
        "error.PASSWORD_UNREADABLE.detail": (
            "输入已结束，或者不是 UTF-8 文字。",
            "The input ended, or it is not UTF-8 text.",
        ),
        "error.PASSWORD_UNREADABLE.hint": ("没有做任何改动，请重试。", "Nothing was changed; try again."),
        "error.PASSWORDS_DIFFER.title": ("两次输入的密码不同", "The passwords differ"),
        "error.PASSWORDS_DIFFER.detail": ("第二遍与第一遍不一样。", "The second one is not the first one."),
        "error.PASSWORDS_DIFFER.hint": ("没有做任何改动，请重试。", "Nothing was changed; try again."),
    }
)
