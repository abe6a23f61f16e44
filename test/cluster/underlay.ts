/** The network between the machines: a bridge in its own machine, and a cable from it to each other machine. */
import { type DualIp, FAMILIES } from "../../src/net/index.ts";
import { execute } from "../../src/runtime/program.ts";
import { type Host, switchIps, UNDERLAY_LENGTH } from "./address-plan.ts";
import type { Machine } from "./machine.ts";
import type { Families } from "./options.ts";

const BRIDGE = "br0";

/** @param hub powered on */
export async function buildSwitch(hub: Machine, families: Families): Promise<void> {
  await ipBatch(hub, [
    "link set lo up",
    `link add ${BRIDGE} type bridge`,
    `link set ${BRIDGE} up`,
    ...addressLines(BRIDGE, switchIps(families)),
  ]);
}

export async function connect(
  hub: Machine,
  machine: Machine,
  { name, ips, mac }: Host,
  gateways: DualIp,
): Promise<void> {
  // After a reboot the kernel may not have removed the old device yet.
  const [program = "", ...args] = hub.enterNetwork(["ip", "link", "delete", name]);
  await execute(program, args);
  await ipBatch(hub, [
    `link add ${name} type veth peer name eth0 address ${mac} netns ${machine.init}`,
    `link set ${name} master ${BRIDGE} up`,
  ]);
  await writeSysctls(machine, {
    "net/ipv4/ip_forward": "1",
    "net/ipv6/conf/all/forwarding": "1",
    // Without this a fresh IPv6 address cannot be used for a second.
    "net/ipv6/conf/default/accept_dad": "0",
    "net/ipv6/conf/eth0/accept_dad": "0",
  });
  const routes = FAMILIES.filter((family) => ips[family] !== null).map(
    (family) => `route add default via ${gateways[family]} dev eth0`,
  );
  await ipBatch(machine, ["link set lo up", ...addressLines("eth0", ips), "link set eth0 up", ...routes]);
}

/** Unplugs the cable, or plugs it in. */
export async function setCable(hub: Machine, { name }: Host, plugged: boolean): Promise<void> {
  await ipBatch(hub, [`link set ${name} ${plugged ? "up" : "down"}`]);
}

export async function ipBatch(machine: Machine, lines: readonly string[]): Promise<void> {
  await machine.runInNetwork(["ip", "-batch", "-"], { input: `${lines.join("\n")}\n` });
}

async function writeSysctls(machine: Machine, settings: Readonly<Record<string, string>>): Promise<void> {
  for (const [path, value] of Object.entries(settings))
    await machine.runInNetwork(["tee", `/proc/sys/${path}`], { input: value });
}

function addressLines(device: string, ips: DualIp): string[] {
  return FAMILIES.filter((family) => ips[family] !== null).map(
    (family) =>
      `address add ${ips[family]}/${UNDERLAY_LENGTH[family]} dev ${device}${family === "v6" ? " nodad" : ""}`,
  );
}
