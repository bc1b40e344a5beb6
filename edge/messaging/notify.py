"""Services that tell a person: ntfy, and whatever Apprise knows. No address is ever logged."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from edge import __version__
from edge.config.actions import AlertReactions, NotifyConfig
from edge.errors import ConfigError
from edge.messaging.credentials import secret, why
from edge.messaging.notification import target

if TYPE_CHECKING:
    import apprise

#: Longest silence of a server.
_TIMEOUT_S = 10.0
_HINTS = {401: "check token_file", 403: "check token_file", 404: "check the address"}
#: Loggers that may print addresses, with the passwords and tokens in them.
_TALKATIVE = ("apprise", "oauthlib", "requests", "requests_oauthlib", "urllib3")


class Service(Protocol):
    """Whoever takes notifications; `str` of it may be logged."""

    def send(self, key: str, title: str, message: str) -> str | None:
        """Send, and return what failed, None for success; `key` is the same at another try."""


class Ntfy:
    """One topic of an ntfy server: a POST each (https://docs.ntfy.sh/publish)."""

    def __init__(self, config: NotifyConfig, token: str | None) -> None:
        self._address = config.ntfy
        self._headers = {
            "User-Agent": f"fer-edge/{__version__}",
            "Content-Type": "text/plain; charset=utf-8",
            "Priority": config.priority,
        }
        if config.tags:
            self._headers["Tags"] = ",".join(config.tags)
        if token:
            self._headers["Authorization"] = f"Bearer {token}"

    def __str__(self) -> str:
        return f"ntfy at {self._address.split('/')[2]}"

    def send(self, _key: str, title: str, message: str) -> str | None:
        """Post it; see `Service`."""
        import http.client  # noqa: PLC0415 (5 MB, which only this needs)
        import urllib.error  # noqa: PLC0415
        import urllib.request  # noqa: PLC0415

        class NoRedirect(urllib.request.HTTPRedirectHandler):
            """The token is for this server, and a POST that was redirected becomes a GET."""

            def redirect_request(self, *_: object) -> None:
                """Follow none."""

        request = urllib.request.Request(
            self._address,
            message.encode(),
            self._headers | {"Title": _header(title)},
            method="POST",
        )
        try:
            urllib.request.build_opener(NoRedirect).open(request, timeout=_TIMEOUT_S).close()
        except urllib.error.HTTPError as error:
            error.close()
            hint = _HINTS.get(error.code)
            return f"HTTP {error.code}" + (f"; {hint}" if hint else "")
        except urllib.error.URLError as error:
            return why(error.reason) if isinstance(error.reason, OSError) else str(error.reason)
        except (OSError, http.client.HTTPException) as error:
            return why(error)
        return None


class AppriseUrls:
    """The services of a file of Apprise's URLs, one a line; a retry skips those that succeeded."""

    def __init__(self, file: Path, services: dict[int, apprise.NotifyBase]) -> None:
        self._file, self._services = file, services
        self._key, self._done = "", set[int]()

    def __str__(self) -> str:
        return f"the services of {self._file}"

    def send(self, key: str, title: str, message: str) -> str | None:
        """Notify each; see `Service`. Blocks as long as they do."""
        import apprise  # noqa: PLC0415

        if key != self._key:
            self._key, self._done = key, set()
        for line, service in self._services.items():
            if line in self._done:
                continue
            one = apprise.Apprise(asset=apprise.AppriseAsset(async_mode=False))
            one.add(service)
            if one.notify(title=title, body=message):
                self._done.add(line)
        failed = [str(line) for line in self._services if line not in self._done]
        return f"not delivered, of line {', '.join(failed)}" if failed else None


def open_services(alerts: Iterable[AlertReactions]) -> dict[str, Service]:
    """Return the service of every entry by its name; raise `ConfigError`, a line per problem."""
    services: dict[str, Service] = {}
    problems = []
    for alert in alerts:
        for at, entry in enumerate(alert.notify):
            try:
                services[target(alert.name, at)] = _service(entry)
            except ConfigError as error:
                where = f"{alert.where}.notify[{at}]"
                problems += [f"{where}.{line}" for line in str(error).splitlines()]
    if problems:
        raise ConfigError("\n".join(problems))
    return services


def _service(entry: NotifyConfig) -> Service:
    if entry.apprise_file:
        return AppriseUrls(entry.apprise_file, _apprise(entry.apprise_file))
    return Ntfy(entry, _token(entry.token_file) if entry.token_file else None)


def _token(file: Path) -> str:
    token = _read(file, "token_file").partition("\n")[0].strip()
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise ConfigError(f"token_file: {file}: its first line must be an access token")
    return token


def _apprise(file: Path) -> dict[int, apprise.NotifyBase]:
    """Return the services of the URLs in `file`, by line."""
    lines = list(_urls(_read(file, "apprise_file")))
    if not lines:
        raise ConfigError(f"apprise_file: {file}: names no URL; write one a line")
    try:
        import apprise  # noqa: PLC0415 (25 MB, which only this needs)
    except ImportError as error:
        line = "apprise_file: needs Apprise; docs/recipes.md says how to install it; or use ntfy"
        raise ConfigError(line) from error
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    found = {number: apprise.Apprise.instantiate(url) for number, url in lines}
    wrong = [number for number, service in found.items() if service is None]
    if wrong:
        raise ConfigError(
            "\n".join(f"apprise_file: {file}, line {each}: not a URL of Apprise" for each in wrong)
        )
    return {number: service for number, service in found.items() if service is not None}


def _urls(text: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip() and not line.lstrip().startswith("#"):
            yield number, line.strip()


def _read(file: Path, key: str) -> str:
    try:
        return secret(file)
    except (OSError, UnicodeDecodeError) as error:
        reason = why(error) if isinstance(error, OSError) else "must be UTF-8 text"
        raise ConfigError(f"{key}: {file}: {reason}") from error


def _header(text: str) -> str:
    """Return `text` for an HTTP header, which holds one line of ASCII (RFC 2047 for the rest)."""
    line = " ".join(text.split())
    if line.isascii() and not line.startswith("=?"):
        return line
    import base64  # noqa: PLC0415 (what few titles need)

    return f"=?UTF-8?B?{base64.b64encode(line.encode()).decode()}?="
