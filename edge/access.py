"""Who to connect to, and what proves who is who: read from files, which may be renewed."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from edge.address import shown
from edge.config import LONGEST, Config, Mqtt, expanded
from edge.errors import ConfigError, first_line

if TYPE_CHECKING:
    import ssl  # 3 MB, which nobody needs without TLS


@dataclass(frozen=True)
class Access:
    """What it takes to connect, read: nothing can be missing later."""

    host: str
    port: int
    username: str
    password: str | None
    tls: ssl.SSLContext | None

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


def access(config: Mqtt) -> Access:
    """Reads the password and the certificates; raises `ConfigError` where they cannot be read."""
    password = None
    if config.password_file:
        if not config.username:
            raise ConfigError("mqtt.password_file: a password needs mqtt.username")
        path = expanded(config.password_file)
        try:
            password = _password(path)
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"mqtt.password_file: {path}: {why(error)}") from error
        if len(password.encode()) > LONGEST:
            raise ConfigError(f"mqtt.password_file: {path}: longer than {LONGEST} bytes")
    return Access(config.host, config.port, config.username, password, _tls(config))


def _tls(config: Mqtt) -> ssl.SSLContext | None:
    """The broker must show a certificate of its name, whose authority is known; we may have one."""
    if not config.tls:
        for key in ("tls_ca", "tls_cert", "tls_key"):
            if getattr(config, key):
                raise ConfigError(f"mqtt.{key}: is of no use without mqtt.tls = true")
        return None
    if config.tls_key and not config.tls_cert:
        raise ConfigError("mqtt.tls_key: a key needs its certificate, mqtt.tls_cert")
    import ssl  # noqa: PLC0415

    authority = str(expanded(config.tls_ca)) if config.tls_ca else None
    try:
        tls = ssl.create_default_context(cafile=authority)
    except OSError as error:
        raise ConfigError(f"mqtt.tls_ca: {config.tls_ca}: {why(error)}") from error
    if authority:
        # Python 3.13 began to refuse authorities without a key usage: what people make at home.
        tls.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if config.tls_cert:
        _show(tls, config)
    return tls


def _show(tls: ssl.SSLContext, config: Mqtt) -> None:
    certificate = _readable(config.tls_cert, "tls_cert")
    key = _readable(config.tls_key, "tls_key") if config.tls_key else None
    try:
        # Without a password: a service has nobody to ask.
        tls.load_cert_chain(certificate, key, password=lambda: b"")
    except (OSError, ValueError) as error:  # ssl.SSLError is one of the former
        where = f"{config.tls_cert}, {config.tls_key}" if key else config.tls_cert
        raise ConfigError(f"mqtt.tls_cert: {where}: {why(error)}") from error


def _readable(configured: str, key: str) -> Path:
    """A credential of its name that systemd passes to the service, else the file itself."""
    path = expanded(configured)
    passed = _passed(path)
    if passed is not None:
        return passed
    try:
        path.open("rb").close()
    except OSError as error:
        raise ConfigError(f"mqtt.{key}: {path}: {why(error)}") from error
    return path


def _passed(path: Path) -> Path | None:
    found = Path(os.environ.get("CREDENTIALS_DIRECTORY", os.devnull), path.name)
    return found if found.is_file() else None


def _password(path: Path) -> str:
    """Its first line; a credential of its name that systemd passes to the service wins."""
    passed = _passed(path)
    found = _first_line(passed) if passed is not None else ""
    return found or _first_line(path)  # our unit passes an empty line where there is no file


def _first_line(path: Path) -> str:
    return path.read_text(encoding="utf-8-sig").partition("\n")[0].rstrip("\r")


def why(error: Exception) -> str:
    """Why, as the system says it."""
    if isinstance(error, socket.gaierror):
        return "no such host"
    return getattr(error, "strerror", None) or first_line(error)


def exposed(config: Config, file: Path) -> Iterator[str]:
    """A line for every secret that everybody on this machine can read; `file` is the TOML's."""
    secrets = {
        "mqtt.password_file": config.mqtt.password_file,
        "mqtt.tls_key": config.mqtt.tls_key or config.mqtt.tls_cert,
        "camera.source may hold a password":
            str(file) if shown(config.camera.source) != config.camera.source else "",
    }  # fmt: skip
    for name, secret in secrets.items():
        path = expanded(secret) if secret else file
        try:
            if secret and path.is_file() and path.stat().st_mode & 0o004:
                yield f"{name}: everybody can read {path}; chmod o-r it"
        except OSError:  # not there, or not ours to look at: it is said where it is needed
            continue
