"""A real Home Assistant Core, set up as a user would: owner, MQTT integration, automations.

Only its public HTTP interface is used (https://developers.home-assistant.io/docs/api/rest/).
"""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

from tests.conftest import wait_for

_CONFIGURATION = """homeassistant:
  name: test
  unit_system: metric
  time_zone: UTC
http:
  server_host: 127.0.0.1
  server_port: {port}
api:
config:
automation: !include automations.yaml
logger:
  default: warning
"""
#: The first start installs what Home Assistant still needs; on a busy machine that takes minutes.
_START_S = 600.0
_OWNER = ("owner", "pass word")


class HomeAssistant:
    """`hass` as a process of its own, configured in `folder`, with the broker at `mqtt_port`."""

    def __init__(self, hass: Path, folder: Path, mqtt_port: int) -> None:
        folder.mkdir()
        with socket.create_server(("127.0.0.1", 0)) as free:
            self._port = int(free.getsockname()[1])
        self._hass, self._folder, self._mqtt_port = hass, folder, mqtt_port
        (folder / "configuration.yaml").write_text(_CONFIGURATION.format(port=self._port))
        (folder / "automations.yaml").write_text("[]\n")
        self._process: subprocess.Popen[bytes] | None = None
        self._token = self._refresh_token = ""

    def start(self) -> HomeAssistant:
        """Start it; the first time, make an owner and set up the MQTT integration."""
        first = not self._refresh_token
        if first:
            add = ["--script", "auth", "-c", str(self._folder), "add", *_OWNER]
            subprocess.run([str(self._hass), *add], check=True, stdout=subprocess.DEVNULL)
        else:
            self._keep_port()
        with (self._folder / "said.txt").open("ab") as said:
            self._process = subprocess.Popen(
                [str(self._hass), "-c", str(self._folder)],
                stdout=said,
                stderr=said,
                start_new_session=True,
            )
        wait_for(self._answers, "Home Assistant to answer", _START_S)
        if first:
            self._log_in()
            self._add_mqtt()
        else:
            self._sign_in("refresh_token", refresh_token=self._refresh_token)
        wait_for(self._running, "Home Assistant to have started", _START_S)
        return self

    def stop(self) -> None:
        """End it as systemd would."""
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(120)
            except subprocess.TimeoutExpired:
                self._process.kill()
                raise
            self._process = None

    def states(self) -> dict[str, str]:
        """Return the state of every entity that MQTT or an automation made, by entity id."""
        return {row["entity_id"]: row["state"] for row in self._get("/api/states")}

    def call(self, domain: str, service: str, **data: object) -> None:
        """Call an action, as a button of the dashboard does."""
        self._post(f"/api/services/{domain}/{service}", data)

    def render(self, template: str) -> str:
        """Return what a Jinja template says."""
        return str(self._request("/api/template", {"template": template}).decode())

    def automate(self, automations: list[dict[str, Any]]) -> None:
        """Replace the automations."""
        (self._folder / "automations.yaml").write_text(json.dumps(automations))  # JSON is YAML
        self.call("automation", "reload")

    def save(self, name: str, automation: dict[str, Any]) -> None:
        """Add an automation as the editor of the browser does."""
        self._post(f"/api/config/automation/config/{name}", automation)

    def warnings(self) -> list[str]:
        """Return the warnings and errors in its log so far."""
        lines = (self._folder / "said.txt").read_text(errors="replace").splitlines()
        return [line for line in lines if " WARNING " in line or " ERROR " in line]

    def _keep_port(self) -> None:
        """Let a restart use our port where releases since 2026 have moved `http` to a store."""
        store = self._folder / ".storage" / "http"
        content = json.loads(store.read_text()) if store.exists() else {"data": {}}
        if "stable" in content["data"]:
            ours = {"server_port": self._port, "server_host": ["127.0.0.1"]}
            content["data"]["stable"] |= ours
            content["data"]["pending"] = None
            store.write_text(json.dumps(content))

    def _answers(self) -> bool:
        if self._process is not None and self._process.poll() is not None:
            raise AssertionError((self._folder / "said.txt").read_text()[-2000:])
        try:
            self._request("/api/")
        except urllib.error.HTTPError:
            return True
        except OSError:
            return False
        return True

    def _running(self) -> bool:
        return bool(self._get("/api/config")["state"] == "RUNNING")

    def _log_in(self) -> None:
        """Log in as the owner; the first who does is made the owner."""
        client = {"client_id": self._url()}
        how = {"handler": ["homeassistant", None], "redirect_uri": self._url()}
        begun = self._post("/auth/login_flow", client | how)
        name, password = _OWNER
        given = {"username": name, "password": password}
        ended = self._post(f"/auth/login_flow/{begun['flow_id']}", client | given)
        self._sign_in("authorization_code", code=ended["result"])

    def _add_mqtt(self) -> None:
        flows = "/api/config/config_entries/flow"
        wait_for(self._running, "Home Assistant to have started", _START_S)
        begun = self._post(flows, {"handler": "mqtt", "show_advanced_options": False})
        broker = {"broker": "127.0.0.1", "port": self._mqtt_port}
        tls = {"set_client_cert": False, "set_ca_cert": "off"}  # what 2026.11 asks for, too
        form = _filled(begun["data_schema"], broker | tls)
        ended = self._post(f"{flows}/{begun['flow_id']}", form)
        assert ended["type"] == "create_entry", ended

    def _sign_in(self, grant_type: str, **fields: str) -> None:
        form = {"grant_type": grant_type, "client_id": self._url(), **fields}
        request = urllib.request.Request(
            self._url("/auth/token"), urllib.parse.urlencode(form).encode()
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            tokens = json.load(answer)
        self._token = tokens["access_token"]
        self._refresh_token = tokens.get("refresh_token", self._refresh_token)

    def _get(self, path: str) -> Any:
        return json.loads(self._request(path))

    def _post(self, path: str, content: object) -> Any:
        return json.loads(self._request(path, content))

    def _request(self, path: str, content: object = None) -> bytes:
        headers = {"Content-Type": "application/json"}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        body = None if content is None else json.dumps(content).encode()
        request = urllib.request.Request(self._url(path), body, headers)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return bytes(answer.read())

    def _url(self, path: str = "/") -> str:
        return f"http://127.0.0.1:{self._port}{path}"


def _filled(fields: list[dict[str, Any]], given: dict[str, Any]) -> dict[str, Any]:
    """Return a form with what is `given`, and with its own defaults, as the browser sends it."""
    form = {}
    for field in fields:
        name = field["name"]
        if name in given:
            form[name] = given[name]
        elif field.get("type") == "expandable":
            form[name] = _filled(field["schema"], given)
        elif field.get("required") and "default" in field:
            form[name] = field["default"]
    return form


def settled(read: Any, quiet_s: float = 3.0, timeout_s: float = 60.0) -> Any:
    """Return what `read()` says once it has said the same for `quiet_s` seconds."""
    last, since_s = read(), time.monotonic()
    until_s = since_s + timeout_s
    while time.monotonic() - since_s < quiet_s and time.monotonic() < until_s:
        time.sleep(0.25)
        now = read()
        if now != last:
            last, since_s = now, time.monotonic()
    return last
