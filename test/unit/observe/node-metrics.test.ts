import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { metricsPage, nodeMetrics } from "../../../src/observe/node-metrics.ts";
import type { StatusDocument } from "../../../src/observe/status-document.ts";

const DOCUMENT: StatusDocument = {
  version: "1.2.3",
  ready: false,
  reasons: ["no lease"],
  notes: [{ topic: "sysctl", reason: "net.ipv4.ip_forward is 0", since: "2026-11-27T12:00:00.000Z" }],
  conditions: { lease: "no lease", kernel: null },
  configuration: { refused: "Network would change", refusals: 4 },
  peers: [
    { peer: "a", channel: "vxlan 1", reason: "preferred by both" },
    { peer: "b", channel: "vxlan 1", reason: "preferred by both" },
    { peer: "c", channel: "udp", reason: "the peer's only one" },
  ],
  unreached: [{ peer: "d", code: "foreign-backend", reason: "it speaks ipip" }],
  withdrawals: { heldBack: 3, begun: 2, withdrawn: 9, returned: 1 },
  invariants: {
    "unnamed-object": { reason: "route a", total: 4 },
    "shared-prefix": { reason: null, total: 0 },
  },
  effectors: {},
  dataplane: { type: "udp", workerDeaths: 2, counters: { packets: 70, "drop-ttl": 5 } },
  firewall: { writer: "nftables", notes: [], refused: { "no-peer": { packets: 9, bytes: 900 } } },
};
const lines = (document: StatusDocument) => metricsPage(document).body.split("\n");

describe("nodeMetrics", () => {
  it("tells readiness, refusals, peers and drops", () => {
    expect(lines(DOCUMENT)).toEqual(
      expect.arrayContaining([
        'tweed_build_info{version="1.2.3"} 1',
        "tweed_ready 0",
        'tweed_ready_condition{condition="lease"} 0',
        'tweed_ready_condition{condition="kernel"} 1',
        'tweed_notes{topic="sysctl"} 1',
        'tweed_note_since_seconds{topic="sysctl"} 1795780800',
        "tweed_network_config_refused 1",
        "tweed_network_config_refusals_total 4",
        'tweed_peers{backend="vxlan 1"} 2',
        'tweed_peers{backend="udp"} 1',
        'tweed_leases_refused{code="foreign-backend"} 1',
        "tweed_peers_held_back 3",
        "tweed_mass_withdrawals_total 2",
        'tweed_peers_held_back_total{outcome="withdrawn"} 9',
        'tweed_peers_held_back_total{outcome="returned"} 1',
        'tweed_invariant_violated{invariant="unnamed-object"} 1',
        'tweed_invariant_violated{invariant="shared-prefix"} 0',
        'tweed_invariant_violations_total{invariant="unnamed-object"} 4',
        'tweed_udp_dropped_packets_total{reason="ttl"} 5',
        'tweed_udp_events_total{event="packets"} 70',
        "tweed_udp_worker_deaths_total 2",
        'tweed_forged_packets_total{reason="no-peer"} 9',
      ]),
    );
  });

  it("says 0 when nothing is refused, and nothing of a data plane that is not there", () => {
    const calm = lines({ ...DOCUMENT, configuration: { refused: null, refusals: 0 }, dataplane: null });
    expect(calm).toContain("tweed_network_config_refused 0");
    expect(calm.join("\n")).not.toContain("tweed_udp");
  });

  it("has names and types by Prometheus' rules, and README tells of each", async () => {
    const readme = await readFile("README.md", "utf8");
    for (const { name, type, help } of nodeMetrics(DOCUMENT)) {
      expect(name).toMatch(/^tweed_[a-z_]+$/);
      expect([name, name.endsWith("_total")]).toEqual([name, type === "counter"]);
      expect(help).toMatch(/\.$/);
      expect(readme).toContain(`\`${name}\``);
    }
  });
});
