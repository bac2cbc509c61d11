"""Hypothesis strategies for JSON that nobody would send, and for events made of it."""

from typing import Any

from hypothesis import strategies as st

from tests.events import ADVERTISING_ID, DEVICE_ID, PHONE_CONTEXT, TIMESTAMP, WEB_CONTEXT


def _deep(levels: int) -> Any:
    value: Any = "bottom"
    for level in range(levels):
        value = [value] if level % 2 else {"__proto__": value}
    return value


#: Values at the edges of what JSON can hold.
EDGES = (
    *("", " ", "\0", "\ud800", "\ud83d\ude00", "__proto__", "constructor", "a\r\nb", "N" * 60_000),
    *("_" * 60_000, "1," * 30_000, "true", "false", "NaN", "-Infinity", "1e999", "$1,234.50"),
    *(0, -0.0, 1, 1e308, -1e-308, 2**63, 10**400, -(10**4299), True, False, None),
    *([], {}, [[]], {"": {}}, {"__proto__": {"id": 1}}, _deep(90)),
)  # fmt: skip

#: Any text, halves of surrogate pairs too.
text = st.text(st.characters(), max_size=20)

scalars = (
    st.sampled_from(EDGES)
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | text
)

values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(text | st.just("id"), inner, max_size=4)
    ),
    max_leaves=6,
)


def _object(**fields: Any) -> st.SearchStrategy[dict[str, Any]]:
    """An object in which each field may be absent, as it should be, or hostile."""
    return st.fixed_dictionaries(
        {}, optional={name: st.sampled_from(right) | values for name, right in fields.items()}
    )


_device = _object(id=[DEVICE_ID], type=["ios", "android"], advertisingId=[ADVERTISING_ID])
_app = _object(name=["Acme"], version=["1"], build=["2"], namespace=["com.example"])
_library = _object(name=["analytics.js", "analytics-ios", "analytics-kotlin"])
_contexts = (
    st.sampled_from([WEB_CONTEXT, PHONE_CONTEXT])
    | st.fixed_dictionaries(
        {},
        optional={
            "channel": st.sampled_from(["mobile", "browser"]) | values,
            "library": _library | values,
            "device": _device | values,
            "app": _app | values,
            "os": _object(name=["iOS"], version=["17"]) | values,
            "page": _object(url=["https://shop.example.com"]) | values,
            "userAgent": st.just("Mozilla/5.0") | values,
        },
    )
    | values
)
_names = st.sampled_from(["Order Completed", "Application Installed", "signed_up", "x"]) | values
_keys = st.sampled_from(["id", "order_id", "orderId", "total", "revenue", "repeat", "Total"]) | text

#: Events with something of everything, each part of it perhaps hostile.
events = st.fixed_dictionaries(
    {"type": st.sampled_from(["track", "track", "identify", "page"]) | values},
    optional={
        "messageId": st.just("m-1") | values,
        "userId": st.just("u-1") | values,
        "anonymousId": st.just("v-1") | values,
        "timestamp": st.just(TIMESTAMP) | values,
        "originalTimestamp": values,
        "receivedAt": values,
        "channel": st.sampled_from(["mobile", "browser", "server"]) | values,
        "event": _names,
        "properties": st.dictionaries(_keys, values, max_size=6) | values,
        "traits": values,
        "context": _contexts,
        "integrations": _object(All=[True, False], Convertro=[True, False]) | values,
    },
)
