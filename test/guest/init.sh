#!/bin/busybox sh
# The first process of the guest, in its initramfs: makes a root of the machine's, runs the program in it, writes down the
# program's exit code, and switches the guest off. `settings` sets directory, modules_directory, modules and, as this
# script's arguments, environment and program.
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
hostname guest
ip link set lo up

for module in $(cat /first-modules); do insmod "/$module"; done

share() {
  mount -t 9p -o "trans=virtio,version=9p2000.L,msize=524288,$3" "$1" "$2"
}
# Without a cache what is written is at once on the other side.
share exchange /exchange cache=none
share root /machine ro,cache=loose
. /settings

# What the program writes stays in the guest's memory.
mount -t tmpfs tmpfs /written
mkdir /written/upper /written/work
mount -t overlay -o lowerdir=/machine,upperdir=/written/upper,workdir=/written/work overlay /root

mount -t proc proc /root/proc
mount -t sysfs sysfs /root/sys
mount -t cgroup2 cgroup2 /root/sys/fs/cgroup
mount -t devtmpfs devtmpfs /root/dev
mkdir /root/dev/pts /root/dev/shm /root/dev/net
mount -t devpts devpts /root/dev/pts
# Every host has it, and whoever opens it has the module loaded.
mknod -m 666 /root/dev/net/tun c 10 200
for place in dev/shm run tmp var/tmp; do mount -t tmpfs tmpfs "/root/$place"; done
mkdir /root/run/netns /root/run/lock
case "$directory/" in
  # It has just been covered.
  /run/* | /tmp/* | /var/tmp/*) mkdir -p "/root$directory" && mount --bind "/machine$directory" "/root$directory" ;;
esac

# The kernel calls this initramfs's /sbin/modprobe for what a device or a rule needs; some programs call their own.
mount --bind "/machine$modules_directory" /lib/modules
mkdir -p /root/lib/modules
mount --bind /lib/modules /root/lib/modules
[ -e /root/sbin/modprobe ] || cp /bin/busybox /root/sbin/modprobe

stty -F /dev/ttyS1 raw
for module in $modules; do modprobe "$module" 2>&1 || echo "module $module does not load"; done >/dev/ttyS1
chroot /root /usr/bin/env --ignore-environment "--chdir=$directory" "$@" </dev/null >/dev/ttyS1 2>&1
echo $? >/exchange/exit-code
poweroff -f
