"""Settings: defaults, bounds, contradictions, and messages that name the variable."""

import pytest

from config.destination import ConvertroSettings, EventMapping
from config.settings import Settings, load_settings, unknown_variables, variables_without_effect
from convertro.errors import SettingsError


def test_every_setting_has_a_default_and_a_meaning() -> None:
    assert load_settings() == Settings()
    for name, field in Settings.model_fields.items():
        assert field.description, name
        assert not field.is_required(), name


def test_translation_settings_do_not_read_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CONVERTRO_CLIENT_NAME", "acme")
    assert ConvertroSettings().client_name == ""
    assert load_settings().client_name == "acme"


@pytest.mark.parametrize(
    "given",
    [
        {"Signed Up": "signup", "Upgraded": "upgrade"},
        [{"key": "Signed Up", "value": "signup"}, {"key": "Upgraded", "value": "upgrade"}],
        '{"Signed Up": "signup", "Upgraded": "upgrade"}',
    ],
    ids=["object", "list", "json"],
)
def test_the_events_mapping_may_be_an_object_or_a_list(given: object) -> None:
    settings = ConvertroSettings(events=given)
    assert settings.events == (
        EventMapping("Signed Up", "signup"),
        EventMapping("Upgraded", "upgrade"),
    )


@pytest.mark.parametrize(
    "given", [["Advertising", "a, b"], ("Advertising", "a, b"), '["Advertising", "a, b"]']
)
def test_consent_categories_are_a_list_of_names(given: object) -> None:
    assert ConvertroSettings(consent_categories=given).consent_categories == ("Advertising", "a, b")


@pytest.mark.parametrize("value", ["", "[]"])
def test_no_consent_category_need_be_required(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("CONVERTRO_CONSENT_CATEGORIES", value)
    assert load_settings().consent_categories == ()


def test_an_empty_events_variable_is_an_empty_mapping(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONVERTRO_EVENTS", "")
    assert load_settings().events == ()


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("CONCURRENCY", "many", "valid integer"),
        ("CONCURRENCY", "0", "greater than or equal to 1"),
        ("EVENTS", "{", "is not JSON"),
        ("EVENTS", "[" * 100_000, "is not JSON that can be read"),
        ("EVENTS", "3", "must be an object"),
        ("EVENTS", '{"Signed Up": 1}', "'Signed Up': the Convertro type"),
        ("EVENTS", '{"Signed Up": ""}', "'Signed Up': the Convertro type"),
        ("EVENTS", '{"": "signup"}', "the Segment name"),
        ("EVENTS", '{"A": "a", "A": "b"}', "has 'A' twice"),
        ("EVENTS", '[{"key": "A", "value": "a"}, {"key": "B"}]', "entry 2 must be"),
        ("EVENTS", '[{"key": "A", "value": null}]', "entry 1: the Convertro type"),
        ("CONSENT_CATEGORIES", "Advertising", "is not JSON"),
        ("CONSENT_CATEGORIES", '{"":' * 25_000, "is not JSON that can be read"),
        ("CONSENT_CATEGORIES", '{"Advertising": true}', "must be a list"),
        ("CONSENT_CATEGORIES", '["Advertising", ""]', "entry 2 must be a non-empty string"),
        ("CONSENT_CATEGORIES", "[1]", "entry 1 must be a non-empty string"),
        ("BASE_URL", "convertro.example", "must be an http:// or https:// URL"),
        ("BASE_URL", "https://", "must be an http:// or https:// URL"),
        ("BASE_URL", "https://user:secret@convertro.example", "must not hold"),
        ("BASE_URL", "https://convertro.example/?a=b", "must not hold"),
        ("BASE_URL", "https://convertro.example/api?", "must not hold a query"),
        ("BASE_URL", "https://convertro.example#", "must not hold a query, a fragment"),
        ("BASE_URL", "https://@convertro.example", "must not hold a query, a fragment or cred"),
        ("BASE_URL", "https://convertro.example:port", "a host and a valid port"),
        ("BASE_URL", "https://convertro.example:99999", "a host and a valid port"),
        ("BASE_URL", "https://convertro.example:80:90", "a host and a valid port"),
        ("BASE_URL", "https://convertro.example:0", "a host and a valid port"),
        ("BASE_URL", "https://convertro.example:", "a host and a valid port"),
        ("BASE_URL", "https://convertro.example;x", "a host and a valid port"),
        ("BASE_URL", "https://[::1]x", "a host and a valid port"),
        ("BASE_URL", "https://[::1", "a host and a valid port"),
        ("BASE_URL", "https://user:pa[secret]@convertro.example", "a host and a valid port"),
        ("BASE_URL", "https://user:secret/x@convertro.example", "a host and a valid port"),
        ("PATH", "/v1/{client}/{endpoint}", "may hold only"),
        ("PATH", "v1/{endpoint}", "must begin with /"),
        ("PATH", "/v1/users", "hold {endpoint}"),
        ("PATH", "/{endpoint}/{", "may hold only"),
        ("PATH", "/v1/{endpoint}#x", "must not hold #"),
        ("PATH", "/{endpoint.x}", "may hold only"),
        ("REDIS_URL", "localhost:6379", "must be a redis://"),
        ("REDIS_URL", "redis://redis.example:secret/0", "a valid port"),
        ("QUEUE", "two words", "must be a name of letters"),
        ("QUEUE", "q/r", "must be a name of letters"),
        ("QUEUE", "q" * 101, "at most 100"),
        ("REDIS_URL", "redis://:sec\u00a0ret@host/0", "must not hold NO-BREAK SPACE (U+00A0)"),
        ("REDIS_URL", "redis://:secret@host/0\nx", "must not hold the character U+000A"),
        ("REDIS_URL", "'redis://:secret@host/0'", "is in quotes"),
        ("BROKER_URL", "amqp://user:sécret@host", "LATIN SMALL LETTER E WITH ACUTE (U+00E9)"),
        ("BROKER_URL", "amqp://user:sec ret@host", "must not hold SPACE (U+0020)"),
        ("PROXY_URL", "http://user:sec\tret@proxy", "must not hold the character U+0009"),
        ("PROXY_URL", "socks5://proxy.example:1080", "must be an http:// or https:// URL"),
        ("PROXY_URL", "ftp://proxy.example", "must be an http:// or https:// URL"),
        ("PROXY_URL", "http://", "a host and a valid port"),
        ("PROXY_URL", "//proxy.example:1", "a host and a valid port"),
        ("PROXY_URL", "http:/proxy.example:1", "a host and a valid port"),
        ("PROXY_URL", "proxy.example:port", "a host and a valid port"),
        ("PROXY_URL", "http://proxy.example:99999", "a host and a valid port"),
        ("PROXY_URL", "http://[::1", "a host and a valid port"),
        ("PROXY_URL", "http://user:pa[secret]@proxy.example", "a host and a valid port"),
        ("PROXY_URL", "http://user:secret/x@proxy.example", "a host and a valid port"),
        ("PROXY_URL", "http://user:1/secret@proxy.example", "behind its host and port"),
        ("PROXY_URL", "http://user:secret%E2%82%AC@proxy.example", "user and password of Latin-1"),
        ("PROXY_URL", "http://proxy.example:3128/?secret", "behind its host and port"),
        (
            "BASE_URL",
            "https://convertro.example\u200b/x",
            "must not hold ZERO WIDTH SPACE (U+200B)",
        ),
        ("BASE_URL", "https://bücher.example", "write a host's name in its ASCII form"),
        ("PATH", "/v1/{endpoint}/a b", "must not hold SPACE"),
        ("KEY_PREFIX", "{a}\u202e:", "must not hold RIGHT-TO-LEFT OVERRIDE (U+202E)"),
        ("SENTINEL_PASSWORD", "sec\x01ret", "must not hold the character U+0001"),
        ("SENTINEL_MASTER", "my master", "must not hold SPACE"),
        ("CLIENT_NAME", '"acme"', "is in quotes"),
        ("DOMAIN", "shop.example com", "must not hold SPACE"),
        ("SITE_ID", "12\udcff34", "must not hold the character U+DCFF"),
        ("DURABILITY", "disk", "'memory' or 'fsync'"),
        ("LOG_LEVEL", "LOUD", "'DEBUG', 'INFO'"),
    ],
)
def test_a_wrong_setting_is_refused_with_its_name(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, says: str
) -> None:
    monkeypatch.setenv(f"CONVERTRO_{name}", value)
    with pytest.raises(SettingsError) as caught:
        load_settings()
    (line,) = str(caught.value).splitlines()
    assert line.startswith(f"CONVERTRO_{name}: ")
    assert says in line
    assert "secret" not in line


@pytest.mark.parametrize(
    ("environment", "names"),
    [
        (
            {"LEASE_SECONDS": "20", "BLIP_SECONDS": "10"},
            ["CONVERTRO_LEASE_SECONDS=20", "CONVERTRO_BLIP_SECONDS=10"],
        ),
        (
            {"READ_TIMEOUT_SECONDS": "60"},
            ["CONVERTRO_LEASE_SECONDS=60", "CONVERTRO_READ_TIMEOUT_SECONDS=60"],
        ),
        (
            {"RETRY_BASE_SECONDS": "60", "RETRY_MAX_SECONDS": "30"},
            ["CONVERTRO_RETRY_BASE_SECONDS=60", "CONVERTRO_RETRY_MAX_SECONDS=30"],
        ),
        ({"BASE_URL": "http://convertro.example"}, ["CONVERTRO_ALLOW_INSECURE_HTTP"]),
    ],
    ids=["blips longer than the lease", "timeout longer than the lease", "backoff", "plain http"],
)
def test_contradictory_settings_are_refused_with_both_names(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], names: list[str]
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(f"CONVERTRO_{name}", value)
    with pytest.raises(SettingsError) as caught:
        load_settings()
    for name in names:
        assert name in str(caught.value)


@pytest.mark.parametrize("host", ["127.0.0.1:8020", "localhost", "[::1]:8020"])
def test_plain_http_is_for_this_machine(host: str) -> None:
    assert Settings(base_url=f"http://{host}").base_url == f"http://{host}"


def test_plain_http_elsewhere_has_to_be_asked_for() -> None:
    settings = Settings(base_url="http://convertro.example/", allow_insecure_http=True)
    assert settings.base_url == "http://convertro.example"


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ("proxy.example:3128", "http://proxy.example:3128"),
        ("user:h%C3%BCsh@proxy.example", "http://user:h%C3%BCsh@proxy.example"),
        ("HTTPS://user:h%5Bus%2Fh@[::1]:3128/", "HTTPS://user:h%5Bus%2Fh@[::1]:3128/"),
    ],
)
def test_a_proxy_is_spoken_to_by_http_unless_it_says_otherwise(given: str, url: str) -> None:
    proxy_url = Settings(proxy_url=given).proxy_url  # type: ignore[arg-type]
    assert proxy_url
    assert proxy_url.get_secret_value() == url


def test_secrets_are_masked() -> None:
    settings = Settings(
        redis_url="redis://:hush@redis.example/0",
        broker_url="redis://:hush@broker.example/0",
        proxy_url="http://user:hush@proxy.example",
        write_keys="hush",
        webhook_secret="hush",
    )
    assert "hush" not in f"{settings!r} {settings}"
    assert settings.celery_broker_url == "redis://:hush@broker.example:6379/0"


def test_a_worker_needs_its_destination() -> None:
    with pytest.raises(SettingsError, match="CONVERTRO_CLIENT_NAME, CONVERTRO_DOMAIN must be set"):
        Settings(site_id="1234").require_destination()
    Settings(site_id="1234", client_name="acme", domain="shop.example").require_destination()


def test_a_misspelt_variable_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONVERTRO_SITEID", "1234")
    monkeypatch.setenv("CONVERTRO_CONCURRENCY", "8")
    assert unknown_variables() == {"CONVERTRO_SITEID": "did you mean CONVERTRO_SITE_ID?"}


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("USERS_PATH", "it was removed: one CONVERTRO_PATH with {endpoint}"),
        ("EVENTS_PATH", "it was removed: one CONVERTRO_PATH with {endpoint}"),
        ("INSTALLS_PATH", "it was removed: one CONVERTRO_PATH with {endpoint}"),
        ("RETRY_JITTER", "it was removed: each wait is 20 %"),
        ("TASK_SECONDS", "it was removed: a deliver task goes on for 20 s"),
    ],
)
def test_a_removed_setting_is_named_with_what_replaces_it(
    monkeypatch: pytest.MonkeyPatch, name: str, advice: str
) -> None:
    monkeypatch.setenv(f"CONVERTRO_{name}", "x")
    assert unknown_variables()[f"CONVERTRO_{name}"].startswith(advice)


@pytest.mark.parametrize("around", ["\n", "\r\n", " ", "\t", "\u00a0", "\ufeff"])
def test_what_surrounds_a_value_is_no_part_of_it(
    monkeypatch: pytest.MonkeyPatch, around: str
) -> None:
    given = {
        "REDIS_URL": "redis://:secret@host:1/0",
        "KEY_PREFIX": "{shop}:",
        "CONCURRENCY": "8",
        "LOG_LEVEL": "DEBUG",
        "ALLOW_INSECURE_HTTP": "true",
        "EVENTS": '{"Signed Up": "signup"}',
        "SENTINEL_PASSWORD": "secret",
    }
    for name, value in given.items():
        monkeypatch.setenv(f"CONVERTRO_{name}", around + value + around.strip("\ufeff"))
    settings = load_settings()
    assert settings == Settings(**{name.lower(): value for name, value in given.items()})


def test_a_variable_of_blanks_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONVERTRO_REDIS_URL", " \n")
    monkeypatch.setenv("CONVERTRO_BROKER_URL", " ")
    monkeypatch.setenv("CONVERTRO_CONCURRENCY", "\t")
    assert load_settings() == Settings()


def test_json_may_span_lines_and_name_events_in_any_script(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONVERTRO_EVENTS", '{\n\t"登録完了 👨\u200d👩": "signup"\n}\n')
    assert load_settings().events == (EventMapping("登録完了 👨\u200d👩", "signup"),)


@pytest.mark.parametrize(
    "name",
    ["CELERY_BROKER_URL", "CELERY_BROKER_WRITE_URL", "BROKER_URL", "CELERY_CONFIG_MODULE"],
)
def test_variables_of_celery_without_effect_are_reported(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    assert variables_without_effect() == {}
    monkeypatch.setenv(name, "redis://:secret@elsewhere/0")
    ((found, reason),) = variables_without_effect().items()
    assert found == name
    assert "secret" not in reason
