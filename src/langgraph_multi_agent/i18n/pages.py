"""Texts of the page that stands in for a front end that was not built."""

TEXTS: dict[str, dict[str, str]] = {
    "pages.unbuilt": {"zh": "网页还没有构建", "en": "The web pages are not built yet"},
    "pages.unbuilt_do": {
        "zh": "服务已在运行，接口和命令行都能用。要使用网页，请在源码目录运行 {command}，然后刷新。",
        "en": "The service is running; its API and command line work. For the pages, run {command} in the source directory, then reload.",
    },
}
