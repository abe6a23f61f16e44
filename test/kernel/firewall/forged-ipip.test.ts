/**
 *   node 192.0.2.1 ═══ underlay ═══ peer 192.0.2.2 and every address that forges: .3 (another peer), .66 (nobody)
 *
 * Without an ipip device, which few kernels at hand have: the filter sits before it, and what it accepts is counted there.
 */
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, describe, test } from "vitest";
import type { Refusal } from "../../../src/kernel/firewall/refusal.ts";
import { parseIp, parsePrefix } from "../../../src/net/index.ts";
import { AnsweringProcess } from "../../support/answering-process.ts";
import { eventually } from "../../support/eventually.ts";
import { FirewallBed, HOSTS } from "../../support/firewall-bed.ts";
import { rulesFor } from "../../support/firewall-situation.ts";
import { ipv4Packet } from "../../support/forged-frame.ts";
import { connect, Namespace } from "../../support/netns.ts";

const COUNT = 5;
const IPIP = 4;
const SENDER = fileURLToPath(new URL("../../support/raw-ip-sender.mjs", import.meta.url));

let node: Namespace;
let peer: Namespace;
let sender: AnsweringProcess;
let bed: FirewallBed;

beforeAll(async () => {
  node = await Namespace.create("fwip");
  peer = await Namespace.create("fwip");
  await connect(
    { namespace: node, iface: "eth0", addresses: ["192.0.2.1/24"] },
    { namespace: peer, iface: "eth0", addresses: ["192.0.2.2/24", "192.0.2.3/24", "192.0.2.66/24"] },
  );
  // After the packet filter, which is at priority raw (-300).
  await node.exec(
    "nft",
    "table inet seen { counter accepted { }; chain c { type filter hook input priority 0; ip protocol ipencap counter name accepted drop; }; }",
  );
  sender = new AnsweringProcess(peer, process.execPath, SENDER);
});
afterAll(async () => {
  await sender?.kill();
  for (const namespace of [node, peer]) await namespace?.delete();
});
afterEach(() => bed.stop());

async function start(forgedPackets: "drop" | "log"): Promise<void> {
  bed = await FirewallBed.start(node, HOSTS.nftables);
  const senders = [
    ["192.0.2.2", "10.42.2.0/24"],
    ["192.0.2.3", "10.42.3.128/25"],
  ].map(([outer = "", inner = ""]) => ({ outer: parseIp(outer), inner: parsePrefix(inner) }));
  const origins = { vxlan: null, ipip: { senders }, arrivals: null };
  await bed.keep(rulesFor("v4", { flags: { forgedPackets, masquerade: false }, origins }));
}

interface Forgery {
  readonly outer?: string;
  readonly source?: string;
  readonly bytes?: number;
}

async function accepted(): Promise<number> {
  const text = await node.exec("nft", "list", "counter", "inet", "seen", "accepted");
  return Number(/packets (\d+)/.exec(text)?.[1]);
}

async function send({ outer = "192.0.2.2", source = "10.42.2.2", bytes }: Forgery): Promise<void> {
  const packet = ipv4Packet({
    source: parseIp(source),
    destination: parseIp("10.42.1.2"),
    destinationPort: 9999,
  });
  const hex = packet.subarray(0, bytes).toString("hex");
  await sender.ask(JSON.stringify({ from: outer, to: "192.0.2.1", protocol: IPIP, hex, count: COUNT }));
}

async function expectOutcome(
  forgery: Forgery,
  expected: { readonly accepted: number; readonly counted: Partial<Record<Refusal, number>> },
): Promise<void> {
  const before = { accepted: await accepted(), refused: await bed.refused() };
  await send(forgery);
  await eventually(async () => ({
    accepted: (await accepted()) - before.accepted,
    counted: await bed.refusedSince(before.refused),
  })).toEqual(expected);
}

const FORGERIES: readonly [string, Forgery, Refusal][] = [
  ["inner source of another node", { source: "10.42.3.129" }, "foreign-source"],
  ["inner source of nobody", { source: "10.42.77.1" }, "foreign-source"],
  ["inner source of ourselves", { source: "10.42.1.9" }, "foreign-source"],
  ["outer source unknown", { outer: "192.0.2.66" }, "unknown-peer"],
  ["another peer's outer source", { outer: "192.0.2.3" }, "foreign-source"],
  ["beside the other peer's half of a subnet", { outer: "192.0.2.3", source: "10.42.3.5" }, "foreign-source"],
  ["truncated in the inner address", { bytes: 15 }, "truncated"],
];

const GENUINE: readonly [string, Forgery][] = [
  ["a peer's pod", {}],
  ["a pod of a peer whose subnet has another length", { outer: "192.0.2.3", source: "10.42.3.200" }],
  [
    "an address that is no pod's, as in a tunnel of the operator's",
    { outer: "192.0.2.66", source: "198.51.100.1" },
  ],
];

describe("packets in ipip", () => {
  test.each(FORGERIES)("refused: %s", async (_title, forgery, reason) => {
    await start("drop");
    await expectOutcome(forgery, { accepted: 0, counted: { [reason]: COUNT } });
  });

  test.each(FORGERIES)(
    "counted and accepted where the filter only logs: %s",
    async (_title, forgery, reason) => {
      await start("log");
      await expectOutcome(forgery, { accepted: COUNT, counted: { [reason]: COUNT } });
    },
  );

  test.each(GENUINE)("accepted: %s", async (_title, packet) => {
    await start("drop");
    await expectOutcome(packet, { accepted: COUNT, counted: {} });
  });

  test("accepted from everywhere once no daemon renews the filter", async () => {
    await start("drop");
    await bed.stop();
    await node.exec("nft", "flush", "set", "inet", "tweed-packet-filter", "kept");
    const before = await accepted();
    await send({ outer: "192.0.2.66" });
    await eventually(async () => (await accepted()) - before).toBe(COUNT);
    bed = await FirewallBed.start(node, HOSTS.nftables);
  });
});
