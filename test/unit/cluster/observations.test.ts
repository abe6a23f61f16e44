/** What a cluster reads of the machine and of its API server, as text. */
import { describe, expect, test } from "vitest";
import { cgroupHierarchies } from "../../cluster/cgroups.ts";
import { missingOf, type NodeList, podRoutes } from "../../cluster/node-objects.ts";
import { isListening } from "../../cluster/sockets.ts";

test("cgroup hierarchies are found in both versions", () => {
  const mounts = [
    "tmpfs /sys/fs/cgroup tmpfs rw,relatime,mode=755 0 0",
    "cgroup /sys/fs/cgroup/cpu cgroup rw,relatime,cpu 0 0",
    "cgroup2 /sys/fs/cgroup/unified cgroup2 rw,relatime 0 0",
    "",
  ].join("\n");
  expect(cgroupHierarchies(mounts)).toEqual([
    { path: "/sys/fs/cgroup/cpu", version: 1 },
    { path: "/sys/fs/cgroup/unified", version: 2 },
  ]);
});

test("a listening socket is told from a connection of the same port, and from another port", () => {
  const header = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt";
  const listening = "   0: 00000000:280A 00000000:0000 0A 00000000:00000000 00:00000000 00000000";
  const connected = "   1: 0101A8C0:280A 0201A8C0:C001 01 00000000:00000000 00:00000000 00000000";
  const v6 = "   0: 00000000000000000000000000000000:280A 00000000000000000000000000000000:0000 0A 0:0";
  expect(isListening([header, listening].join("\n"), 10250)).toBe(true);
  expect(isListening([header, v6].join("\n"), 10250)).toBe(true);
  expect(isListening([header, connected].join("\n"), 10250)).toBe(false);
  expect(isListening([header, listening].join("\n"), 10256)).toBe(false);
});

describe("nodes", () => {
  const node = (name: string, podCIDRs?: readonly string[]): NodeList["items"][number] => ({
    metadata: { name },
    spec: podCIDRs === undefined ? {} : { podCIDRs },
    status: {
      addresses: [
        { type: "InternalIP", address: "198.18.1.1" },
        { type: "Hostname", address: name },
        { type: "InternalIP", address: "fd00:198:18::1:1" },
      ],
    },
  });
  const both = ["10.244.0.0/24", "fd00:10:244::/64"];

  test("are complete with a podCIDR of each family", () => {
    const hosts = [{ name: "node1" }];
    expect(missingOf({ items: [] }, hosts, "v4")).toBe("node1 is not registered");
    expect(missingOf({ items: [node("node1")] }, hosts, "v4")).toBe("node1 has the podCIDRs []");
    expect(missingOf({ items: [node("node1", both.slice(0, 1))] }, hosts, "dual")).toContain("10.244.0.0/24");
    expect(missingOf({ items: [node("node1", both)] }, hosts, "dual")).toBeNull();
  });

  test("are the way to their pods in each family", () => {
    expect(podRoutes({ items: [node("node1", both), node("node2")] })).toEqual([
      "route replace 10.244.0.0/24 via 198.18.1.1",
      "route replace fd00:10:244::/64 via fd00:198:18::1:1",
    ]);
  });
});
