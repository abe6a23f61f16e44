/** A machine in software: qemu without KVM, which no container has and which behaviour does not need. */
import { availableParallelism } from "node:os";

export interface MachineFiles {
  readonly kernelImage: string;
  readonly initramfs: string;
  /** Shared with the guest for reading and writing. */
  readonly exchange: string;
  /** Takes what the guest's kernel says. */
  readonly console: string;
}

const MEMORY_MIB = 3072;
const MOST_CPUS = 4;

/**
 * Program and arguments. The machine's root is shared for reading only. The guest's first serial port is its console,
 * the second this process's standard output.
 */
export function qemuCommand({ kernelImage, initramfs, exchange, console }: MachineFiles): string[] {
  const cpus = Math.min(MOST_CPUS, availableParallelism());
  // A panic (panic=-1) restarts the guest at once, and with -no-reboot that ends qemu.
  const parameters = "console=ttyS0 quiet mitigations=off panic=-1";
  return [
    // Whoever started it may be killed; then it goes as well.
    ...["setpriv", "--pdeathsig", "KILL", "--"],
    "qemu-system-x86_64",
    ...["-nodefaults", "-display", "none", "-no-reboot"],
    ...["-m", String(MEMORY_MIB), "-smp", String(cpus), "-cpu", "max", "-accel", "tcg,thread=multi"],
    ...["-kernel", kernelImage, "-initrd", initramfs, "-append", parameters],
    ...["-virtfs", share("root", "/"), "-virtfs", share("exchange", exchange)],
    ...["-serial", `file:${console}`, "-serial", "stdio"],
  ];
}

/** Files of several file systems below the path keep apart by `multidevs`; a comma is written twice. */
function share(tag: "root" | "exchange", path: string): string {
  const access = tag === "root" ? ",readonly=on" : "";
  return `local,path=${path.replaceAll(",", ",,")},mount_tag=${tag},security_model=none,multidevs=remap${access}`;
}
