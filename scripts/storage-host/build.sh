#!/bin/bash
# build.sh OUTPUT MODULES SUITE
#
# Builds the storage host of the tests, a machine for QEMU with the real OpenZFS:
#   OUTPUT/vmlinuz     Debian's own cloud kernel
#   OUTPUT/initrd      busybox, udev, OpenZFS, OpenSSH and nbdkit, all from packages of Debian 12
#   OUTPUT/versions    one line for people; written last
# MODULES keeps the compiled kernel modules: they change with kernel and OpenZFS only.
# SUITE is where OpenZFS comes from: bookworm (2.1) or bookworm-backports (2.3).
#
# Needs root on Debian 12, and the mirror that its own apt uses. `storage-host.ts` calls this script.
machine='storage host'
here=$(dirname "$(realpath "$0")")
# shellcheck source=../debian-machine/parts.sh
. "$here/../debian-machine/parts.sh"
output=$(realpath -m "$1")
modules=$(realpath -m "$2")
suite=$3
tree=$work/guest

packages='busybox-static zfsutils-linux udev openssh-server nbdkit'
programs='/sbin/zpool /sbin/zfs /sbin/zdb /sbin/mount.zfs /bin/udevadm /lib/udev/zvol_id
  /usr/sbin/sshd /usr/lib/openssh/sftp-server /usr/bin/nbdkit
  /usr/lib/x86_64-linux-gnu/nbdkit/plugins/nbdkit-file-plugin.so
  /lib/x86_64-linux-gnu/libgcc_s.so.1'
files='/lib/udev/rules.d/50-udev-default.rules /lib/udev/rules.d/60-block.rules
  /lib/udev/rules.d/60-persistent-storage.rules /lib/udev/rules.d/60-zvol.rules
  /lib/udev/rules.d/90-zfs.rules /usr/share/zfs/compatibility.d'
drivers='virtio_pci virtio_blk virtio_net zfs'

mkdir -p "$output" "$modules"
install_tools
prepare_apt "$suite"
kernel=$(kernel_of cloud-amd64)
say "downloads kernel $kernel and the packages"
# shellcheck disable=SC2086
download $packages
download_kernel "$kernel"
unpack
add_openzfs "$kernel" "$modules"

say "assembles the machine's file system"
start_tree
mkdir -p "$tree"/{etc/zfs,home/csi}
# shellcheck disable=SC2086
put $files
# shellcheck disable=SC2086
put_programs $programs
# shellcheck disable=SC2086
put_drivers "$kernel" $drivers
finish_tree "$here/guest" csi:1000
chmod 755 "$tree"/etc/{start,nbd}
pack "$output/initrd"
cp "$root/boot/vmlinuz-$kernel" "$output/vmlinuz"
printf 'OpenZFS %s, Linux %s\n' "$(openzfs_version)" "$kernel" > "$output/versions.$$"
mv "$output/versions.$$" "$output/versions"
say "done: $(cat "$output/versions")"
