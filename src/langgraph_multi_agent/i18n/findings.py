"""Sentences of findings, words for their codes, and titles of charts."""

_MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()
_MONTH_NAMES = "January February March April May June July August September October November December".split()
_WEEKDAYS_ZH = "一二三四五六日"
_WEEKDAYS_EN = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()

TEXTS: dict[str, dict[str, str]] = {
    "finding.profile.size": {
        "zh": "{source} 共 {rows} 行、{columns} 列；空缺单元格 {missing_cells} 个（{missing_share}），完全重复的行 {repeated_rows} 行。",
        "en": "{source} has {rows} rows and {columns} columns; {missing_cells} cells ({missing_share}) are empty and {repeated_rows} rows repeat another one exactly.",
    },
    "finding.profile.size_large": {
        "zh": "{source} 共 {rows} 行、{columns} 列；空缺单元格 {missing_cells} 个（{missing_share}）。",
        "en": "{source} has {rows} rows and {columns} columns; {missing_cells} cells ({missing_share}) are empty.",
    },
    "finding.profile.total": {
        "zh": "文件最后一行「{total}」是汇总行，不是数据，已排除；分析只用其余 {rows} 行。",
        "en": "The last row, “{total}”, sums up the others and is no data; it was left out, and the other {rows} rows are analysed.",
    },
    "finding.profile.span": {
        "zh": "「{time}」从 {since} 到 {until}，按{grain:grain}计应有 {possible} 期，其中 {periods} 期有数据。",
        "en": "“{time}” runs from {since} to {until}; {periods} of {possible} {grain:grains} hold data.",
    },
    "finding.profile.measure": {
        "zh": "「{measure}」有 {rows} 个数值：中位数 {median}，中间一半落在 {q1} 到 {q3}，最小 {minimum}，最大 {maximum}，平均 {mean}。",
        "en": "“{measure}” has {rows} values: median {median}, middle half from {q1} to {q3}, minimum {minimum}, maximum {maximum}, mean {mean}.",
    },
    "finding.profile.missing": {
        "zh": "有空缺的列共 {columns} 个，缺得最多的是「{column}」：{missing} 个空缺，占 {share}。",
        "en": "Columns with gaps: {columns}. “{column}” has the most, with {missing} missing values ({share}).",
    },
    "finding.trend.rising": {
        "zh": "「{measure}」持续上升：{since} 至 {until}，{aggregate:aggregate}由 {start_level} 升到 {end_level}（变化 {relative_change}，每{grain:grain}约 {slope}；与时间的秩相关 {consistency}，{periods} 期）。",
        "en": "“{measure}” keeps rising: from {since} to {until} {aggregate:aggregate} went from {start_level} to {end_level} ({relative_change}, about {slope} per {grain:grain}; rank correlation with time {consistency} over {periods} periods).",
    },
    "finding.trend.falling": {
        "zh": "「{measure}」持续下降：{since} 至 {until}，{aggregate:aggregate}由 {start_level} 降到 {end_level}（变化 {relative_change}，每{grain:grain}约 {slope}；与时间的秩相关 {consistency}，{periods} 期）。",
        "en": "“{measure}” keeps falling: from {since} to {until} {aggregate:aggregate} went from {start_level} to {end_level} ({relative_change}, about {slope} per {grain:grain}; rank correlation with time {consistency} over {periods} periods).",
    },
    "finding.trend.rising_absolute": {
        "zh": "「{measure}」持续上升：{since} 至 {until}，{aggregate:aggregate}由 {start_level} 升到 {end_level}（变化 {change}，每{grain:grain}约 {slope}；与时间的秩相关 {consistency}，{periods} 期）。",
        "en": "“{measure}” keeps rising: from {since} to {until} {aggregate:aggregate} went from {start_level} to {end_level} (a change of {change}, about {slope} per {grain:grain}; rank correlation with time {consistency} over {periods} periods).",
    },
    "finding.trend.falling_absolute": {
        "zh": "「{measure}」持续下降：{since} 至 {until}，{aggregate:aggregate}由 {start_level} 降到 {end_level}（变化 {change}，每{grain:grain}约 {slope}；与时间的秩相关 {consistency}，{periods} 期）。",
        "en": "“{measure}” keeps falling: from {since} to {until} {aggregate:aggregate} went from {start_level} to {end_level} (a change of {change}, about {slope} per {grain:grain}; rank correlation with time {consistency} over {periods} periods).",
    },
    "finding.seasonality.hour": {
        "zh": "「{measure}」随一天中的钟点变化：{peak:hour}最高（典型值 {peak_level}），{low:hour}最低（{low_level}），相差 {amplitude}；去掉趋势后，钟点解释了 {strength} 的起伏（{periods} 个小时）。",
        "en": "“{measure}” follows the time of day: highest at {peak:hour} (typically {peak_level}), lowest at {low:hour} ({low_level}), {amplitude} apart; with the trend taken out, the hour explains {strength} of its variation ({periods} hours).",
    },
    "finding.seasonality.weekday": {
        "zh": "「{measure}」随星期变化：{peak:weekday}最高（典型值 {peak_level}），{low:weekday}最低（{low_level}），相差 {amplitude}；去掉趋势后，星期解释了 {strength} 的起伏（{periods} 天）。",
        "en": "“{measure}” follows the week: highest on {peak:weekday} (typically {peak_level}), lowest on {low:weekday} ({low_level}), {amplitude} apart; with the trend taken out, the weekday explains {strength} of its variation ({periods} days).",
    },
    "finding.seasonality.month": {
        "zh": "「{measure}」有年度季节性：{peak:month}最高（典型值 {peak_level}），{low:month}最低（{low_level}），相差 {amplitude}；去掉趋势后，月份解释了 {strength} 的起伏（{periods} 个月）。",
        "en": "“{measure}” follows the year: highest in {peak:month_name} (typically {peak_level}), lowest in {low:month_name} ({low_level}), {amplitude} apart; with the trend taken out, the month explains {strength} of its variation ({periods} months).",
    },
    "finding.seasonality.quarter": {
        "zh": "「{measure}」随季度变化：{peak:quarter}最高（典型值 {peak_level}），{low:quarter}最低（{low_level}），相差 {amplitude}；去掉趋势后，季度解释了 {strength} 的起伏（{periods} 个季度）。",
        "en": "“{measure}” follows the quarters: highest in {peak:quarter} (typically {peak_level}), lowest in {low:quarter} ({low_level}), {amplitude} apart; with the trend taken out, the quarter explains {strength} of its variation ({periods} quarters).",
    },
    "finding.anomaly.time": {
        "zh": "「{measure}」有 {anomalies} 个异常值（共 {rows} 个；偏高 {high}、偏低 {low}）：最突出的在 {place}，为 {value}，而前后通常约 {expected}（稳健 z 值 {score}，阈值 {threshold}）。",
        "en": "“{measure}” has anomalous values: {anomalies} of {rows} ({high} high, {low} low). The largest is {value} at {place}, where about {expected} was usual (robust z {score}, threshold {threshold}).",
    },
    "finding.anomaly.group": {
        "zh": "按「{group}」各组的常态看，「{measure}」有 {anomalies} 个异常值（共 {rows} 个；偏高 {high}、偏低 {low}）：最突出的是第 {place} 行，为 {value}，该组通常约 {expected}（稳健 z 值 {score}，阈值 {threshold}）。",
        "en": "Held against its group of “{group}”, “{measure}” has anomalous values: {anomalies} of {rows} ({high} high, {low} low). The largest is {value} in row {place}, where about {expected} is usual (robust z {score}, threshold {threshold}).",
    },
    "finding.anomaly.all": {
        "zh": "「{measure}」有 {anomalies} 个异常值（共 {rows} 个；偏高 {high}、偏低 {low}）：最突出的是第 {place} 行，为 {value}，而通常约 {expected}（稳健 z 值 {score}，阈值 {threshold}）。",
        "en": "“{measure}” has anomalous values: {anomalies} of {rows} ({high} high, {low} low). The largest is {value} in row {place}, where about {expected} is usual (robust z {score}, threshold {threshold}).",
    },
    "finding.group_difference": {
        "zh": "「{measure}」因「{category}」而异：{high} 最高（中位数 {high_level}），{low} 最低（{low_level}）；共 {groups} 组、{rows} 行，效应量 ε² = {epsilon2}，两端之间 Cliff δ = {delta}。",
        "en": "“{measure}” differs by “{category}”: {high} is highest (median {high_level}), {low} lowest ({low_level}); {groups} groups, {rows} rows, effect size ε² = {epsilon2}, Cliff's δ between the two {delta}.",
    },
    "finding.correlation.positive": {
        "zh": "「{a}」与「{b}」同向变化：秩相关 ρ = {rho}（{pairs} 对）。",
        "en": "“{a}” and “{b}” move together: rank correlation ρ = {rho} over {pairs} pairs.",
    },
    "finding.correlation.negative": {
        "zh": "「{a}」与「{b}」反向变化：秩相关 ρ = {rho}（{pairs} 对）。",
        "en": "“{a}” and “{b}” move in opposite directions: rank correlation ρ = {rho} over {pairs} pairs.",
    },
    "finding.correlation.positive_detrended": {
        "zh": "「{a}」与「{b}」同向变化：秩相关 ρ = {rho}（{pairs} 对），去掉各自随「{time}」的趋势后为 {detrended_rho}。",
        "en": "“{a}” and “{b}” move together: rank correlation ρ = {rho} over {pairs} pairs, and {detrended_rho} once each one's trend over “{time}” is taken out.",
    },
    "finding.correlation.negative_detrended": {
        "zh": "「{a}」与「{b}」反向变化：秩相关 ρ = {rho}（{pairs} 对），去掉各自随「{time}」的趋势后为 {detrended_rho}。",
        "en": "“{a}” and “{b}” move in opposite directions: rank correlation ρ = {rho} over {pairs} pairs, and {detrended_rho} once each one's trend over “{time}” is taken out.",
    },
    "finding.contributors.dominant": {
        "zh": "「{category}」中 {top} 占「{measure}」总量的 {top_share}（{top_amount} / {total}），远高于其后的 {second}（{second_share}）和 {third}（{third_share}）；共 {labels} 类，前 {labels_for_80} 类合计达到八成。",
        "en": "{top} makes up {top_share} of all “{measure}” by “{category}” ({top_amount} of {total}), far ahead of {second} ({second_share}) and {third} ({third_share}); of {labels} values, the first {labels_for_80} reach four fifths.",
    },
    "finding.contributors.ranking": {
        "zh": "按「{category}」看「{measure}」总量（{total}）：{top} 居首（{top_amount}，占 {top_share}），其次是 {second}（{second_share}）和 {third}（{third_share}），前三合计 {top3_share}；共 {labels} 类，前 {labels_for_80} 类合计达到八成。",
        "en": "“{measure}” by “{category}” (total {total}): {top} leads with {top_amount} ({top_share}), then {second} ({second_share}) and {third} ({third_share}), together {top3_share}; of {labels} values, the first {labels_for_80} reach four fifths.",
    },
    "finding.contributors.dominant_rows": {
        "zh": "「{category}」中 {top} 占全部 {total} 行的 {top_share}（{top_amount} 行），远高于其后的 {second}（{second_share}）和 {third}（{third_share}）；共 {labels} 类，前 {labels_for_80} 类合计达到八成。",
        "en": "{top} makes up {top_share} of all {total} rows by “{category}” ({top_amount} rows), far ahead of {second} ({second_share}) and {third} ({third_share}); of {labels} values, the first {labels_for_80} reach four fifths.",
    },
    "word.aggregate.median": {"zh": "各期中位数", "en": "the median of each period"},
    "word.aggregate.avg": {"zh": "各期均值", "en": "the mean of each period"},
    "word.aggregate.single": {"zh": "趋势线", "en": "the trend line"},
    "word.grain.hour": {"zh": "小时", "en": "hour"},
    "word.grain.day": {"zh": "天", "en": "day"},
    "word.grain.week": {"zh": "周", "en": "week"},
    "word.grain.month": {"zh": "月", "en": "month"},
    "word.grain.quarter": {"zh": "季度", "en": "quarter"},
    "word.grain.year": {"zh": "年", "en": "year"},
    **{
        f"word.grains.{grain}": {"zh": zh, "en": f"{grain}s"}
        for grain, zh in {
            "hour": "小时",
            "day": "天",
            "week": "周",
            "month": "月",
            "quarter": "季度",
            "year": "年",
        }.items()
    },
    **{f"word.hour.{h}": {"zh": f"{h} 时", "en": f"{h:02d}:00"} for h in range(24)},
    **{
        f"word.weekday.{d}": {"zh": f"周{_WEEKDAYS_ZH[d - 1]}", "en": _WEEKDAYS_EN[d - 1]}
        for d in range(1, 8)
    },
    **{f"word.month.{m}": {"zh": f"{m} 月", "en": _MONTHS[m - 1]} for m in range(1, 13)},
    **{f"word.month_name.{m}": {"zh": f"{m} 月", "en": _MONTH_NAMES[m - 1]} for m in range(1, 13)},
    **{f"word.quarter.{q}": {"zh": f"第 {q} 季度", "en": f"Q{q}"} for q in range(1, 5)},
    "chart.title.trend": {"zh": "{measure}：趋势", "en": "{measure}: trend"},
    "chart.title.seasonality.hour": {"zh": "{measure}：一天之内", "en": "{measure} by hour of the day"},
    "chart.title.seasonality.weekday": {"zh": "{measure}：一周之内", "en": "{measure} by weekday"},
    "chart.title.seasonality.month": {"zh": "{measure}：一年之内", "en": "{measure} by month"},
    "chart.title.seasonality.quarter": {"zh": "{measure}：各季度", "en": "{measure} by quarter"},
    "chart.title.anomaly": {"zh": "{measure}：异常值", "en": "{measure}: anomalies"},
    "chart.title.group_difference": {
        "zh": "各「{category}」的{measure}",
        "en": "{measure} by {category}",
    },
    "chart.title.correlation": {"zh": "{a} 与 {b}", "en": "{a} and {b}"},
    "chart.title.contributors": {
        "zh": "各「{category}」的{measure}总量",
        "en": "Total {measure} by {category}",
    },
    "chart.title.contributors.dominant_rows": {
        "zh": "各「{category}」的行数",
        "en": "Rows by {category}",
    },
    "chart.title.profile": {"zh": "各列空缺比例", "en": "Share of missing values by column"},
    "chart.row": {"zh": "行号", "en": "Row"},
    "chart.range_note": {
        "zh": "圆点：中位数；横条：中间一半",
        "en": "dot: median, bar: middle half",
    },
}
