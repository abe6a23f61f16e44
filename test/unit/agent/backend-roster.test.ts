import { describe, expect, it } from "vitest";
import { type ActiveBackend, activateBackend } from "../../../src/agent/switch-over/active-backend.ts";
import { BackendRoster, GRACE_MS } from "../../../src/agent/switch-over/backend-roster.ts";
import { parseNetworkConfig } from "../../../src/config/network-config.ts";
import type { JsonObject } from "../../../src/runtime/json.ts";

function backend(options: JsonObject): ActiveBackend {
  const config = { Network: "10.244.0.0/16", Backend: options };
  return activateBackend(parseNetworkConfig(JSON.stringify(config), "test"));
}

const vxlan = backend({ Type: "vxlan" });
const hostGw = backend({ Type: "host-gw" });
const udp = backend({ Type: "udp" });
const channels = (roster: BackendRoster) => roster.active.map((each) => each.channel);

describe("BackendRoster", () => {
  it("keeps the backend from before a change until it was unused for the grace time", () => {
    const roster = new BackendRoster(vxlan, [], 0);
    roster.prefer(hostGw, 1000);
    expect(channels(roster)).toEqual(["host-gw", "vxlan 1"]);

    expect(roster.review(new Set(["vxlan 1"]), 2000)).toBeNull();
    expect(roster.review(new Set(["host-gw"]), 5000)).toBe(5000 + GRACE_MS);
    roster.review(new Set(["host-gw"]), 5000 + GRACE_MS - 1);
    expect(channels(roster)).toEqual(["host-gw", "vxlan 1"]);
    expect(roster.review(new Set(["host-gw"]), 5000 + GRACE_MS)).toBeNull();
    expect(channels(roster)).toEqual(["host-gw"]);
  });

  it("starts the grace time anew when a path comes back to it", () => {
    const roster = new BackendRoster(vxlan, [], 0);
    roster.prefer(hostGw, 0);
    roster.review(new Set(), 0);
    roster.review(new Set(["vxlan 1"]), GRACE_MS - 1);
    expect(roster.review(new Set(), GRACE_MS + 10)).toBe(2 * GRACE_MS + 10);
    expect(channels(roster)).toEqual(["host-gw", "vxlan 1"]);
  });

  it("never drops the preferred one, used or not", () => {
    const roster = new BackendRoster(vxlan, [], 0);
    roster.review(new Set(), 0);
    roster.review(new Set(), 10 * GRACE_MS);
    expect(channels(roster)).toEqual(["vxlan 1"]);
  });

  it("takes other options of the same channel in place: both would be one device", () => {
    const roster = new BackendRoster(vxlan, [], 0);
    const direct = backend({ Type: "vxlan", DirectRouting: true });
    roster.prefer(direct, 0);
    expect(roster.active).toEqual([direct]);
    roster.prefer(backend({ Type: "vxlan", VNI: 2 }), 0);
    expect(channels(roster)).toEqual(["vxlan 2", "vxlan 1"]);
  });

  it("goes back to an earlier one at once when a change is reverted", () => {
    const roster = new BackendRoster(vxlan, [], 0);
    roster.prefer(hostGw, 0);
    roster.prefer(vxlan, 10);
    expect(channels(roster)).toEqual(["vxlan 1", "host-gw"]);
  });

  it("comes back after a restart with what it received on before, in order, without what is preferred now", () => {
    const roster = new BackendRoster(hostGw, [hostGw, udp, vxlan], 0);
    expect(channels(roster)).toEqual(["host-gw", "udp", "vxlan 1"]);
    roster.review(new Set(), GRACE_MS);
    expect(channels(roster)).toEqual(["host-gw"]);
  });

  it("is bounded, so that a lease has room for it", () => {
    const roster = new BackendRoster(vxlan, [], 0);
    for (let vni = 2; vni < 20; vni++) roster.prefer(backend({ Type: "vxlan", VNI: vni }), vni);
    expect(channels(roster)).toEqual([
      "vxlan 19",
      "vxlan 18",
      "vxlan 17",
      "vxlan 16",
      "vxlan 15",
      "vxlan 14",
    ]);
  });
});
