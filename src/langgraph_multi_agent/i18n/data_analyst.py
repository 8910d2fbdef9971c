"""What the data analyst offers, why, and what it found, in words."""

TEXTS: dict[str, dict[str, str]] = {
    "data_analyst.title": {"zh": "数据分析", "en": "Data analyst"},
    "data_analyst.comma": {"zh": "、", "en": ", "},
    "data_analyst.and_more": {
        "zh": "{names} 等，另有 {more} 项",
        "en": "{names} and {more} more",
    },
    "data_analyst.name.profile": {"zh": "数据概况", "en": "overview"},
    "data_analyst.name.trend": {"zh": "趋势", "en": "trends"},
    "data_analyst.name.seasonality": {"zh": "季节性", "en": "seasonality"},
    "data_analyst.name.anomaly": {"zh": "异常值", "en": "anomalies"},
    "data_analyst.name.group_difference": {"zh": "分组差异", "en": "differences between groups"},
    "data_analyst.name.correlation": {"zh": "相关性", "en": "correlations"},
    "data_analyst.name.contributors": {"zh": "主要贡献者", "en": "top contributors"},
    "data_analyst.title_of": {"zh": "{title}（{source}）", "en": "{title} ({source})"},
    "data_analyst.title.profile": {"zh": "数据概况", "en": "Overview of the data"},
    "data_analyst.title.trend": {
        "zh": "随{time}的趋势：{measures}",
        "en": "Trend of {measures} over {time}",
    },
    "data_analyst.title.seasonality": {
        "zh": "周期规律：{measures}",
        "en": "Recurring patterns in {measures}",
    },
    "data_analyst.title.anomaly": {"zh": "异常值：{measures}", "en": "Anomalies in {measures}"},
    "data_analyst.title.group_difference": {
        "zh": "按{categories}比较{measures}",
        "en": "{measures} compared by {categories}",
    },
    "data_analyst.title.correlation": {
        "zh": "相关性：{measures}",
        "en": "Correlations among {measures}",
    },
    "data_analyst.title.contributors": {
        "zh": "{categories}对{measures}的贡献",
        "en": "Contribution of {categories} to {measures}",
    },
    "data_analyst.title.contributors_rows": {
        "zh": "{categories}的构成",
        "en": "Make-up by {categories}",
    },
    "data_analyst.title.merged": {"zh": "分析 {sources}", "en": "Analysis of {sources}"},
    "data_analyst.reason.profile": {
        "zh": "{source} 有 {rows} 行、{columns} 列，先看清规模、时间范围、缺失和分布。",
        "en": "{source} has {rows} rows and {columns} columns: size, time span, gaps and spread come first.",
    },
    "data_analyst.reason.trend": {
        "zh": "{source} 的“{time}”给出时间，{measure_count} 个数值列（{measures}）可以看是否持续升降。",
        "en": "“{time}” in {source} gives the time, so {measure_count} numeric columns ({measures}) can be checked for lasting rises and falls.",
    },
    "data_analyst.reason.seasonality": {
        "zh": "有时间列“{time}”，可以检验 {measures} 是否按钟点、星期或月份重复。",
        "en": "With the time in “{time}”, {measures} can be checked for patterns by hour, weekday or month.",
    },
    "data_analyst.reason.anomaly": {
        "zh": "{source} 的 {measure_count} 个数值列（{measures}）需要逐值对照各自的常态。",
        "en": "Each value of {measure_count} numeric columns in {source} ({measures}) is held against what is usual there.",
    },
    "data_analyst.reason.group_difference": {
        "zh": "“{categories}”把 {source} 的行分成组，可以比较各组的 {measures}。",
        "en": "“{categories}” divides the rows of {source} into groups whose {measures} can be compared.",
    },
    "data_analyst.reason.correlation": {
        "zh": "{source} 有 {measure_count} 个数值列（{measures}），可以检验它们是否一起变化。",
        "en": "{source} has {measure_count} numeric columns ({measures}) that may move together.",
    },
    "data_analyst.reason.contributors": {
        "zh": "{measures} 的总量可以按“{categories}”拆开，看主要来自哪里。",
        "en": "Totals of {measures} can be split by “{categories}” to see where most of them come from.",
    },
    "data_analyst.reason.contributors_rows": {
        "zh": "{source} 的行可以按“{categories}”统计，看哪些取值占多数。",
        "en": "The rows of {source} can be counted by “{categories}” to see which values make up most.",
    },
    "data_analyst.reason.merged": {
        "zh": "共有 {count} 个表，每个子任务合并完成：{analyses}。",
        "en": "With {count} tables, one subtask does all of: {analyses}.",
    },
    "data_analyst.impossible.profile": {
        "zh": "{source} 没有可描述的列。",
        "en": "{source} has no columns to describe.",
    },
    "data_analyst.impossible.trend": {
        "zh": "{source} 没有可用的时间列或数值列，或行数太少，看不出趋势。",
        "en": "{source} has no usable time column or numeric column, or too few rows, for a trend.",
    },
    "data_analyst.impossible.seasonality": {
        "zh": "{source} 没有可用的时间列或数值列，或行数太少，看不出周期。",
        "en": "{source} has no usable time column or numeric column, or too few rows, for recurring patterns.",
    },
    "data_analyst.impossible.anomaly": {
        "zh": "{source} 没有数值列，或行数太少，无法判断异常。",
        "en": "{source} has no numeric column, or too few rows, to tell what is anomalous.",
    },
    "data_analyst.impossible.group_difference": {
        "zh": "{source} 没有可以分组的列或数值列，无法比较。",
        "en": "{source} has no column to group by, or no numeric column, so there is nothing to compare.",
    },
    "data_analyst.impossible.correlation": {
        "zh": "{source} 的数值列不足两个，或行数太少，无法检验相关性。",
        "en": "{source} has fewer than two numeric columns, or too few rows, for correlations.",
    },
    "data_analyst.impossible.contributors": {
        "zh": "{source} 没有可以拆分总量的类别列。",
        "en": "{source} has no category to split totals by.",
    },
    "data_analyst.name.forecast": {"zh": "预测", "en": "forecasts"},
    "data_analyst.impossible.forecast": {
        "zh": "系统不做预测：这里只分析 {source} 中已有的数据，趋势和周期规律不等于对未来的预测。",
        "en": "The team makes no forecasts: it analyses what {source} holds; a trend or a season is no prediction.",
    },
    "data_analyst.unusable": {
        "zh": "请求提到了“{column}”，但这一列的内容不是可计算的数值、日期或少数几个类别，没有参与分析。",
        "en": "The request names “{column}”, but it holds neither quantities, dates nor a few groups, so it was not analysed.",
    },
    "data_analyst.found": {
        "zh": "{analyses}：得到 {count} 项发现。{sentences}",
        "en": "Findings ({analyses}): {count}. {sentences}",
    },
    "data_analyst.nothing": {
        "zh": "{analyses}：检验了 {tested} 项，没有一项同时达到显著性和效应量的门槛，因此不下结论。",
        "en": "Tests made ({analyses}): {tested}. None passed the gates for significance and effect size, so nothing is claimed.",
    },
    "data_analyst.nothing_tested": {
        "zh": "{analyses}：数据不满足检验的前提（时间跨度、行数或分组不足），因此不下结论。",
        "en": "The data do not meet what the tests ({analyses}) need in time span, rows or groups, so nothing is claimed.",
    },
}
