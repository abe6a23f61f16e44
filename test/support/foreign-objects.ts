/** Foreign kernel objects on a node, as similar to ours as possible. */
import { ipBatch } from "../../src/lab/namespaces.ts";
import { run } from "../../src/runtime/program.ts";
import { type NetworkTables, readTables, selectTables } from "./network-tables.ts";

/** Devices that {@link addForeignObjects} makes. */
const DEVICES = ["tw-bridge", "vxlan9", "flannel.77"] as const;

/** Routes that it puts on foreign devices; the prefixes have no other use. */
const ROUTES = ["10.244.200.0/24", "10.244.201.0/24", "172.31.0.0/16", "192.0.2.0/24"] as const;

/** A foreign permanent neighbour on the underlay. */
const NEIGHBOUR = "198.18.9.9";

export async function addForeignObjects(namespace: string): Promise<void> {
  await ipBatch(namespace, [
    "link add tw-bridge type bridge",
    "address add 10.244.250.1/24 dev tw-bridge",
    "link set tw-bridge up",
    // Inside the cluster's network, of other owners: by protocol, and by metric.
    "route add 10.244.200.0/24 via 198.18.0.1 dev eth0 proto static",
    "route add 10.244.201.0/24 dev tw-bridge metric 77",
    // With our protocol number, but outside the network.
    "route add 172.31.0.0/16 via 198.18.0.1 dev eth0 proto 116",
    // An operator's blackhole for addresses that no node has.
    "route add blackhole 10.244.0.0/16 metric 4000",
    `neighbour add ${NEIGHBOUR} lladdr 02:00:00:00:09:09 dev eth0 nud permanent`,
    // Another program's tunnel.
    "link add vxlan9 type vxlan id 9 dev eth0 dstport 4790 nolearning",
    "address add 10.99.9.1/24 dev vxlan9",
    "link set vxlan9 up",
    "route add 10.244.202.0/24 via 10.99.9.2 dev vxlan9",
    "neighbour add 10.99.9.2 lladdr 02:00:00:00:09:02 dev vxlan9 nud permanent",
    // Another daemon's device: its name is like ours, its network is another.
    "link add flannel.77 type vxlan id 77 local 198.18.1.1 dev eth0 dstport 8477 nolearning",
    "address add 10.77.3.0/32 dev flannel.77",
    "link set flannel.77 up",
    "route add 10.77.4.0/24 via 10.77.4.0 dev flannel.77 onlink",
    "neighbour add 10.77.4.0 lladdr 02:00:00:00:77:04 dev flannel.77 nud permanent",
  ]);
  const entries = [
    "fdb add 02:00:00:00:09:02 dev vxlan9 dst 198.18.1.2 self permanent",
    "fdb add 02:00:00:00:77:04 dev flannel.77 dst 198.18.1.2 self permanent",
  ];
  await run("bridge", ["-n", namespace, "-batch", "-"], { input: `${entries.join("\n")}\n` });
}

/** Those objects, as iproute2 shows them. */
export async function readForeignObjects(namespace: string): Promise<NetworkTables> {
  const devices: ReadonlySet<string> = new Set(DEVICES);
  const routes: ReadonlySet<unknown> = new Set(ROUTES);
  return selectTables(
    await readTables(namespace),
    (device, { type, dst }) =>
      devices.has(device) || routes.has(dst) || dst === NEIGHBOUR || type === "blackhole",
  );
}
