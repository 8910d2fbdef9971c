"""Words of the dashboard, of export and import, and of the looks into tasks and the system."""

TEXTS: dict[str, dict[str, str]] = {
    "mvp2.analytics.dashboard": {"zh": "数据分析", "en": "Dashboard"},
    "activity.task_submitted": {"zh": "新任务“{name}”", "en": "New task “{name}”"},
    "activity.task_started": {"zh": "任务“{name}”开始执行", "en": "Work on “{name}” began"},
    "activity.task_waiting_input": {"zh": "任务“{name}”在等待回答", "en": "“{name}” waits for an answer"},
    "activity.task_paused": {"zh": "任务“{name}”已暂停", "en": "“{name}” was paused"},
    "activity.task_completed": {"zh": "任务“{name}”已完成", "en": "“{name}” is completed"},
    "activity.task_failed": {"zh": "任务“{name}”失败", "en": "“{name}” failed"},
    "activity.task_cancelled": {"zh": "任务“{name}”已取消", "en": "“{name}” was cancelled"},
    "activity.task_reopened": {"zh": "任务“{name}”重新打开", "en": "“{name}” was reopened"},
    "mvp2.transfer.exported": {"zh": "导出完成", "en": "Exported"},
    "mvp2.transfer.imported": {
        "zh": "导入完成：{tasks} 个任务，{messages} 条消息，{settings} 项设置",
        "en": "Imported: {tasks} tasks, {messages} messages, {settings} settings",
    },
    "mvp2.transfer.ignored": {
        "zh": "{done}；未识别、已忽略：{places}",
        "en": "{done}; not known here and left out: {places}",
    },
    "mvp2.transfer.unchanged": {
        "zh": "文件里的内容都已存在，没有变化",
        "en": "Everything in the file is here already; nothing changed",
    },
    "error.IMPORT_UNREADABLE.title": {"zh": "导入文件无法读取", "en": "The import cannot be read"},
    "error.IMPORT_UNREADABLE.detail": {
        "zh": "文件在第 {line} 行、第 {place} 个字符处（{record}）无法解析：{reason}",
        "en": "The file cannot be parsed in line {line}, at character {place} ({record}): {reason}",
    },
    "error.IMPORT_UNREADABLE.hint": {
        "zh": "没有导入任何内容。请使用由导出功能得到的完整文件。",
        "en": "Nothing was imported. Use a complete file as the export gives it.",
    },
    "error.IMPORT_VERSION_UNKNOWN.title": {"zh": "无法导入这个版本的文件", "en": "The import has an unknown version"},
    "error.IMPORT_VERSION_UNKNOWN.detail": {
        "zh": "文件的格式版本是 {version}，这里能导入的是 {supported}。",
        "en": "The file has format version {version}; {supported} can be imported here.",
    },
    "error.IMPORT_VERSION_UNKNOWN.hint": {
        "zh": "没有导入任何内容。请先升级本系统，再导入由更新版本导出的文件。",
        "en": "Nothing was imported. Upgrade this system before importing what a newer one exported.",
    },
    "error.IMPORT_UNDER_WAY.title": {"zh": "另一个导入正在进行", "en": "Another import is under way"},
    "error.IMPORT_UNDER_WAY.detail": {
        "zh": "另一台服务器正在写入一个导入文件，等待后仍未结束。",
        "en": "Another server is writing an import, and has not come to its end while this one waited.",
    },
    "error.IMPORT_UNDER_WAY.hint": {
        "zh": "没有导入任何内容。几分钟后再次导入同一个文件即可，已有的内容不会重复。",
        "en": "Nothing was imported. Import the same file again in a few minutes; what is known is not doubled.",
    },
    "error.CHECKPOINT_NOT_FOUND.title": {"zh": "没有这个检查点", "en": "No such checkpoint"},
    "error.CHECKPOINT_NOT_FOUND.detail": {
        "zh": "任务“{task}”没有检查点 {checkpoint}，或者它已被清理。",
        "en": "The task “{task}” has no checkpoint {checkpoint}, or it was pruned.",
    },
    "error.CHECKPOINT_NOT_FOUND.hint": {
        "zh": "重新读取检查点列表：任务结束后只保留最新的一个。",
        "en": "Read the list again: of an ended task only the newest one is kept.",
    },
    "activity.task_deleted": {"zh": "任务 {name} 已删除", "en": "Task {name} was deleted"},
}
