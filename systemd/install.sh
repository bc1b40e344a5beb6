#!/usr/bin/env bash
# Installs FER Edge from this checkout as a service, or upgrades an installation.
# Raspberry Pi OS or Debian, Bookworm and Trixie. Running it again does no harm.
set -euo pipefail
umask 022 # root's own may be stricter, and the service's user must be able to run the program

USAGE="usage: sudo systemd/install.sh [-n] [--uninstall | --purge]
  -n            print what would be done, do nothing
  --uninstall   remove program and service; keep configuration, diary, waiting alerts and user
  --purge       remove those too
Exit status: 0 done; 1 failed; 2 wrong usage; 3 installed, but 'fer-edge check' found a problem."

SOURCE=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
PREFIX=/opt/fer-edge
LINK=/usr/local/bin/fer-edge
CONFIG=/etc/fer-edge
STATE=/var/lib/fer-edge
LOGS=/var/log/fer-edge
UNITS=/etc/systemd/system
UNIT=$UNITS/fer-edge.service
REPORT=(fer-edge-report.service fer-edge-report.timer) # opt-in: docs/report.md
SERVICE_USER=fer-edge
NEEDED_MB=500 # 348 MB installed, and the downloads while installing
LOG=/run/fer-edge-install.log # in memory: a full disk must not swallow why

dry=
say() { echo "install.sh: $*"; }
die() {
  echo "install.sh: $*" >&2
  exit 1
}
run() {
  if [ -n "$dry" ]; then echo "  $*"; else "$@"; fi
}
try() { # WHAT COMMAND...: shows which package the command is at, and when it fails, why
  local what=$1
  shift
  if [ -n "$dry" ]; then
    run "$@"
    return
  fi
  "$@" </dev/null 2>&1 | tee "$LOG" | progress || die "$what (whole output: $LOG): $(reason "$LOG")"
}
progress() {
  sed -unE 's/^ *((Collecting|Unpacking|Setting up|Building wheel for) [^ ]+|Installing collected packages).*/  \1/p'
}
reason() { # LOG: the line that tells the cause, which is not pip's last one
  local network='Temporary failure [a-z ]+|Network is unreachable|Connection (refused|timed out)|Name or service not known'
  local errors='^ *(E|ERROR):' hint=
  if grep -q 'No space left on device' "$1"; then
    echo "No space left on device; $NEEDED_MB MB are needed"
    return
  fi
  if grep -qE "$network|Could not find a version|Failed to fetch" "$1"; then hint="; is the network there?"; fi
  { grep -Eo "$network" "$1" || grep -E "$errors" "$1" || tail -n 1 "$1"; } | sed -E "1!d; s/^ +//; s/\$/$hint/"
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
  no_package
  [ -z "$dry" ] || say "what would be done:"
  "$action"
}

no_package() {
  case $(dpkg-query -W -f '${db:Status-Status}' fer-edge 2>/dev/null) in
    '' | not-installed | config-files) ;; # removed: its configuration and diary are taken over
    *) die "the package fer-edge is installed here; upgrade it with apt, or first: sudo apt remove fer-edge (configuration and diary stay)" ;;
  esac
}

set_up() {
  need_system
  need_space
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

need_space() {
  local place=${PREFIX%/*} free_mb
  if [ -e "$PREFIX/pyvenv.cfg" ]; then return; fi # what is there already is not downloaded again
  [ -d "$place" ] || place=/ # dpkg removes an empty /opt
  free_mb=$(df --output=avail -m "$place" | tail -n 1 | tr -d ' ')
  [ "$free_mb" -ge "$NEEDED_MB" ] || die "needs $NEEDED_MB MB free in $place; there are $free_mb"
}

need_packages() {
  python3 -c 'import ensurepip' 2>/dev/null || apt_install python3-venv
  # Only where there is a camera stack: the kernel's part, and a package that apt knows.
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
    say "$PREFIX: upgrading; this takes a minute or more"
  else
    say "$PREFIX: installing the program and its libraries; this takes a minute or more"
    try "cannot create $PREFIX" python3 -m venv --clear --system-site-packages "$PREFIX"
  fi
  # From a copy: building would leave files of root's in the checkout.
  try "cannot copy the program" cp -r "$SOURCE"/{pyproject.toml,README.md,LICENSE,edge,convert} "$SCRATCH"
  try "pip failed" "$PREFIX/bin/pip" --disable-pip-version-check install --progress-bar off "$SCRATCH"
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
    say "$CONFIG/config.toml: kept; this version's defaults are in $CONFIG/$name"
  fi
  # An address of a camera in it may hold a password.
  run install -m 0640 -g "$SERVICE_USER" "$SOURCE/config.toml" "$CONFIG/$name"
}

make_unit() {
  run install -m 0644 "$SOURCE/systemd/fer-edge.service" "$UNIT"
  run install -m 0644 -t "$UNITS" "${REPORT[@]/#/$SOURCE/systemd/}"
  if booted; then run systemctl daemon-reload; fi
  run systemctl --quiet enable fer-edge.service
}

try_and_start() {
  local was_running='' ready=yes
  if booted && systemctl --quiet is-active fer-edge.service; then
    was_running=yes
    run systemctl stop fer-edge.service # it holds the camera
  fi
  say "fer-edge check"
  [ -n "$dry" ] || check || ready=
  if [ -n "$was_running" ]; then run systemctl start --no-block fer-edge.service; fi
  if [ -n "$dry" ]; then
    say "nothing was done"
  elif [ -z "$ready" ]; then
    say "installed, but not ready: fix what FAIL names above, mostly in $CONFIG/config.toml; then:" \
      "sudo systemctl ${was_running:+re}start fer-edge"
    exit 3
  elif [ -n "$was_running" ]; then
    say "done; the service is running again"
  else
    say "done; to start it: sudo systemctl start fer-edge (its settings: $CONFIG/config.toml)"
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

remove_program() {
  if booted; then run systemctl --quiet stop fer-edge.service "${REPORT[@]}" 2>/dev/null || true; fi
  if [ -e "$UNIT" ]; then run systemctl --quiet disable fer-edge.service; fi
  if [ -e "$UNITS/${REPORT[1]}" ]; then run systemctl --quiet disable "${REPORT[1]}"; fi
  run rm -rf "$UNIT" "${REPORT[@]/#/$UNITS/}" "$PREFIX" "$LINK"
  if booted; then
    run systemctl daemon-reload
    run systemctl reset-failed fer-edge.service 2>/dev/null || true
  fi
}

uninstall() {
  remove_program
  removed "program and service removed; kept: $CONFIG, the diary in $LOGS, waiting alerts in $STATE, user $SERVICE_USER" \
    "(--purge removes them too)"
}

purge() {
  remove_program
  run rm -rf "$CONFIG" "$STATE" "$LOGS" "$UNIT.d"
  if getent passwd "$SERVICE_USER" >/dev/null; then run userdel "$SERVICE_USER"; fi
  removed "program, service, configuration, diary, waiting alerts and user removed"
}

removed() { # WHAT...
  if [ -n "$dry" ]; then say "nothing was done"; else say "$*"; fi
}

SCRATCH=$(mktemp -d)
trap 'rm -rf "$SCRATCH"' EXIT
main "$@"
