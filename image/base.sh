#!/bin/bash
# base.sh DEST: the programs of programs.txt from Debian packages, with the libraries that they need,
# below DEST; and DEST.packages, the packages that they came from ("name version architecture").
# Runs no script of a package and needs no root. Needs a Debian with package lists (apt-get update).
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
dest=${1:?usage: base.sh DEST}
for program in apt-get dpkg-deb tar; do
  command -v "$program" >/dev/null || { echo "base.sh: $program is missing" >&2; exit 1; }
done
[ ! -e "$dest" ] || { echo "base.sh: $dest exists already" >&2; exit 1; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

### The packages and all that they depend on, as apt resolves them on a system that has none.
mkdir -p "$work/archives/partial" "$work/unpacked/usr"
: >"$work/status"
list() { grep -v '^\(#\|$\)' "$here/programs.txt"; }
apt-get --yes --quiet --download-only --no-install-recommends \
  -o "Dir::State::status=$work/status" -o "Dir::Cache::archives=$work/archives" \
  -o Debug::NoLocking=true -o APT::Sandbox::User= \
  install $(list | awk '{ print $2 }' | sort -u) >"$work/apt.log" ||
  { cat "$work/apt.log" >&2; echo "base.sh: apt-get failed; are the package lists there (apt-get update)?" >&2; exit 1; }

# One tree with merged directories: /bin, /lib and /sbin are links into /usr.
for directory in bin sbin lib lib32 lib64 libx32; do
  mkdir "$work/unpacked/usr/$directory"
  ln -s "usr/$directory" "$work/unpacked/$directory"
done
for package in "$work"/archives/*.deb; do
  name=$(dpkg-deb --field "$package" Package)
  dpkg-deb --fsys-tarfile "$package" >"$work/files.tar"
  tar --extract --keep-directory-symlink --no-same-owner --file "$work/files.tar" --directory "$work/unpacked"
  # "./bin/ls" and "./usr/bin/ls" are one file.
  tar --list --file "$work/files.tar" | sed -e 's#^\.##' -e 's#^/\(bin\|sbin\|lib\|lib32\|lib64\|libx32\)/#/usr/\1/#' |
    awk -v name="$name" '{ print name "\t" $0 }' >>"$work/owners"
  dpkg-deb --show --showformat '${Package} ${Version} ${Architecture}\n' "$package" >>"$work/versions"
done

### What the list names, what that links to, and the libraries that it loads.
loader=$(find "$work/unpacked/usr/" -name 'ld-linux*.so.*' | head -1)
libraries=$(find "$work/unpacked/usr/lib" -maxdepth 1 -name '*-linux-gnu*' | head -1)
[ -n "$loader" ] && [ -n "$libraries" ] || { echo "base.sh: no C library among the packages" >&2; exit 1; }
take() { # PATH in the unpacked tree, merged: notes it and what it links to
  local path=$1 target
  [ -e "$work/unpacked$path" ] || [ -L "$work/unpacked$path" ] ||
    { echo "base.sh: no package brought $path" >&2; exit 1; }
  grep -qxF "$path" "$work/taken" && return
  echo "$path" >>"$work/taken"
  if [ -L "$work/unpacked$path" ]; then
    target=$(readlink "$work/unpacked$path")
    [ "${target:0:1}" = / ] || target=$(realpath --canonicalize-missing --no-symlinks "${path%/*}/$target")
    take "$(merged "$target")"
  fi
}
merged() { sed 's#^/\(bin\|sbin\|lib\|lib32\|lib64\|libx32\)/#/usr/\1/#' <<<"$1"; }
: >"$work/taken"
list | while read -r path _; do
  matches=$(cd "$work/unpacked" && compgen -G ".$(merged "$path")") ||
    { echo "base.sh: no package brought $path" >&2; exit 1; }
  while read -r match; do take "${match#.}"; done <<<"$matches"
done
# Programs name the loader by its path in /lib64, a link on most architectures.
while read -r name; do take "${name#"$work/unpacked"}"; done < <(
  find "$work/unpacked/usr/lib" "$work/unpacked/usr/lib64" -name 'ld-linux*.so.*'
)
while read -r path; do
  [ "$(head -c 4 "$work/unpacked$path" | tail -c 3)" = ELF ] || continue
  case $path in */ld-linux*) continue ;; esac
  loaded=$("$loader" --library-path "$libraries" --list "$work/unpacked$path") ||
    { echo "base.sh: cannot list the libraries of $path: $loaded" >&2; exit 1; }
  grep -o "$work/unpacked/[^ ]*" <<<"$loaded" | while read -r library; do
    take "$(merged "${library#"$work/unpacked"}")"
  done
done < <(cat "$work/taken")

### The tree. No program keeps a set-user-id bit: the node plugin runs as root, the controller needs none.
mkdir -p "$dest"/{etc,tmp,run,var/lib,proc,sys,dev,root,opt,usr/share/doc}
chmod 1777 "$dest/tmp"
for directory in bin sbin lib lib64; do
  mkdir "$dest/usr/$directory"
  ln -s "usr/$directory" "$dest/$directory"
done
tar --create --directory "$work/unpacked" --no-recursion --files-from <(sed 's#^/#./#' "$work/taken" | sort -u) |
  tar --extract --directory "$dest"
find "$dest" -type f -perm /6000 -exec chmod u-s,g-s {} +
printf '%s\n' 'root:x:0:0:root:/root:/bin/sh' 'nonroot:x:65532:65532:nonroot:/tmp:/bin/sh' >"$dest/etc/passwd"
printf '%s\n' 'root:x:0:' 'nonroot:x:65532:' >"$dest/etc/group"
echo 'hosts: files dns' >"$dest/etc/nsswitch.conf"
ln -s /proc/self/mounts "$dest/etc/mtab"

### Whose files these are: their licences, and the list for the bill of materials.
awk -F '\t' 'NR == FNR { taken[$1] = 1; next } $2 in taken { print $1 }' "$work/taken" "$work/owners" | sort -u |
  while read -r name; do
    awk -v name="$name" '$1 == name' "$work/versions"
    if [ -e "$work/unpacked/usr/share/doc/$name/copyright" ]; then
      mkdir -p "$dest/usr/share/doc/$name"
      cp --dereference "$work/unpacked/usr/share/doc/$name/copyright" "$dest/usr/share/doc/$name/"
    fi
  done >"$dest.packages"
