"""Broker address and credentials, read from files that may change while the service runs."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from edge.config.schema import LONGEST, Config, MqttConfig
from edge.errors import ConfigError, first_line
from edge.redact import redacted

if TYPE_CHECKING:
    import ssl  # 3 MB that only TLS needs


@dataclass(frozen=True)
class Credentials:
    """All that a connection needs, already read: nothing can be missing later."""

    host: str
    port: int
    username: str
    password: str | None
    tls: ssl.SSLContext | None

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


def read_credentials(config: MqttConfig) -> Credentials:
    """Read the password and the certificates; raise `ConfigError` where that fails."""
    password = None
    if config.password_file:
        if not config.username:
            raise ConfigError("mqtt.password_file: a password needs mqtt.username")
        path = config.password_file
        try:
            password = _password(path)
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"mqtt.password_file: {path}: {why(error)}") from error
        if len(password.encode()) > LONGEST:
            raise ConfigError(f"mqtt.password_file: {path}: longer than {LONGEST} bytes")
    return Credentials(config.host, config.port, config.username, password, _tls(config))


def _tls(config: MqttConfig) -> ssl.SSLContext | None:
    """Return the TLS context: the broker must prove its name, and we may have a certificate."""
    if not config.tls:
        for key in ("tls_ca", "tls_cert", "tls_key"):
            if getattr(config, key):
                raise ConfigError(f"mqtt.{key}: has no effect without mqtt.tls = true")
        return None
    if config.tls_key and not config.tls_cert:
        raise ConfigError("mqtt.tls_key: a key needs its certificate, mqtt.tls_cert")
    import ssl  # noqa: PLC0415

    try:
        tls = ssl.create_default_context(cafile=config.tls_ca)
    except OSError as error:
        raise ConfigError(f"mqtt.tls_ca: {config.tls_ca}: {why(error)}") from error
    if config.tls_ca:
        # Python 3.13 began to refuse authorities without a key usage, as made at home with openssl.
        tls.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if config.tls_cert:
        _load_certificate(tls, config.tls_cert, config.tls_key)
    return tls


def _load_certificate(tls: ssl.SSLContext, certificate_file: Path, key_file: Path | None) -> None:
    certificate = _readable(certificate_file, "tls_cert")
    key = _readable(key_file, "tls_key") if key_file else None
    try:
        # An empty password instead of a prompt: nobody is there to type one.
        tls.load_cert_chain(certificate, key, password=lambda: b"")
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        where = f"{certificate_file}, {key_file}" if key else certificate_file
        raise ConfigError(f"mqtt.tls_cert: {where}: {why(error)}") from error


def _readable(path: Path, key: str) -> Path:
    """Return the credential of that name which systemd passes to the service, else the file."""
    passed = _from_systemd(path)
    if passed is not None:
        return passed
    try:
        path.open("rb").close()
    except OSError as error:
        raise ConfigError(f"mqtt.{key}: {path}: {why(error)}") from error
    return path


def _from_systemd(path: Path) -> Path | None:
    found = Path(os.environ.get("CREDENTIALS_DIRECTORY", os.devnull), path.name)
    return found if found.is_file() else None


def secret(path: Path) -> str:
    """Return a file's text; a credential of its name which systemd passes takes precedence."""
    passed = _from_systemd(path)
    found = passed.read_text(encoding="utf-8-sig") if passed is not None else ""
    # Our unit passes an empty line where there is no file.
    return found if found.strip("\r\n") else path.read_text(encoding="utf-8-sig")


def _password(path: Path) -> str:
    return secret(path).partition("\n")[0].rstrip("\r")


def why(error: Exception) -> str:
    """Return the reason, in the system's words."""
    if isinstance(error, socket.gaierror):
        return "no such host"
    return getattr(error, "strerror", None) or first_line(error)


def world_readable_secrets(config: Config, file: Path) -> Iterator[str]:
    """Yield a line for every secret that all users can read; `file` is the configuration."""
    secrets = {
        "mqtt.password_file": config.mqtt.password_file,
        "mqtt.tls_key": config.mqtt.tls_key or config.mqtt.tls_cert,
        "camera.source may hold a password":
            file if redacted(config.camera.source) != config.camera.source else None,
    }  # fmt: skip
    for alert in config.reactions + config.last_reactions:
        for at, entry in enumerate(alert.notify):
            where = f"{alert.where}.notify[{at}]"
            secrets[f"{where}.token_file"] = entry.token_file
            secrets[f"{where}.apprise_file"] = entry.apprise_file
    for name, path in secrets.items():
        try:
            if path is not None and path.is_file() and path.stat().st_mode & 0o004:
                yield f"{name}: all users can read {path}; run chmod o-r {path}"
        except OSError:  # missing or not accessible: reported where it is needed
            continue
