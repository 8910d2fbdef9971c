"""Settings of outgoing requests: off unless said otherwise, and no entry that lets everything through."""

from ipaddress import ip_network

import pytest

from langgraph_multi_agent.bootstrap.application import outgoing_policy
from langgraph_multi_agent.domain.errors import SettingsUnsafe
from langgraph_multi_agent.i18n.errors import describe
from langgraph_multi_agent.settings import Settings


def test_outgoing_requests_are_off_by_default_and_the_policy_is_what_was_set() -> None:
    assert outgoing_policy(Settings.load({})).access == "off"
    policy = outgoing_policy(
        Settings.load(
            {
                "OUTGOING_ACCESS": "listed",
                "OUTGOING_ALLOWED": '["Wiki.Example.org.", "*.docs.example.org", "10.20.0.0/16", "fd00::1"]',
                "OUTGOING_PORTS": "[443, 8443]",
                "OUTGOING_TIMEOUT": "7",
                "OUTGOING_MAX_BYTES": "2048",
            }
        )
    )
    assert policy.access == "listed"
    assert policy.names == {"wiki.example.org", "*.docs.example.org"}
    assert policy.networks == (ip_network("10.20.0.0/16"), ip_network("fd00::1/128"))
    assert (policy.ports, policy.timeout_s, policy.max_bytes) == ({443, 8443}, 7.0, 2048)


def test_wrong_entries_are_refused_by_name() -> None:
    wrong = [
        "*",
        "*.",
        ".example.org",
        "**.example.org",
        "a.*.org",
        "https://example.org",
        "example.org:8080",
        "example.org/a",
        "user@example.org",
        "exa mple.org",
        "bücher.example",
        "0.0.0.0/0",
        "::/0",
        "0x7f.1",
        "2130706433",
        "127.1",
        "example.1",
        "",
    ]
    for entry in wrong:
        with pytest.raises(SettingsUnsafe) as caught:
            Settings.load({"OUTGOING_ACCESS": "public"}, outgoing_allowed=(entry,))
        assert caught.value.params["setting"] == "OUTGOING_ALLOWED", entry
        for language in ("zh", "en"):
            assert "OUTGOING_ALLOWED" in describe("SETTINGS_UNSAFE", caught.value.params, language).detail
    with pytest.raises(SettingsUnsafe) as caught:
        Settings.load({"OUTGOING_ACCESS": "listed"})
    assert caught.value.params["reason"] == "outgoing_unlisted"
    for variable, value in (
        ("OUTGOING_ACCESS", "on"),
        ("OUTGOING_PORTS", "[0]"),
        ("OUTGOING_MAX_BYTES", "0"),
    ):
        with pytest.raises(SettingsUnsafe) as caught:
            Settings.load({variable: value})
        assert caught.value.params["setting"] == variable
