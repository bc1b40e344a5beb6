"""What is wrong with passwords and certificates, and who can read them."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.config.actions import NotifyConfig
from edge.config.schema import CameraConfig, Config, MqttConfig, TrendConfig
from edge.errors import ConfigError
from edge.messaging.credentials import read_credentials, world_readable_secrets


def test_a_byte_order_mark_is_no_part_of_the_password(tmp_path: Path) -> None:
    path = tmp_path / "password"
    path.write_bytes(b"\xef\xbb\xbfword\r\n")
    assert read_credentials(MqttConfig("h", username="u", password_file=path)).password == "word"


def test_a_password_longer_than_mqtt_knows_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "password"
    path.write_text("x" * 65536)
    with pytest.raises(ConfigError, match=r"mqtt.password_file: .*: longer than 65535 bytes"):
        read_credentials(MqttConfig("h", username="u", password_file=path))


def test_a_password_file_that_is_not_there_is_a_matter_of_configuration(tmp_path: Path) -> None:
    missing = tmp_path / "none"
    with pytest.raises(ConfigError, match=r"mqtt.password_file: .*none: No such file"):
        read_credentials(MqttConfig("h", username="pi", password_file=missing))


def test_a_password_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "word").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match=r"mqtt.password_file: "):
        read_credentials(MqttConfig("h", username="pi", password_file=tmp_path / "word"))


def test_a_password_without_a_username_is_refused(tmp_path: Path) -> None:
    (tmp_path / "word").write_text("secret")
    with pytest.raises(ConfigError, match=r"needs mqtt.username"):
        read_credentials(MqttConfig("h", password_file=tmp_path / "word"))


def test_an_authority_without_tls_is_refused_for_nothing_would_be_encrypted() -> None:
    with pytest.raises(ConfigError, match=r"mqtt.tls = true"):
        read_credentials(MqttConfig("h", tls_ca=Path("/etc/ssl/certs/ca.pem")))


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_an_authority_that_cannot_be_read_is_refused(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ConfigError, match=r"mqtt.tls_ca: .*ca.pem: "):
        read_credentials(MqttConfig("h", tls=True, tls_ca=path))


@pytest.mark.parametrize(
    ("keys", "complaint"),
    [
        ({"tls": False, "tls_cert": "client.pem"}, "mqtt.tls_cert: has no effect without mqtt.tls"),
        ({"tls": False, "tls_key": "client.key"}, "mqtt.tls_key: has no effect without mqtt.tls"),
        ({"tls_key": "client.key"}, "mqtt.tls_key: a key needs its certificate, mqtt.tls_cert"),
        ({"tls_cert": "none"}, r"mqtt.tls_cert: .*none: No such file"),
        ({"tls_cert": "client.pem", "tls_key": "none"}, r"mqtt.tls_key: .*none: No such file"),
        ({"tls_cert": "client.pem"}, r"mqtt.tls_cert: .*client.pem: "),
        ({"tls_cert": "client.pem", "tls_key": "ca.key"}, r"mqtt.tls_cert: .*client.pem, .*ca.key"),
        ({"tls_cert": "client.pem", "tls_key": "locked.key"}, r"mqtt.tls_cert: .*locked.key: "),
        ({"tls_cert": "names"}, r"mqtt.tls_cert: .*names: "),
    ],
)
def test_a_certificate_of_ours_that_is_of_no_use_is_refused(
    certificates: Path, keys: dict[str, str], complaint: str
) -> None:
    given = {k: certificates / v if isinstance(v, str) else v for k, v in keys.items()}
    with pytest.raises(ConfigError, match=complaint) as refused:
        read_credentials(MqttConfig("h", **{"tls": True} | given))  # type: ignore[arg-type]
    assert str(refused.value).isprintable()


def test_secrets_that_everybody_can_read_are_named_and_others_are_not(tmp_path: Path) -> None:
    for name in ("word", "client.pem", "client.key", "config.toml"):
        (tmp_path / name).touch(mode=0o600)
    mqtt = MqttConfig(
        "h",
        username="pi",
        password_file=tmp_path / "word",
        tls_cert=tmp_path / "client.pem",
        tls_key=tmp_path / "client.key",
    )
    config = Config(mqtt=mqtt, camera=CameraConfig(source="rtsp://me:word@host/live"))
    file = tmp_path / "config.toml"
    assert list(world_readable_secrets(config, file)) == []
    for path in tmp_path.iterdir():
        path.chmod(0o644)
    secrets = {
        "mqtt.password_file": tmp_path / "word",
        "mqtt.tls_key": tmp_path / "client.key",
        "camera.source may hold a password": file,
    }
    assert list(world_readable_secrets(config, file)) == [
        f"{name}: all users can read {path}; run chmod o-r {path}" for name, path in secrets.items()
    ]
    url, token = "https://ntfy.sh/t", tmp_path / "word"
    trend = TrendConfig(True, notify=(NotifyConfig(ntfy=url, token_file=token),))
    assert list(world_readable_secrets(Config(trend=trend), file)) == [
        f"trend.notify[0].token_file: all users can read {token}; run chmod o-r {token}"
    ]
    (tmp_path / "word").unlink()
    assert len(list(world_readable_secrets(config, file))) == 2
    assert list(world_readable_secrets(Config(), file)) == []
    assert (
        list(world_readable_secrets(Config(camera=CameraConfig(source="rtsp://host/live")), file))
        == []
    )
    query = Config(camera=CameraConfig(source="http://host/video?user=me&pwd=word"))
    assert len(list(world_readable_secrets(query, file))) == 1
