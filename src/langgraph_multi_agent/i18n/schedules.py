"""Words of delayed tasks and schedules: what is wrong with a time, and `lgma schedules`."""

TEXTS: dict[str, dict[str, str]] = {
    "error.field.no_offset": {
        "zh": "时间要带时区，例如 2026-12-31T08:00:00+08:00",
        "en": "needs its UTC offset, such as 2026-12-31T08:00:00+08:00",
    },
    "error.field.start_given_twice": {
        "zh": "start_at 和 delay_s 只能给一个",
        "en": "start_at and delay_s exclude each other",
    },
}
