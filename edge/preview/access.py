"""Who may see the picture: the Host that a browser names, and a token that works once."""

from __future__ import annotations

import hmac
import ipaddress
import secrets
import socket
import threading
from http.cookies import CookieError, SimpleCookie

COOKIE = "fer-edge-preview"


class Access:
    """Decides by the address that is listened on: away from loopback a token is needed, too.

    A page elsewhere may give its own name this machine's address (DNS rebinding) and then read
    what is here as its own; but its browser names that name. So `Host` must be an address, or a
    name of this machine's own.
    """

    def __init__(self, address: str) -> None:
        self.local = ipaddress.ip_address(address).is_loopback
        self.token = "" if self.local else secrets.token_urlsafe(16)
        self._session = secrets.token_urlsafe(16)
        self._lock = threading.Lock()
        name = socket.gethostname().lower()
        self._names = {"localhost"} if self.local else {"localhost", name, f"{name}.local"}

    def is_ours(self, host: str | None) -> bool:
        """Return whether `Host` names this machine.

        Any port will do: ssh forwards from another.
        """
        name = _without_port((host or "").strip().lower())
        if name in self._names:
            return True
        try:
            address = ipaddress.ip_address(name)
        except ValueError:
            return False
        return address.is_loopback or not self.local

    def redeem(self, token: str) -> str | None:
        """Return the session that a token is good for, once; None for any other."""
        with self._lock:
            if not self.token or not hmac.compare_digest(token.encode(), self.token.encode()):
                return None
            self.token = ""
        return self._session

    def is_known(self, cookies: str | None) -> bool:
        """Return whether the cookies are those of somebody who may see the picture."""
        if self.local:
            return True
        try:
            morsel = SimpleCookie(cookies or "").get(COOKIE)
        except CookieError:
            return False
        value = morsel.value if morsel else ""
        return hmac.compare_digest(value.encode(), self._session.encode())


def _without_port(host: str) -> str:
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.rpartition(":")[0] if host.count(":") == 1 else host
