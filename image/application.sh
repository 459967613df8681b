#!/bin/bash
# application.sh DEST: below DEST, Node.js in node/ and the driver in application/, each as a tree of
# the image. Run after `npm ci` and `npm run build`. Needs no root.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
dest=${1:?usage: application.sh DEST}
[ -e "$root/dist/bin/ldom-csi.js" ] || { echo 'application.sh: dist/ is missing: npm run build' >&2; exit 1; }
mkdir -p "$dest"/node/usr/bin "$dest"/application/{opt/ldom-csi,usr/bin,usr/share/doc/ldom-csi}

cp --dereference "$root/node_modules/node/bin/node" "$dest/node/usr/bin/node"

home=$dest/application/opt/ldom-csi
cp -r "$root/dist" "$root/package.json" "$root/package-lock.json" "$home/"
cp "$root/LICENSE" "$dest/application/usr/share/doc/ldom-csi/"
# The packages at the versions of the lock file; none of their scripts is run.
(cd "$home" && npm ci --omit=dev --ignore-scripts --no-audit --no-fund --loglevel=error)
# What only compilers, debuggers and developers read.
find "$home/node_modules" -type f \( -name '*.map' -o -name '*.ts' -o -name '*.cts' -o -name '*.mts' \) -delete
find "$home/node_modules" -type d \( -path '*/node_modules/*/test' -o -path '*/node_modules/*/tests' -o \
  -path '*/node_modules/*/docs' -o -path '*/node_modules/*/examples' -o -path '*/node_modules/*/benchmarks' \) \
  -not -path '*/dist/*' -not -path '*/lib/*' -not -path '*/build/*' -prune -exec rm -rf {} +
rm -rf "$home/package-lock.json" "$home/node_modules/.bin" "$home/node_modules/.package-lock.json"
chmod +x "$home/dist/bin/ldom-csi.js"
ln -s /opt/ldom-csi/dist/bin/ldom-csi.js "$dest/application/usr/bin/ldom-csi"
