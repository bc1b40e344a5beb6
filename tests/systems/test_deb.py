"""The package: built, installed without a network, upgraded, removed, back again, purged by apt."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.systems.conftest import RELEASES, Figure, root_or_skip
from tests.systems.machine import CHECKOUT, Machine
from tests.systems.pi import LOGS, STATE, Pi, waited
from tests.systems.stream import Stream

#: As unattended upgrades run it: nobody answers, and no option answers for them.
APT = "env DEBIAN_FRONTEND=noninteractive apt-get -qq -y"


@pytest.fixture(scope="module", params=RELEASES)
def bare(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pi]:
    """A booted container of each release with nothing of ours."""
    base = root_or_skip(request.param)
    container = Machine(base, tmp_path_factory.mktemp(f"deb-{request.param}"))
    try:
        container.boot()
        yield Pi(container, request.param)
    finally:
        container.close()


def state(pi: Pi) -> str:
    """What dpkg says of the package."""
    ask = "dpkg-query -W -f '${db:Status-Status}' fer-edge 2>/dev/null"
    return pi.machine.run(ask, check=False).stdout


def enabled(pi: Pi) -> str:
    """Whether systemd starts the service at boot: "enabled" or "disabled"."""
    return pi.machine.run("systemctl is-enabled fer-edge", check=False).stdout.strip()


def test_the_packages_life(bare: Pi, camera: Stream, figure: Figure) -> None:
    size_mb = build(bare)
    install(bare, camera)
    upgrade(bare)
    remove_and_return(bare)
    mask(bare)
    change_over(bare, camera)
    remove_and_purge(bare)
    figure(f"{size_mb:.0f} MB; installed without network, upgraded, removed, back again, purged")


def build(pi: Pi) -> float:
    """Makes the package in /srv/deb and the next version's in /srv/next; its size."""
    machine = pi.machine
    machine.run(f"apt-get -qq update && {APT} install --no-install-recommends python3-venv")
    machine.run(f"mkdir -p /srv/deb /srv/next && {CHECKOUT}/systemd/build-deb.sh /srv/deb")
    machine.run(
        "cd /srv && dpkg-deb -R deb/*.deb tree"
        " && sed -i 's/^Version: .*/Version: 9.9.9/' tree/DEBIAN/control"
        " && echo '# something new' >>tree/usr/share/fer-edge/config.toml"
        " && dpkg-deb --root-owner-group -Znone -b tree next/fer-edge_9.9.9.deb && rm -r tree"
    )
    return int(machine.run("stat -c %s /srv/deb/*.deb").stdout) / 1e6


def install(pi: Pi, camera: Stream) -> None:
    pi.machine.run(f"unshare -n {APT} install /srv/deb/fer-edge_*.deb")
    assert state(pi) == "installed"
    assert enabled(pi) == "enabled"
    # There is no camera, and systemd tries again and again.
    assert pi.show("ActiveState") in {"activating", "deactivating"}
    assert (
        pi.machine.run("stat -c '%A %G' /etc/fer-edge/config.toml").stdout
        == "-rw-r----- fer-edge\n"
    )
    pi.fresh(camera.url, None)
    pi.start()
    waited(lambda: len(pi.rows()) >= 5, "rows")


def upgrade(pi: Pi) -> None:
    process, before = pi.pid(), pi.rows()
    mine = pi.folder("/etc/fer-edge/config.toml").read_text()
    pi.machine.run(f"{APT} install /srv/next/fer-edge_*.deb")
    pi.ready(process)
    waited(lambda: len(pi.rows()) > len(before) + 5, "more rows")
    assert pi.rows()[: len(before)] == before
    assert pi.folder("/etc/fer-edge/config.toml").read_text() == mine
    new = pi.folder("/etc/fer-edge/config.toml.new").read_text()
    assert new.endswith("# something new\n")
    process = pi.pid()  # an upgrade that fails leaves it running
    pi.machine.run("touch /opt/fer-edge/pyvenv.cfg")
    failed = pi.machine.run(f"{APT} --reinstall install /srv/next/fer-edge_*.deb", check=False)
    assert "first: sudo systemd/install.sh --uninstall (configuration and diary stay)" in (
        failed.stdout + failed.stderr
    )
    pi.machine.run("rm /opt/fer-edge/pyvenv.cfg")
    assert state(pi) == "installed"
    pi.ready(process)
    pi.machine.run("systemctl disable --now fer-edge")  # and what was stopped stays so
    pi.machine.run(f"{APT} --reinstall install /srv/next/fer-edge_*.deb")
    assert (enabled(pi), pi.show("ActiveState")) == ("disabled", "inactive")
    refused = pi.machine.run(f"{CHECKOUT}/systemd/install.sh", check=False)
    assert refused.stderr.startswith("install.sh: the package fer-edge is installed here; ")
    pi.machine.run("systemctl enable --now fer-edge")


def mask(pi: Pi) -> None:
    """A unit that is masked does not leave the package half-configured."""
    pi.machine.run(f"{APT} remove fer-edge && systemctl mask fer-edge")
    pi.machine.run(f"{APT} install /srv/next/fer-edge_*.deb")
    assert (state(pi), pi.show("ActiveState")) == ("installed", "inactive")
    pi.machine.run("systemctl unmask fer-edge && systemctl enable --now fer-edge")


def change_over(pi: Pi, camera: Stream) -> None:
    """From the package to the installer and back; the purge of the one leaves the other alone."""
    installer = f"{CHECKOUT}/systemd/install.sh"
    pi.machine.run(f"{APT} remove fer-edge")
    pi.configure(camera.url, None)
    assert pi.install().endswith("(its settings: /etc/fer-edge/config.toml)\n")
    refused = pi.machine.run(f"{APT} install /srv/deb/fer-edge_*.deb", check=False)
    assert refused.returncode
    assert "first: sudo systemd/install.sh --uninstall" in refused.stdout + refused.stderr
    assert state(pi) in {"config-files", "not-installed"}
    pi.machine.run("dpkg --purge fer-edge")
    assert pi.machine.run("/usr/local/bin/fer-edge --version; id fer-edge").stdout
    assert pi.rows(), "the diary is the user's"
    pi.machine.run(f"{installer} --uninstall")
    pi.machine.run(f"{APT} install /srv/deb/fer-edge_*.deb")
    assert state(pi) == "installed"
    assert camera.url in pi.folder("/etc/fer-edge/config.toml").read_text()


def remove_and_return(pi: Pi) -> None:
    """A removed package comes back as it was: the configuration, and whether it starts."""
    for wanted, found in (("enabled", "active"), ("disabled", "inactive")):
        pi.machine.run(f"systemctl {wanted.removesuffix('d')} fer-edge")
        pi.machine.run(f"{APT} remove fer-edge")
        assert state(pi) == "config-files"
        pi.machine.run(f"{APT} install /srv/next/fer-edge_*.deb")
        if found == "active":
            pi.ready()
        assert (enabled(pi), pi.show("ActiveState")) == (wanted, found)


def remove_and_purge(pi: Pi) -> None:
    pi.machine.run(f"{APT} remove fer-edge")
    assert pi.machine.run("systemctl is-active fer-edge", check=False).stdout != "active\n"
    assert pi.rows(), "the diary is the user's"
    assert state(pi) == "config-files"
    pi.machine.run(f"{APT} purge fer-edge")
    left = f"ls -d /etc/fer-edge /opt/fer-edge {LOGS} {STATE} /etc/systemd/system/*/fer-edge*"
    assert pi.machine.run(left, check=False).stdout == ""
    assert pi.machine.run("getent passwd fer-edge", check=False).stdout == ""
    assert state(pi) == ""
