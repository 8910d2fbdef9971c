"""Why the artifact storage was refused (`settings.reason.<code>`). `{value}` is the storage or the
part of the setting in question, `{detail}` the technical detail.
"""

TEXTS: dict[str, dict[str, str]] = {
    "settings.reason.artifacts_not_shared": {
        "zh": "{setting}：{value} 不是这套安装正在使用的文件存储（标记 lgma-storage.json 不存在或不一致）。请确认共享目录已挂载、"
        "所有进程用的是同一个地址；如果确实要换存储，请先把原存储的全部文件连同标记一起复制过来",
        "en": "{setting}: {value} is not the storage that this installation uses (its marker lgma-storage.json is"
        " missing or differs). Check that the shared directory is mounted and that all processes have the same"
        " address; to move to another storage, copy all files there first, the marker included",
    },
    "settings.reason.artifacts_unusable": {
        "zh": "{setting}：文件存储 {value} 不能使用（{detail}）。请检查权限、挂载和磁盘",
        "en": "{setting}: the artifact storage {value} cannot be used ({detail}). Check its permissions, mount and disk",
    },
    "settings.reason.artifacts_url_unknown": {
        "zh": "{setting} 必须是 file:///绝对路径 或 s3://存储桶/前缀",
        "en": "{setting} must be file:///absolute/path or s3://bucket/prefix",
    },
    "settings.reason.artifacts_path_not_absolute": {
        "zh": "{setting}：{value} 不是绝对路径；各个进程的工作目录可能不同，请写完整路径",
        "en": "{setting}: {value} is not an absolute path; processes may start in different directories",
    },
    "settings.reason.artifacts_credentials_in_url": {
        "zh": "{setting} 里不能带密钥，请放进 AWS_ACCESS_KEY_ID 和 AWS_SECRET_ACCESS_KEY",
        "en": "{setting} must not carry credentials; put them into AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
    },
    "settings.reason.artifacts_bucket_missing": {
        "zh": "{setting}：存储桶 {value} 不存在，请先创建，或检查 AWS_ENDPOINT_URL 和 AWS_REGION",
        "en": "{setting}: there is no bucket {value}. Create it, or check AWS_ENDPOINT_URL and AWS_REGION",
    },
    "settings.reason.artifacts_denied": {
        "zh": "{setting}：没有权限读写 {value}，请检查 AWS_ACCESS_KEY_ID、AWS_SECRET_ACCESS_KEY 和存储桶策略",
        "en": "{setting}: access to {value} is denied. Check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and the"
        " bucket's policy",
    },
    "settings.reason.artifacts_extra_missing": {
        "zh": "{setting} 使用 s3:// 需要额外安装：pip install 'langgraph-multi-agent[s3]'",
        "en": "{setting} with s3:// needs an extra: pip install 'langgraph-multi-agent[s3]'",
    },
}
