#!/bin/busybox sh
# The first process of the guest, in its initramfs: mounts the machine's root, runs the program in it, writes down the
# program's exit code, and switches the guest off. `settings` sets directory, modules_directory, modules and, as its own
# arguments, environment and program.
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev

for module in $(cat /first-modules); do insmod "/$module"; done

share() {
  mount -t 9p -o "trans=virtio,version=9p2000.L,msize=524288,$3" "$1" "$2"
}
# Without a cache what is written is at once on the other side.
share exchange /exchange cache=none
share root /machine ro,cache=loose
. /settings

# Here the kernel's own calls of /sbin/modprobe find them: a device or a rule loads what it needs, as on any host.
mount --bind "/machine$modules_directory" /lib/modules
[ -d /machine/lib/modules ] && mount --bind "/machine$modules_directory" /machine/lib/modules

mount --bind "/machine$directory" /directory
mount -t proc proc /machine/proc
mount -t sysfs sysfs /machine/sys
mount -t cgroup2 cgroup2 /machine/sys/fs/cgroup
mount -t devtmpfs devtmpfs /machine/dev
mkdir -p /machine/dev/pts /machine/dev/shm
mount -t devpts devpts /machine/dev/pts
for place in dev/shm run tmp var/tmp; do mount -t tmpfs tmpfs "/machine/$place"; done
# The working directory may lie in what has just been covered.
mkdir -p "/machine$directory"
mount --bind /directory "/machine$directory"
mkdir -p /machine/run/netns /machine/run/lock
ip link set lo up

stty -F /dev/ttyS1 raw
for module in $modules; do modprobe "$module" 2>&1 || echo "module $module does not load"; done >/dev/ttyS1
chroot /machine /usr/bin/env --ignore-environment "--chdir=$directory" "$@" </dev/null >/dev/ttyS1 2>&1
echo $? >/exchange/exit-code
poweroff -f
