"""What tests of the messaging room share: their patience, log lines, certificates."""

from __future__ import annotations

import logging
import subprocess
from pathlib import Path

import pytest

from tests.support.mqtt import Said


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Connects again sooner than the product does."""
    monkeypatch.setattr("edge.messaging.connector._BACKOFF_S", (0.05, 0.2))


@pytest.fixture
def said(caplog: pytest.LogCaptureFixture) -> Said:
    """The lines of our own log that hold a text."""
    caplog.set_level(logging.INFO, logger="edge")

    def lines(text: str = "") -> list[str]:
        return [r.getMessage() for r in caplog.records if text in r.getMessage()]

    return lines


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An authority (ca.pem), certificates of a server for localhost, of one that is out of date, of
    a client; and another authority."""
    folder = tmp_path_factory.mktemp("tls")

    def openssl(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)

    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    for name in ("ca", "other"):
        openssl("req", "-x509", *curve, "-keyout", f"{name}.key", "-out", f"{name}.pem",
                "-subj", f"/CN={name}", "-days", "2")  # fmt: skip
    (folder / "names").write_text("subjectAltName=DNS:localhost")
    for name, days in {"server": "2", "expired": "-1", "client": "2"}.items():
        openssl("req", *curve, "-keyout", f"{name}.key", "-out", f"{name}.csr",
                "-subj", "/CN=localhost")  # fmt: skip
        openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key",
                "-CAcreateserial", "-out", f"{name}.pem", "-days", days,
                "-extfile", "names")  # fmt: skip
    openssl("ec", "-in", "client.key", "-out", "locked.key", "-aes128", "-passout", "pass:word")
    return folder
