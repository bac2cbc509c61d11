"""Times, and whether an event comes from a website or from an app."""

from typing import Any

import pytest

from worker.destination.fields import device_id_of, is_iso_8601
from worker.destination.platforms import platform_of

BROWSER = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X)"
PAGE = {"page": {"url": "https://shop.example.com/"}}


def library(name: Any, **context: Any) -> dict[str, Any]:
    return {"context": {"library": {"name": name}, **context}}


@pytest.mark.parametrize(
    ("event", "platform"),
    [
        # 1. the channel
        ({"channel": "mobile", **library("analytics.js")}, "mobile"),
        ({"channel": "browser", **library("analytics-ios")}, "web"),
        ({"channel": "client", **library("analytics-ios")}, "mobile"),
        ({"context": {"channel": "browser", "device": {"type": "ios"}}}, "web"),
        ({"context": {"channel": "mobile", **PAGE}}, "mobile"),
        ({"channel": "mobile", "context": {"channel": "browser"}}, "mobile"),
        ({"channel": "server", "context": {"channel": "client"}}, "web"),
        ({"channel": "server", **library("analytics.js")}, "web"),
        ({"channel": ["browser"]}, "mobile"),
        ({"channel": "Browser"}, "mobile"),
        # 2. the library
        (library("analytics.js", device={"type": "ios"}), "web"),
        (library("analytics-ios", userAgent=BROWSER), "mobile"),
        (library("analytics-android", **PAGE), "mobile"),
        (library("analytics-swift", **PAGE), "mobile"),
        (library("@segment/analytics-react-native", **PAGE), "mobile"),
        (library("analytics-react-native", **PAGE), "mobile"),
        (library("analytics-flutter", **PAGE), "mobile"),
        (library("analytics-kotlin", device={}, **PAGE), "mobile"),
        (library("analytics-kotlin", **PAGE), "web"),
        (library("analytics-kotlin", device="Pixel", **PAGE), "web"),
        (library(["analytics-ios"], **PAGE), "web"),
        (library({}, **PAGE), "web"),
        ({"context": {"library": "analytics-ios", **PAGE}}, "web"),
        # 3. the device
        ({"context": {"device": {"id": "d-1"}, **PAGE}}, "mobile"),
        ({"context": {"device": {"id": "unknown"}, **PAGE}}, "web"),
        ({"context": {"device": {"id": 7}, **PAGE}}, "web"),
        ({"context": {"device": {"type": "ios"}, **PAGE}}, "mobile"),
        ({"context": {"device": {"type": "android"}, **PAGE}}, "mobile"),
        ({"context": {"device": {"type": "tablet"}, **PAGE}}, "web"),
        ({"context": {"device": {"type": ["ios"]}, **PAGE}}, "web"),
        *(
            ({"context": {"os": {"name": name}, there: {}, **PAGE}}, "mobile")
            for name in ("iOS", "iPadOS", "iPhone OS", "Android")
            for there in ("device", "app")
        ),
        ({"context": {"os": {"name": "iOS"}, **PAGE}}, "web"),
        ({"context": {"os": {"name": "iOS"}, "app": "Acme", **PAGE}}, "web"),
        ({"context": {"os": {"name": "macOS"}, "app": {}, **PAGE}}, "web"),
        ({"context": {"os": "iOS", "app": {}, **PAGE}}, "web"),
        # 4. the page and the browser
        ({"context": PAGE}, "web"),
        ({"context": {"userAgent": BROWSER}}, "web"),
        ({"context": {"page": {"url": ""}}}, "mobile"),
        ({"context": {"page": {"url": 1}}}, "mobile"),
        ({"context": {"page": "https://shop.example.com/"}}, "mobile"),
        ({"context": {"userAgent": "okhttp/4.9 Mozilla/5.0"}}, "mobile"),
        ({"context": {"userAgent": ["Mozilla/5.0"]}}, "mobile"),
        # 5. the channel of phones and browsers
        ({"channel": "client"}, "web"),
        ({"context": {"channel": "client"}}, "web"),
        ({"channel": "client", **library("analytics-flutter")}, "mobile"),
        ({"channel": "client", **library("analytics-kotlin")}, "web"),
        ({"channel": "client", "context": {"channel": "mobile"}}, "mobile"),
        ({"channel": "client", "context": {"device": {"id": "d-1"}}}, "mobile"),
        ({"channel": "client", "context": {"device": {"type": "ios"}}}, "mobile"),
        ({"channel": ["client"]}, "mobile"),
        # 6. everything else
        (library("analytics-node"), "mobile"),
        ({"context": {"userAgentData": {"mobile": False}}}, "mobile"),
        ({"context": {"userAgentData": {"mobile": True}, **PAGE}}, "web"),
        ({"context": ["page"]}, "mobile"),
        ({}, "mobile"),
    ],
)
def test_the_first_rule_that_answers_names_the_platform(
    event: dict[str, Any], platform: str
) -> None:
    assert platform_of(event) == platform


@pytest.mark.parametrize(
    "value",
    [
        *("", " ", "\u00a0", "0", "-", "00000000-0000-0000-0000-000000000000", "000000000000000"),
        *("null", "NULL", "undefined", "unknown", "Unknown", "UNKNOWN", "none", "None", "nil"),
        *("(null)", "n/a", "N/A", "NaN", "<nil>", "[object Object]", " unknown "),
        *("9774d56d682e549c", "9774D56D682E549C", None, 7, True, [], {}),
    ],
)
def test_what_many_devices_have_is_no_device_id(value: Any) -> None:
    assert device_id_of(value) is None


@pytest.mark.parametrize("value", ["d-1", "0-1", " d ", "nullable", "unknown-7", "9774d56d682e549"])
def test_other_text_is_a_device_id(value: str) -> None:
    assert device_id_of(value) == value


@pytest.mark.parametrize(
    "text",
    [
        "2026-05-04",
        "20260504",
        "2026-W19-1",
        "2026-W19",
        "2026W191",
        "2026W19T1015",
        "2026-05-04T10",
        "2026-05-04T10:15",
        "2026-05-04T10:15:30",
        "2026-05-04T10:15:30Z",
        "2026-05-04T10:15:30.1Z",
        "2026-05-04T10:15:30,123Z",
        "2026-05-04T10:15:30.123456789Z",
        "2026-05-04T10:15:30+02:00",
        "2026-05-04T10:15:30-0230",
        "2026-05-04T10:15:30+02",
        "20260504T101530Z",
        "0001-01-01T00:00:00Z",
    ],
)
def test_a_time_is_iso_8601(text: str) -> None:
    assert is_iso_8601(text)


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        1777889730,
        ["2026-05-04"],
        "",
        "yesterday",
        "2026",
        "2026-05",
        "2026-13-01",
        "2026-02-30",
        "2026-05-04T25:00:00Z",
        "2026-05-04T10:15:30Zulu",
        "2026-05-04T10:15:30:123Z",
        "2026-05-04T10:15:30.Z",
        "2026-05-04T10:Z",
        "2026-05-04T10:15:+02:00",
        "2026-05-04T10:15:305+02:00",
        "2026-05-04T",
        "2026-05-04 10:15:30",
        "2026-05-04t10:15:30z",
        " 2026-05-04",
        "2026-05-04\n",
        "\uff12\uff10\uff12\uff16-05-04",
        "05/04/2026",
        "Mon, 04 May 2026 10:15:30 GMT",
        "1777889730",
        "2026W19110",  # of week 19, a one, and ten o'clock
        "2026W19-10",
        "2026W19W10",
        "1512050300000",  # milliseconds that Python would take for a day in 1512
        "2026-05-04T10:15:30.123Z\r\nX-Header: 1",
        "9" * 60_000,
    ],
)
def test_other_things_are_no_time(value: Any) -> None:
    assert not is_iso_8601(value)
