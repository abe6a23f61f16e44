/**
 * The backend of a whole cluster changes while its pods ping each other. The switches form a round through every
 * ordered pair of backends.
 */
import { readCarriers } from "../../src/lab/carriers.ts";
import { readFirewallRules } from "../../src/lab/firewall-rules.ts";
import type { Lab } from "../../src/lab/lab.ts";
import { writeSysctls } from "../../src/lab/namespaces.ts";
import { run } from "../../src/runtime/program.ts";
import { withLab } from "./bench-lab.ts";
import { type Bench, type PromiseGroup, roundsOf } from "./group.ts";
import { silenceDuring } from "./silence.ts";
import { until } from "./wait.ts";

/** Five pings, 10 ms apart. */
const SILENCE_BOUND_MS = 50;
const TURN_BOUND_MS = 5000;
/** A node receives on its previous backend for 30 s more, and has 5 s to remove it. */
const REMOVAL_BOUND_MS = 35_000;
/** One reading of the routes of all nodes runs three programs. */
const LOOK_EVERY_MS = 50;

const DEVICES = { vxlan: "flannel.1", "host-gw": "eth0", udp: "flannel0" } as const;
type Backend = keyof typeof DEVICES;

const ROUND: readonly Backend[] = ["host-gw", "udp", "vxlan", "udp", "host-gw", "vxlan"];

/** Values of rp_filter (Documentation/networking/ip-sysctl.rst). */
const FILTERS = [
  { value: "0", name: "off" },
  { value: "1", name: "strict" },
] as const;

export const switches: PromiseGroup = {
  name: "switch",
  async measure(bench) {
    const spec = { nodes: 3, backend: { Type: "vxlan" }, store: "etcd", families: "v4" } as const;
    await withLab(bench, spec, async (lab) => {
      const fresh = await readObjects(lab);
      let lastMs = 0;
      for (let round = 0; round < roundsOf(bench, 0.6); round++) {
        for (const filter of FILTERS) {
          await setReversePathFilter(lab, filter.value);
          let before: Backend = "vxlan";
          for (const backend of ROUND) {
            await measureSwitch(bench, lab, before, backend, filter.name);
            before = backend;
          }
          lastMs = performance.now();
        }
      }
      const isAsFresh = async () => (await readObjects(lab)) === fresh;
      await until("nothing of former backends is left", isAsFresh, bench.signal, LOOK_EVERY_MS);
      const topic = "a change of backend to nothing of the former ones left";
      bench.note({ topic, detail: "", boundMs: REMOVAL_BOUND_MS }, performance.now() - lastMs);
    });
  },
};

async function measureSwitch(
  bench: Bench,
  lab: Lab,
  before: Backend,
  backend: Backend,
  filter: string,
): Promise<void> {
  const pair = `${before} to ${backend}`;
  let turnMs = 0;
  const silenceMs = await silenceDuring(bench, lab, async () => {
    const startedMs = performance.now();
    await lab.configure({ Type: backend });
    const hasSwitched = async () =>
      Object.values(await readCarriers(lab)).every((device) => device === DEVICES[backend]);
    await until(`${pair}: every pair has turned`, hasSwitched, bench.signal, LOOK_EVERY_MS);
    turnMs = performance.now() - startedMs;
  });
  const detail = `${pair}, rp_filter ${filter}`;
  const silence = { topic: "silence at a change of backend", boundMs: SILENCE_BOUND_MS };
  bench.note({ ...silence, detail }, silenceMs);
  const turn = { topic: "a change of backend to every pair on it", boundMs: TURN_BOUND_MS };
  bench.note({ ...turn, detail: pair }, turnMs);
}

/** Sets it on every device, also on future ones. */
async function setReversePathFilter({ nodes }: Lab, value: string): Promise<void> {
  for (const { namespace } of nodes) {
    const devices = ["all", "default", "eth0", "cni0"].map((device) => `net/ipv4/conf/${device}/rp_filter`);
    await writeSysctls(namespace, Object.fromEntries(devices.map((path) => [path, value])));
  }
}

/** Devices, routes and rules of all nodes. */
async function readObjects({ nodes }: Lab): Promise<string> {
  const objects = nodes.map(async ({ namespace }) => [
    await namesOfLinks(namespace),
    (await run("ip", ["-n", namespace, "-4", "route"])).split("\n").sort(),
    await readFirewallRules(namespace),
  ]);
  return JSON.stringify(await Promise.all(objects));
}

async function namesOfLinks(namespace: string): Promise<string[]> {
  const links = JSON.parse(await run("ip", ["-n", namespace, "-j", "link"])) as readonly { ifname: string }[];
  return links.map(({ ifname }) => ifname).sort();
}
