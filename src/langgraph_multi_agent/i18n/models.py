"""Why a model gave no usable answer.

`model.reason.<reason>` for MODEL_UNAVAILABLE, with `{model}`, `{setting}`, `{attempts}`;
`model.answer.<reason>` for MODEL_ANSWER_INVALID, with `{model}`.
"""

TEXTS: dict[str, dict[str, str]] = {
    "model.reason.rate_limited": {
        "zh": "模型 {model} 限流，在时限内没有等到空位（共请求 {attempts} 次）",
        "en": "model {model} was rate-limited until the deadline passed ({attempts} calls)",
    },
    "model.reason.server": {
        "zh": "模型 {model} 的服务端持续报错（共请求 {attempts} 次）",
        "en": "the server of model {model} kept failing ({attempts} calls)",
    },
    "model.reason.connect": {
        "zh": "连不上模型服务，请检查 {setting} 和网络",
        "en": "the model's endpoint cannot be reached: check {setting} and the network",
    },
    "model.reason.timeout": {
        "zh": "模型 {model} 在时限内没有答完，可以调大 {setting}",
        "en": "model {model} did not finish in time; {setting} can be raised",
    },
    "model.reason.cut": {
        "zh": "模型 {model} 的回答每次都在中途断开（共请求 {attempts} 次）",
        "en": "every answer of model {model} was cut off on the way ({attempts} calls)",
    },
    "model.reason.not_json": {
        "zh": "对方返回的不是模型接口的格式，请检查 {setting} 是否指向 API 地址",
        "en": "what answers is no model API: check that {setting} is the address of one",
    },
    "model.reason.unsupported": {
        "zh": "模型 {model} 不支持所需的参数，请检查 {setting}",
        "en": "model {model} does not support the parameters it needs: check {setting}",
    },
    "model.reason.rejected": {
        "zh": "模型服务拒绝了请求，请检查 {setting}：{model} 是否可用、上下文是否够长",
        "en": "the endpoint rejected the request: check {setting}, and whether {model} takes so long a prompt",
    },
    "model.reason.unauthorized": {
        "zh": "模型服务不接受密钥，请检查 {setting}",
        "en": "the endpoint does not accept the key: check {setting}",
    },
    "model.reason.not_found": {
        "zh": "找不到模型 {model}，请检查 {setting} 和 LLM_BASE_URL",
        "en": "model {model} was not found: check {setting} and LLM_BASE_URL",
    },
    "model.reason.quota": {
        "zh": "模型账户的额度已用完，请检查 {setting} 所属的账户",
        "en": "the model account has no credit left: check the account of {setting}",
    },
    "model.reason.circuit_open": {
        "zh": "模型 {model} 连续失败，暂停请求片刻后会自动重试",
        "en": "model {model} failed repeatedly and is left alone for a moment",
    },
    "model.answer.empty": {
        "zh": "模型 {model} 的回答是空的",
        "en": "the answer of model {model} is empty",
    },
    "model.answer.truncated": {
        "zh": "模型 {model} 的回答超过长度上限，被截断",
        "en": "the answer of model {model} was cut off at its length limit",
    },
    "model.answer.refused": {
        "zh": "模型 {model} 拒绝回答",
        "en": "model {model} refused to answer",
    },
    "model.answer.not_json": {
        "zh": "模型 {model} 的回答不是有效的 JSON，纠正一次后仍然如此",
        "en": "the answer of model {model} is not valid JSON, also after one correction",
    },
    "model.answer.schema": {
        "zh": "模型 {model} 的回答不符合要求的结构，纠正一次后仍然如此",
        "en": "the answer of model {model} does not fit the structure asked for, also after one correction",
    },
}
