#!/usr/bin/env bash
# Installs FER Edge from this checkout as a service, or brings an installation up to date.
# Raspberry Pi OS or Debian, Bookworm and Trixie. Run it again whenever you like.
set -euo pipefail
umask 022 # root's own may be stricter, and the service's user must run what is made here

USAGE="usage: sudo systemd/install.sh [-n] [--uninstall | --purge]
  -n            print what would be done, do nothing
  --uninstall   remove program and service; keep configuration, diary and user
  --purge       remove those too"

SOURCE=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
PREFIX=/opt/fer-edge
LINK=/usr/local/bin/fer-edge
CONFIG=/etc/fer-edge
STATE=/var/lib/fer-edge
LOGS=/var/log/fer-edge
UNIT=/etc/systemd/system/fer-edge.service
SERVICE_USER=fer-edge

dry=
say() { echo "install.sh: $*"; }
die() {
  echo "install.sh: $*" >&2
  exit 1
}
run() {
  if [ -n "$dry" ]; then echo "  $*"; else "$@"; fi
}
try() { # WHAT COMMAND...: what the command says is only told, its last line, when it fails
  local what=$1
  shift
  run "$@" </dev/null >"$SCRATCH/log" 2>&1 || die "$what: $(grep -E '^(E|ERROR):' "$SCRATCH/log" | tail -n 1 ||
    tail -n 1 "$SCRATCH/log"); is the network there?"
  if [ -n "$dry" ]; then cat "$SCRATCH/log"; fi
}
booted() { [ -d /run/systemd/system ]; }

main() {
  local action=set_up
  while [ $# -gt 0 ]; do
    case $1 in
      -n | --dry-run) dry=yes ;;
      --uninstall) action=uninstall ;;
      --purge) action=purge ;;
      -h | --help) echo "$USAGE"; exit 0 ;;
      *) echo "$USAGE" >&2; exit 2 ;;
    esac
    shift
  done
  [ -n "$dry" ] || [ "$(id -u)" -eq 0 ] || die "must be root: sudo $0"
  if [ "$(dpkg-query -W -f '${db:Status-Status}' fer-edge 2>/dev/null)" = installed ]; then
    die "the package fer-edge is installed here; use apt, or 'apt remove fer-edge' first"
  fi
  "$action"
}

set_up() {
  need_system
  need_packages
  make_user
  make_program
  make_directories
  make_config
  make_unit
  try_and_start
}

need_system() {
  if ! command -v apt-get >/dev/null || ! command -v systemctl >/dev/null; then
    die "needs Raspberry Pi OS or Debian with systemd"
  fi
  command -v python3 >/dev/null || apt_install python3
  [ -n "$dry" ] || python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    die "needs Python 3.11 or later (Bookworm, Trixie); this is $(python3 --version)"
}

need_packages() {
  python3 -c 'import ensurepip' 2>/dev/null || apt_install python3-venv
  # Only where there is a camera stack: the kernel's side, and a package that apt knows.
  if compgen -G '/dev/media*' >/dev/null && [ -n "$(apt-cache madison python3-picamera2 2>/dev/null)" ]; then
    dpkg-query -W python3-picamera2 >/dev/null 2>&1 || apt_install python3-picamera2
  fi
}

apt_install() {
  local quiet=(-qq -o DPkg::Lock::Timeout=120)
  say "apt-get install $1"
  # The lists of a fresh system may be missing or old.
  try "apt-get update failed" apt-get "${quiet[@]}" update
  try "cannot install $1" env DEBIAN_FRONTEND=noninteractive apt-get "${quiet[@]}" install -y --no-install-recommends "$1"
}

make_user() {
  local group
  getent passwd "$SERVICE_USER" >/dev/null || run useradd --system --user-group --no-create-home \
    --home-dir "$STATE" --shell /usr/sbin/nologin --comment "FER Edge" "$SERVICE_USER"
  for group in video render; do # the cameras, and where dma_heap is not video's
    if getent group "$group" >/dev/null; then run usermod -aG "$group" "$SERVICE_USER"; fi
  done
}

make_program() {
  local python="$PREFIX/bin/python3"
  # After an upgrade of the system its Python is another one, and nothing in the old place fits.
  if [ -x "$python" ] && [ "$("$python" -V 2>/dev/null)" = "$(python3 -V)" ]; then
    say "$PREFIX: brought up to date"
  else
    say "$PREFIX: made anew"
    try "cannot make $PREFIX" python3 -m venv --clear --system-site-packages "$PREFIX"
  fi
  # From a copy: building would leave files of root's in the checkout.
  run cp -r "$SOURCE"/{pyproject.toml,README.md,LICENSE,edge,convert} "$SCRATCH"
  try "pip failed" "$PREFIX/bin/pip" --disable-pip-version-check install --quiet "$SCRATCH"
  run ln -sfn "$PREFIX/bin/fer-edge" "$LINK"
}

make_directories() {
  run install -d -m 0755 "$CONFIG"
  run install -d -m 0750 -o "$SERVICE_USER" -g "$SERVICE_USER" "$LOGS"
  run install -d -m 0700 -o "$SERVICE_USER" -g "$SERVICE_USER" "$STATE"
}

make_config() {
  local name=config.toml
  if [ -e "$CONFIG/$name" ]; then
    if cmp -s "$SOURCE/$name" "$CONFIG/$name"; then return; fi
    name=config.toml.new
    say "$CONFIG/config.toml: kept; the defaults of this version are in $CONFIG/$name"
  fi
  # An address of a camera in it may hold a password.
  run install -m 0640 -g "$SERVICE_USER" "$SOURCE/config.toml" "$CONFIG/$name"
}

make_unit() {
  run install -m 0644 "$SOURCE/systemd/fer-edge.service" "$UNIT"
  if booted; then run systemctl daemon-reload; fi
  run systemctl --quiet enable fer-edge.service
}

try_and_start() {
  local was_running=
  if booted && systemctl --quiet is-active fer-edge.service; then
    was_running=yes
    run systemctl stop fer-edge.service # it holds the camera
  fi
  say "fer-edge check"
  run check || say "that is to be mended before it can run; then run this again"
  if [ -n "$dry" ]; then
    say "nothing was done"
  elif [ -n "$was_running" ]; then
    run systemctl start --no-block fer-edge.service
    say "done; the service runs again"
  else
    say "done; edit $CONFIG/config.toml, then: sudo systemctl start fer-edge"
  fi
}

check() { # as the service: all that its unit and drop-ins say, but for how it is kept running
  local service
  if booted; then
    mapfile -t service < <(systemctl cat fer-edge.service |
      sed -En '/^\[Service]/,/^\[[^S]/{ /^(Type|Exec|Restart|Watchdog|Timeout)/d; s/^[A-Z]/--property=&/p }')
    systemd-run --quiet --wait --pipe --collect "${service[@]}" "$PREFIX/bin/fer-edge" check
  else
    runuser -u "$SERVICE_USER" -- env LOGS_DIRECTORY="$LOGS" STATE_DIRECTORY="$STATE" "$PREFIX/bin/fer-edge" check
  fi
}

uninstall() {
  if booted; then run systemctl --quiet stop fer-edge.service 2>/dev/null || true; fi
  if [ -e "$UNIT" ]; then run systemctl --quiet disable fer-edge.service; fi
  run rm -rf "$UNIT" "$PREFIX" "$LINK"
  if booted; then
    run systemctl daemon-reload
    run systemctl reset-failed fer-edge.service 2>/dev/null || true
  fi
  say "removed"
}

purge() {
  uninstall
  run rm -rf "$CONFIG" "$STATE" "$LOGS" "$UNIT.d"
  if getent passwd "$SERVICE_USER" >/dev/null; then run userdel "$SERVICE_USER"; fi
  say "configuration, diary, waiting alerts and user removed"
}

SCRATCH=$(mktemp -d)
trap 'rm -rf "$SCRATCH"' EXIT
main "$@"
