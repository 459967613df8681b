# Parts of the scripts that build machines for QEMU out of packages of Debian 12; they source this
# file. The packages are only unpacked, into `$root`: nothing of a machine is installed here.
#
# The script has set `machine`, its word in messages. `work` is a directory that goes with it.
# shellcheck shell=bash
set -euo pipefail
umask 022
export LC_ALL=C DEBIAN_FRONTEND=noninteractive

# Without perl, configure fails far from the cause: its look at the kernel's enums is in perl.
tools='gcc make libc6-dev libelf1 kmod perl file cpio xz-utils'

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/root
mkdir -p "$root" "$work"/{packages,kernel}

say() { printf '%s: [%4d s] %s\n' "$machine" "$SECONDS" "$*" >&2; }

install_tools() {
  local tool missing=()
  for tool in $tools; do
    [ "$(dpkg-query -W -f='${Status}' "$tool" 2>/dev/null)" = 'install ok installed' ] ||
      missing+=("$tool")
  done
  [ ${#missing[@]} -eq 0 ] && return
  say "installs ${missing[*]}"
  apt-get -qq update
  apt-get -qq install -y --no-install-recommends "${missing[@]}" >/dev/null
}

# prepare_apt SUITE: an apt of its own, because OpenZFS stands in `contrib`. It knows of no installed
# package, so that it resolves everything that the machine needs. OpenZFS comes from SUITE.
prepare_apt() {
  local suite=$1 sources=/etc/apt/sources.list.d/debian.sources
  mkdir -p "$work"/apt/{sources.list.d,lists/partial,cache/archives/partial}
  sed -E 's/^Components:.*/Components: main contrib/' "$sources" \
    > "$work/apt/sources.list.d/a.sources"
  [ "$suite" = bookworm ] ||
    sed -i -E "s/^(Suites: bookworm .*)/\1 $suite/" "$work/apt/sources.list.d/a.sources"
  : > "$work/apt/status"
  printf 'Package: src:zfs-linux\nPin: release n=%s\nPin-Priority: 990\n' "$suite" \
    > "$work/apt/preferences"
  apt=(-qq -o Dir::Etc::sourcelist=/dev/null -o Dir::Etc::sourceparts="$work/apt/sources.list.d"
    -o Dir::Etc::preferences="$work/apt/preferences" -o Dir::State::lists="$work/apt/lists"
    -o Dir::State::status="$work/apt/status" -o Dir::Cache="$work/apt/cache"
    -o APT::Sandbox::User=root -o Debug::NoLocking=1 -o APT::Install-Recommends=0)
  say 'reads the package lists'
  apt-get "${apt[@]}" update
}

# kernel_of KIND: the version of the newest kernel of that kind (amd64, cloud-amd64).
kernel_of() {
  apt-cache "${apt[@]}" show --no-all-versions "linux-image-$1" |
    sed -n 's/^Depends: linux-image-\([^ ,]*\).*/\1/p'
}

# common_of KERNEL: the version of the headers that it has in common with other kinds.
common_of() { printf '%s-common' "$(printf '%s' "$1" | sed -E 's/(-cloud)?-amd64$//')"; }

# download PACKAGE...: with everything that they need.
download() {
  apt-get "${apt[@]}" -y --download-only install "$@" >/dev/null
  mv "$work"/apt/cache/archives/*.deb "$work/packages/"
}

# download_kernel KERNEL [PACKAGE...]: with headers and the sources of OpenZFS; the packages alone.
download_kernel() {
  local kernel=$1 common
  common=$(common_of "$kernel")
  shift
  (
    cd "$work/kernel"
    apt-get "${apt[@]}" download "linux-image-$kernel" "linux-headers-$kernel" \
      "linux-headers-$common" "linux-kbuild-${kernel%%.0-*}" zfs-dkms "$@" >/dev/null
  )
}

unpack() {
  local name package
  say 'unpacks them'
  mkdir -p "$root"/usr/{bin,sbin,lib,lib64}
  for name in bin sbin lib lib64; do ln -s "usr/$name" "$root/$name"; done
  for package in "$work"/packages/*.deb "$work"/kernel/*.deb; do
    dpkg-deb --fsys-tarfile "$package" | tar -x --keep-directory-symlink -C "$root" \
      --exclude='./usr/share/doc*' --exclude='./usr/share/man*' --exclude='./usr/share/locale*'
  done
}

openzfs_version() { dpkg-deb -f "$work"/kernel/zfs-dkms_*.deb Version; }

# add_openzfs KERNEL KEPT: its modules for the kernel, compiled unless the directory KEPT has them.
add_openzfs() {
  local kernel=$1 kept=$2 version archive
  version=$(openzfs_version)
  archive=$kept/$kernel-zfs-${version//[^a-zA-Z0-9.+-]/_}.tar.gz
  [ -s "$archive" ] || (compile_openzfs "$kernel" "$version" "$archive")
  mkdir -p "$root/lib/modules/$kernel/extra"
  tar -C "$root/lib/modules/$kernel/extra" -xzf "$archive"
  depmod -b "$root" "$kernel" 2>/dev/null
}

compile_openzfs() {
  local kernel=$1 version=$2 archive=$3 log=$work/log headers common module
  headers=$root/usr/src/linux-headers-$kernel
  common=$(common_of "$kernel")
  # The headers' makefiles name their installed place.
  grep -rlI '/usr/src/linux-headers' "$headers" --include=Makefile --include=.kernelvariables |
    xargs -r sed -i "s#/usr/src/linux-headers#$root/usr/src/linux-headers#g"
  cd "$root"/usr/src/zfs-*
  say "configures OpenZFS $version"
  ./configure --with-config=kernel --with-linux="$root/usr/src/linux-headers-$common" \
    --with-linux-obj="$headers" >"$log" 2>&1 || { tail -n 30 "$log" >&2; exit 1; }
  say "compiles it on $(nproc) processors"
  make -j"$(nproc)" >"$log" 2>&1 || { tail -n 30 "$log" >&2; exit 1; }
  mkdir stripped
  find module -name '*.ko' | while read -r module; do
    strip --strip-debug -o "stripped/${module##*/}" "$module"
  done
  tar -C stripped -czf "$archive.$$" .
  mv "$archive.$$" "$archive"
}

# The file system of a machine is assembled in `$tree`.

# put FILE...: out of the packages, to the same place.
put() {
  local file
  for file; do
    [ -e "$root$file" ] || { echo "$machine: no $file in the packages" >&2; exit 1; }
    mkdir -p "$tree${file%/*}"
    [ -e "$tree$file" ] || cp -aL "$root$file" "$tree$file"
  done
}

# put_programs PROGRAM...: with the libraries that they load.
put_programs() {
  local program
  for program; do
    put "$program"
    # shellcheck disable=SC2046
    put $(chroot "$root" /lib64/ld-linux-x86-64.so.2 --list "$program" 2>/dev/null |
      grep -oE '/[^ ]+\.so[^ ]*' || true)
  done
  put /lib64/ld-linux-x86-64.so.2
}

# put_drivers KERNEL MODULE...: with the modules that they need.
put_drivers() {
  local kernel=$1 driver
  shift
  for driver; do modprobe -d "$root" -S "$kernel" --show-depends "$driver"; done |
    sed -n 's/^insmod //p' | awk '{ print $1 }' | sort -u | sed "s#^$root##" > "$work/drivers"
  # shellcheck disable=SC2046
  put $(cat "$work/drivers")
  cp -a "$root/lib/modules/$kernel"/modules.{order,builtin} "$tree/lib/modules/$kernel/"
  depmod -b "$tree" "$kernel" 2>/dev/null
}

# start_tree: an empty file system, with the directories that every machine has.
start_tree() {
  local name
  mkdir -p "$tree"/{proc,sys,dev,run,tmp,root,etc/ssh,var/empty,var/log} \
    "$tree"/usr/{bin,sbin,lib/systemd,lib64}
  for name in bin sbin lib lib64; do ln -s "usr/$name" "$tree/$name"; done
  ln -s /bin/udevadm "$tree/lib/systemd/systemd-udevd"
}

# finish_tree FILES [GROUP...]: busybox for every program that is not there, the files that all
# machines have, and those of the directory FILES. A group is NAME:NUMBER; udev asks for those that
# its rules name.
finish_tree() {
  local files=$1 name group
  shift
  install -m 755 "$root/bin/busybox" "$tree/bin/busybox"
  for name in $("$root/bin/busybox" --list); do
    [ -e "$tree/bin/$name" ] || [ -e "$tree/sbin/$name" ] || ln -s /bin/busybox "$tree/bin/$name"
  done
  ln -s bin/busybox "$tree/init"
  ln -s /proc/mounts "$tree/etc/mtab"
  cp -a "$(dirname "$(realpath "${BASH_SOURCE[0]}")")/files/." "$files/." "$tree/"
  chmod 755 "$tree"/etc/{own-sshd,driver-sshd,kill-driver-sshd}
  for group in root:0 tty:5 disk:6 lp:7 kmem:15 dialout:20 cdrom:24 tape:26 audio:29 video:44 \
    input:102 kvm:103 render:104 sgx:105 nogroup:65534 "$@"; do
    echo "${group%:*}:x:${group#*:}:"
  done > "$tree/etc/group"
}

# pack FILE: the tree as the initial file system of a kernel.
pack() {
  (cd "$tree" && find . -print0 | sort -z | cpio -0 -o -H newc --quiet -R 0:0) > "$1.$$"
  mv "$1.$$" "$1"
}
