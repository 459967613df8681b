#!/bin/bash
# build.sh OUTPUT MODULES
#
# Builds the Xen machine of the tests, for plain emulation in QEMU:
#   OUTPUT/xen         the hypervisor of Debian 12
#   OUTPUT/vmlinuz     dom0's kernel: Debian's generic one, because the cloud kernel is no dom0
#   OUTPUT/initrd      dom0: xl, xenstore, hot-plug scripts, udev, OpenZFS and OpenSSH; with the
#                      guests' cloud kernel and initial file system in /guest
#   OUTPUT/versions    one line for people; written last
# MODULES keeps the compiled kernel modules: they change with kernel and OpenZFS only.
#
# Needs root on Debian 12, and the mirror that its own apt uses. `xen-host.ts` calls this script.
machine='Xen host'
here=$(dirname "$(realpath "$0")")
# shellcheck source=../debian-machine/parts.sh
. "$here/../debian-machine/parts.sh"
output=$(realpath -m "$1")
modules=$(realpath -m "$2")

packages='busybox-static bash bsdutils coreutils util-linux mount grep sed mawk findutils procps
  psmisc kmod udev iproute2 openssh-server e2fsprogs xfsprogs xen-utils-4.17 zfsutils-linux'
# What the driver calls is the real thing in every domain, not busybox.
common_programs='/bin/bash /bin/kmod /bin/udevadm /bin/mount /bin/umount /bin/findmnt /bin/lsblk
  /sbin/blkid /sbin/blockdev /sbin/wipefs /bin/grep /usr/bin/find /bin/ps /usr/bin/env /usr/bin/id
  /usr/bin/test /usr/bin/od /usr/bin/stat /bin/uname /bin/cat /bin/dd /bin/df /bin/ln /bin/ls
  /bin/mkdir /bin/readlink /bin/rm /bin/rmdir /bin/touch /bin/date /bin/fuser
  /sbin/mke2fs /sbin/e2fsck /sbin/resize2fs /sbin/tune2fs /sbin/mkfs.xfs
  /usr/sbin/sshd /usr/lib/openssh/sftp-server /lib/x86_64-linux-gnu/libgcc_s.so.1'
common_files='/lib/udev/rules.d/50-udev-default.rules /lib/udev/rules.d/60-block.rules
  /lib/udev/rules.d/60-persistent-storage.rules'
dom0_programs='/usr/sbin/losetup /usr/bin/flock /usr/bin/logger /bin/sed /usr/bin/mawk
  /usr/bin/expr /usr/bin/which.debianutils /bin/ip /sbin/bridge
  /usr/lib/xen-4.17/bin/xl /usr/lib/xen-4.17/bin/oxenstored /usr/lib/xen-4.17/bin/xen-init-dom0
  /usr/lib/xen-4.17/bin/xenconsoled /usr/lib/xen-4.17/bin/libxl-save-helper
  /usr/bin/xenstore-ls /usr/bin/xenstore-list /usr/bin/xenstore-read /usr/bin/xenstore-write
  /usr/bin/xenstore-rm /usr/bin/xenstore-exists
  /sbin/zpool /sbin/zfs /sbin/zdb /sbin/mount.zfs /lib/udev/zvol_id'
dom0_files='/usr/sbin/xl /etc/xen/xl.conf /etc/xen/oxenstored.conf /etc/xen/scripts
  /usr/lib/xen-common/bin /lib/udev/rules.d/60-zvol.rules /lib/udev/rules.d/90-zfs.rules
  /usr/share/zfs/compatibility.d'
dom0_drivers='xen-blkback xen-netback xen-gntdev xen-gntalloc xen-evtchn xenfs xen-privcmd
  virtio_pci virtio_blk virtio_net bridge loop ext4 xfs zfs'
guest_programs='/usr/sbin/xfs_growfs /usr/sbin/xfs_db /sbin/xfs_repair /sbin/fsfreeze
  /usr/sbin/blkdiscard'
guest_drivers='xen-blkfront xen-netfront ext4 xfs loop'

mkdir -p "$output" "$modules"
install_tools
prepare_apt bookworm
kernel=$(kernel_of amd64)
guest_kernel=$(kernel_of cloud-amd64)
say "downloads kernel $kernel for dom0, $guest_kernel for guests, and the packages"
# shellcheck disable=SC2086
download $packages
download_kernel "$kernel" "linux-image-$guest_kernel" xen-hypervisor-4.17-amd64
unpack
add_openzfs "$kernel" "$modules"
depmod -b "$root" "$guest_kernel" 2>/dev/null

# assemble FILES KERNEL: what dom0 and its guests have in common, and the directory FILES.
assemble() {
  local name
  # shellcheck disable=SC2086
  put $common_files
  # shellcheck disable=SC2086
  put_programs $common_programs
  mkdir -p "$tree"/{mnt,var/lib}
  ln -s ../run "$tree/var/run"
  ln -s ../run/lock "$tree/var/lock"
  for name in modprobe insmod rmmod depmod lsmod modinfo; do
    ln -s ../bin/kmod "$tree/sbin/$name"
  done
  for name in ext2 ext3 ext4; do
    ln -s mke2fs "$tree/sbin/mkfs.$name"
    ln -s e2fsck "$tree/sbin/fsck.$name"
  done
  # busybox's own shell would run its applets instead of the real mount, blkid and so on.
  ln -s bash "$tree/bin/sh"
  finish_tree "$1"
  chmod 755 "$tree/etc/start"
}

say 'assembles the guests'
tree=$work/guest
start_tree
# shellcheck disable=SC2086
put_programs $guest_programs
# shellcheck disable=SC2086
put_drivers "$guest_kernel" $guest_drivers
assemble "$here/guest"
pack "$work/guest-initrd"

say 'assembles dom0'
tree=$work/dom0
start_tree
mkdir -p "$tree"/{etc/zfs,guest,var/lib/xen,var/log/xen,srv}
# shellcheck disable=SC2086
put $dom0_files
# shellcheck disable=SC2086
put_programs $dom0_programs
# shellcheck disable=SC2086
put_drivers "$kernel" $dom0_drivers
ln -s which.debianutils "$tree/bin/which"
ln -s mawk "$tree/bin/awk"
assemble "$here/dom0"
chmod 755 "$tree/etc/stop"
cp "$root/boot/vmlinuz-$guest_kernel" "$tree/guest/vmlinuz"
cp "$work/guest-initrd" "$tree/guest/initrd"
pack "$output/initrd"

zcat "$root/boot/xen-4.17-amd64.gz" > "$output/xen"
# Xen itself would take six seconds to unpack the kernel, in emulation.
image=$root/boot/vmlinuz-$kernel
begin=$(grep -abo -m1 $'\xfd7zXZ' "$image" | head -n1 | cut -d: -f1) || true
tail -c "+$((begin + 1))" "$image" | xz -dc > "$output/vmlinuz" 2>/dev/null || true
[ "$(head -c4 "$output/vmlinuz" | od -An -tx1 | tr -d ' \n')" = 7f454c46 ] ||
  cp "$image" "$output/vmlinuz"
printf 'Xen %s, OpenZFS %s, Linux %s in dom0, %s in guests\n' \
  "$(dpkg-deb -f "$work"/kernel/xen-hypervisor-4.17-amd64_*.deb Version)" "$(openzfs_version)" \
  "$kernel" "$guest_kernel" > "$output/versions.$$"
mv "$output/versions.$$" "$output/versions"
say "done: $(cat "$output/versions")"
