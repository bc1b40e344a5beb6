#!/usr/bin/env bash
# Builds fer-edge_VERSION_ARCHITECTURE.deb from this checkout, for the release and processor that it
# runs on. Everything that the program needs is in it: installing it needs no network.
set -euo pipefail

USAGE="usage: systemd/build-deb.sh [DIRECTORY]
  DIRECTORY     where to write the package; the current directory by default
Needs python3-venv, the network, and 700 MB in the temporary directory."

die() {
  echo "build-deb.sh: $*" >&2
  exit 1
}
case ${1-} in
  -h | --help) echo "$USAGE"; exit 0 ;;
  -*) echo "$USAGE" >&2; exit 2 ;;
esac
[ $# -le 1 ] || { echo "$USAGE" >&2; exit 2; }
[ -d "${1:-.}" ] || die "$1: not a directory"

SOURCE=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
OUT=$(realpath "${1:-.}")
LIBRARY=/opt/fer-edge/lib
SCRATCH=$(mktemp -d)
trap 'rm -rf "$SCRATCH"' EXIT
TREE=$SCRATCH/tree

command -v dpkg-deb >/dev/null || die "needs Raspberry Pi OS or Debian"
# The system's own: what is built for another Python would not be found.
PYTHON=/usr/bin/python3
"$PYTHON" -c 'import ensurepip' 2>/dev/null || die "python3-venv is missing: sudo apt install python3-venv"
VERSION=$(sed -n 's/^__version__ = "\(.*\)"$/\1/p' "$SOURCE/edge/__init__.py")
[ -n "$VERSION" ] || die "no version in edge/__init__.py"
MINOR=$("$PYTHON" -c 'import sys; print(sys.version_info[1])')
RELEASE=$(sed -n 's/^VERSION_ID="*\([0-9]*\).*/\1/p' /etc/os-release)
[ -n "$RELEASE" ] || die "needs a release of Debian or Raspberry Pi OS, not a rolling one"
ARCHITECTURE=$(dpkg --print-architecture)

install -d "$TREE"{"$LIBRARY",/opt/fer-edge/bin,/usr/bin,/usr/lib/systemd/system,/usr/share/fer-edge,/DEBIAN}
# From a copy: building would leave files in the checkout.
mkdir "$SCRATCH/source"
cp -r "$SOURCE"/{pyproject.toml,README.md,LICENSE,edge,convert} "$SCRATCH/source"
"$PYTHON" -m venv "$SCRATCH/venv"
"$SCRATCH/venv/bin/pip" --disable-pip-version-check install --quiet --no-compile --target "$TREE$LIBRARY" \
  "$SCRATCH/source" || die "pip failed; is the network there?"
rm -rf "${TREE:?}$LIBRARY/bin"
# The service may not write there; unchecked, as dpkg sets the files' times.
"$PYTHON" -m compileall -q --invalidation-mode unchecked-hash -s "$TREE" "$TREE$LIBRARY" || die "compiling failed"
chmod -R u=rwX,go=rX "$TREE"

cat >"$TREE/opt/fer-edge/bin/fer-edge" <<EOF
#!$PYTHON -I
# -I: nothing of the caller's; apt's picamera2 is found, what is in $LIBRARY comes before it.
import sys

sys.path.insert(0, "$LIBRARY")
from edge.__main__ import main

sys.exit(main())
EOF
chmod 755 "$TREE/opt/fer-edge/bin/fer-edge"
ln -s /opt/fer-edge/bin/fer-edge "$TREE/usr/bin/fer-edge"
install -m 644 "$SOURCE"/systemd/*.{service,timer} "$TREE/usr/lib/systemd/system/"
# Not a conffile: about those dpkg asks, and without a terminal it leaves the package half-configured.
install -m 644 "$SOURCE/config.toml" "$TREE/usr/share/fer-edge/"

for script in preinst postinst prerm postrm; do
  install -m 755 "$SOURCE/systemd/debian/$script" "$TREE/DEBIAN/"
done
cat >"$TREE/DEBIAN/control" <<EOF
Package: fer-edge
Version: $VERSION+deb$RELEASE
Architecture: $ARCHITECTURE
Maintainer: FER Edge
Installed-Size: $(du -sk "$TREE" | cut -f1)
Depends: python3 (>= 3.$MINOR), python3 (<< 3.$((MINOR + 1))), passwd, systemd
Recommends: python3-picamera2
Section: net
Priority: optional
Description: Facial expression recognition on a Raspberry Pi
 Watches a face, keeps a diary of its expressions on the device, and tells the
 smart home over MQTT when they have been negative for too long. No picture is
 ever stored or sent.
EOF
FILE=$OUT/fer-edge_$VERSION+deb${RELEASE}_$ARCHITECTURE.deb
dpkg-deb --root-owner-group -Zzstd -z5 --build "$TREE" "$FILE" >/dev/null
echo "$FILE"
