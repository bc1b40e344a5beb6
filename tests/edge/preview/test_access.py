"""Who may see the picture."""

from __future__ import annotations

import socket

import pytest

from edge.preview.access import COOKIE, Access


@pytest.mark.parametrize(
    "host", ["127.0.0.1:8765", "localhost", "localhost:9000", "LOCALHOST:1", "[::1]:8765"]
)
def test_on_loopback_its_names_will_do_with_any_port(host: str) -> None:
    assert Access("127.0.0.1").is_ours(host)


@pytest.mark.parametrize(
    "host",
    [None, "", "evil.example", "evil.example:8765", "192.168.1.20:8765", "127.0.0.1.evil.example"],
)
def test_on_loopback_no_other_host_will_do(host: str | None) -> None:
    assert not Access("127.0.0.1").is_ours(host)


def test_elsewhere_an_address_or_the_own_name_will_do() -> None:
    access = Access("0.0.0.0")
    name = socket.gethostname()
    for host in ("192.168.1.20:8765", "[fd00::5]:8765", f"{name}:8765", f"{name}.local"):
        assert access.is_ours(host), host
    for other in ("evil.example:8765", f"{name}.evil.example", None):
        assert not access.is_ours(other), other


def test_a_token_works_once_and_gives_a_session() -> None:
    access = Access("0.0.0.0")
    token = access.token
    assert len(token) >= 16
    assert token != Access("0.0.0.0").token
    assert access.redeem("guess") is None
    session = access.redeem(token)
    assert session
    assert access.redeem(token) is None
    assert access.redeem("") is None
    assert access.is_known(f"other=1; {COOKIE}={session}")
    assert not access.is_known(f"{COOKIE}={token}")
    assert not access.is_known(f"{COOKIE}=")
    assert not access.is_known(None)
    assert not access.is_known("\0;=;")


def test_on_loopback_there_is_no_token() -> None:
    access = Access("::1")
    assert access.token == ""
    assert access.redeem("") is None
    assert access.is_known(None)
