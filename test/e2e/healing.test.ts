/**
 * Somebody damages a node's kernel state, one object or a device at a time: everything, on every node, is back
 * within a second, while the daemons just run on. Each damage is done to another node than the one before it, as a
 * daemon slows down deliberately when somebody undoes its work again and again.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { LinuxKernel } from "../../src/kernel/linux-kernel.ts";
import type { LabNode } from "../../src/lab/topology.ts";
import { type Family, prefixAddress } from "../../src/net/index.ts";
import { run } from "../../src/runtime/program.ts";
import { type NetworkTables, readTables } from "../support/network-tables.ts";
import { openKernelOf, settled } from "../support/settled-state.ts";
import { type TestLab, useLab } from "../support/test-lab.ts";

const BOUND_MS = 1000;
const LOOK_EVERY_MS = 4;
/** A repair that is undone again, or a late second one, would show within this. */
const CALM_MS = 150;

/** A path of the damaged node to one of its peers, in one family. */
interface Path {
  /** `ip`'s flag of the family. */
  readonly flag: "-4" | "-6";
  readonly family: Family;
  readonly device: string;
  readonly address: string;
  readonly dst: string;
  readonly via: string;
  /** VXLAN only; "" otherwise. */
  readonly mac: string;
  readonly remote: string;
}

interface Damage {
  readonly title: string;
  readonly program: "ip" | "bridge";
  /** Lines for the program's batch mode. */
  readonly lines: (path: Path) => readonly string[];
}

const VXLAN_DAMAGES: readonly Damage[] = [
  { title: "one route deleted", program: "ip", lines: ({ dst }) => [`route delete ${dst}`] },
  {
    title: "all routes deleted",
    program: "ip",
    lines: ({ device }) => [`route flush dev ${device} proto boot`],
  },
  {
    title: "a route turned into a blackhole",
    program: "ip",
    lines: ({ dst }) => [`route delete ${dst}`, `route add blackhole ${dst}`],
  },
  {
    title: "an FDB entry deleted",
    program: "bridge",
    lines: ({ device, mac, remote }) => [`fdb delete ${mac} dev ${device} dst ${remote}`],
  },
  {
    title: "an FDB entry sent elsewhere",
    program: "bridge",
    lines: ({ device, mac, family }) => [
      `fdb replace ${mac} dev ${device} dst ${family === "v4" ? "198.18.9.9" : "fd00:198:18::9"} self permanent`,
    ],
  },
  {
    title: "a neighbour deleted",
    program: "ip",
    lines: ({ device, via }) => [`neighbour delete ${via} dev ${device}`],
  },
  {
    title: "a neighbour with another MAC",
    program: "ip",
    lines: ({ device, via }) => [
      `neighbour replace ${via} lladdr 02:00:00:00:00:99 dev ${device} nud permanent`,
    ],
  },
  {
    title: "the address deleted",
    program: "ip",
    lines: ({ device, address }) => [`address delete ${address} dev ${device}`],
  },
  { title: "the device deleted", program: "ip", lines: ({ device }) => [`link delete ${device}`] },
  { title: "the device set down", program: "ip", lines: ({ device }) => [`link set ${device} down`] },
  { title: "its MTU changed", program: "ip", lines: ({ device }) => [`link set ${device} mtu 1300`] },
  {
    title: "its MAC changed",
    program: "ip",
    lines: ({ device }) => [`link set ${device} address 02:00:00:00:00:77`],
  },
  {
    title: "its learning switched on",
    program: "ip",
    lines: ({ device }) => [`link set ${device} type vxlan learning`],
  },
];

const HOST_GW_DAMAGES: readonly Damage[] = [
  { title: "one route deleted", program: "ip", lines: ({ dst }) => [`route delete ${dst}`] },
  {
    title: "all routes deleted",
    program: "ip",
    lines: ({ device }) => [`route flush dev ${device} proto 116`],
  },
  {
    title: "a route through another gateway",
    program: "ip",
    lines: ({ dst, device, family }) => [
      `route replace ${dst} via ${family === "v4" ? "198.18.0.1" : "fd00:198:18::1"} dev ${device} proto 116`,
    ],
  },
  {
    title: "a route replaced by somebody else's",
    program: "ip",
    lines: ({ dst, device, family }) => [
      `route replace ${dst} via ${family === "v4" ? "198.18.0.1" : "fd00:198:18::1"} dev ${device} proto static`,
    ],
  },
];

interface Healing {
  readonly backend: string;
  readonly family: Family;
  readonly damage: string;
  readonly ms: number;
}
const healings: Healing[] = [];
afterAll(() => {
  const width = Math.max(...healings.map(({ damage }) => damage.length));
  const rows = healings.map(
    ({ backend, family, damage, ms }) =>
      `${backend.padEnd(8)} ${family}  ${damage.padEnd(width)}  ${ms.toFixed(0).padStart(5)} ms`,
  );
  console.log(["from the damage until every object on all nodes is back:", ...rows].join("\n"));
});

describe("vxlan", () => {
  const bed = useLab({
    name: "healvx",
    nodes: 3,
    backend: { Type: "vxlan" },
    store: "file",
    families: "dual",
  });
  healsFrom("vxlan", VXLAN_DAMAGES, bed);
});

describe("host-gw", () => {
  const bed = useLab({
    name: "healgw",
    nodes: 3,
    backend: { Type: "host-gw" },
    store: "file",
    families: "dual",
  });
  healsFrom("host-gw", HOST_GW_DAMAGES, bed);
});

function healsFrom(backend: string, damages: readonly Damage[], bed: TestLab): void {
  const kernels: LinuxKernel[] = [];
  const look = () => Promise.all(kernels.map(async (kernel) => settled(await kernel.observe())));
  const lookThroughIproute = (): Promise<NetworkTables[]> =>
    Promise.all(bed.lab.nodes.map((node) => readTables(node.namespace)));
  let before: (readonly string[])[];
  let beforeThroughIproute: NetworkTables[];

  beforeAll(async () => {
    for (const node of bed.lab.nodes) kernels.push(await openKernelOf(node.namespace));
    before = await look();
    beforeThroughIproute = await lookThroughIproute();
  });
  afterAll(() => {
    for (const kernel of kernels) kernel.close();
  });

  const cases = damages.flatMap((damage) =>
    (["v4", "v6"] as const).map((family) => ({ damage, family, title: `${family}: ${damage.title}` })),
  );
  test.each(cases.map((each, index) => ({ ...each, index })))("$title", async ({ damage, family, index }) => {
    const at = index % bed.lab.nodes.length;
    const node = bed.node(at + 1);
    const path = await pathOf(kernels[at] as LinuxKernel, backend, family);
    const startMs = performance.now();
    await inflict(node, damage, path);
    for (;;) {
      const now = await look();
      const ms = performance.now() - startMs;
      if (JSON.stringify(now) === JSON.stringify(before)) {
        healings.push({ backend, family, damage: damage.title, ms });
        break;
      }
      if (ms > BOUND_MS) expect(now, `not healed after ${BOUND_MS} ms`).toEqual(before);
      await sleep(LOOK_EVERY_MS);
    }
    await sleep(CALM_MS);
    expect(await look()).toEqual(before);
    expect(await lookThroughIproute()).toEqual(beforeThroughIproute);
  });

  test("the mesh is whole, and no daemon was started again", async () => {
    const mesh = await bed.lab.ping({ count: 5, intervalMs: 20 });
    expect(mesh.lost).toBe(0);
    for (const node of bed.lab.nodes) process.kill(bed.lab.daemonPid(node), 0);
  });
}

/** Some path of the node's: what there is to damage. */
async function pathOf(kernel: LinuxKernel, backend: string, family: Family): Promise<Path> {
  const { links, addresses, routes, neighbours, fdb } = await kernel.observe();
  const flag = family === "v4" ? "-4" : "-6";
  const route = routes.find(
    ({ dst, via, protocol, iface }) =>
      via !== null &&
      isOfFamily(dst, family) &&
      !dst.endsWith("/0") &&
      (backend === "vxlan" ? links.some((l) => l.name === iface && l.kind === "vxlan") : protocol === 116),
  );
  if (route?.iface == null || route.via === null) throw new Error(`no ${family} route to a peer`);
  const { iface: device, dst, via } = route;
  const own = addresses.find(
    ({ iface, ip, isLinkLocal }) => iface === device && isOfFamily(ip, family) && !isLinkLocal,
  );
  const mac = neighbours.find((entry) => entry.iface === device && entry.ip === via)?.mac ?? "";
  const remote = fdb.find((entry) => entry.iface === device && entry.mac === mac)?.remote ?? "";
  if (backend === "vxlan")
    expect({ via, mac, remote }).toEqual({
      via: prefixAddress(dst),
      mac: expect.stringMatching(/:/),
      remote: expect.stringMatching(/198/),
    });
  return { flag, family, device, address: `${own?.ip}/${own?.length}`, dst, via, mac, remote };
}

function isOfFamily(text: string, family: Family): boolean {
  return text.includes(":") === (family === "v6");
}

/** Exit code 0 says that the kernel did it: there was something to damage. */
async function inflict(node: LabNode, { program, lines }: Damage, path: Path): Promise<void> {
  const flags = program === "ip" ? [path.flag] : [];
  const input = `${lines(path).join("\n")}\n`;
  await run(program, [...flags, "-n", node.namespace, "-batch", "-"], { input });
}
