"""Texts of the engine: questions it asks, and what recovery tells people."""

TEXTS: dict[str, dict[str, str]] = {
    "engine.effect_unknown": {
        "zh": "调用工具“{tool}”时程序中断,无法确定它是否已经生效。是否再次执行?(批准 = 再执行一次,拒绝 = 不再执行)",
        "en": "The program stopped while the tool “{tool}” was being called, so nobody knows whether it took "
        "effect. Call it again? (approve = once more, refuse = do not)",
    },
    "engine.plan_without": {
        "zh": "以下子任务无法完成,计划在没有它们的情况下继续:{subtasks}",
        "en": "These subtasks could not be done; the plan goes on without them: {subtasks}",
    },
}
