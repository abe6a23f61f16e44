/**
 * Pods are sent to a node when subnet.env, the CNI configuration and the Node's condition say that it has its network: never
 * before its own part of the data path has stood, and from then on whatever happens to the path.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Operation } from "../../../src/kernel/operation.ts";
import { TweedError } from "../../../src/runtime/error.ts";
import { eventually } from "../../support/eventually.ts";
import { configure, FakeNode } from "../../support/fake-node.ts";
import { content, lease } from "../../support/lease-fixtures.ts";
import { MemoryCluster } from "../../support/memory-store.ts";

const UDP = { Type: "udp" };
const VXLAN = { Type: "vxlan" };
const HOST_GW = { Type: "host-gw" };
/** Longer than any wait between two tries. */
const A_WHILE_MS = 60_000;

let cluster: MemoryCluster;
let node: FakeNode;
let refused: (operation: Operation) => boolean;

beforeEach(async () => {
  cluster = new MemoryCluster();
  node = await FakeNode.create(cluster, 1);
  node.flags = ["--ip-blackhole-route", `--cni-conf=${cniConf()}`];
  refused = () => false;
  node.kernel.hooks.before = (operation) =>
    refused(operation)
      ? new TweedError({ code: "EPERM", operation: operation.op, reason: "not permitted", retryable: true })
      : null;
});
afterEach(() => node.remove());

const cniConf = () => join(node.directory, "10-tweed.conflist");
/** Everything that has pods started. */
const offered = () => ({
  subnetFile: existsSync(node.subnetFile),
  cniConf: existsSync(cniConf()),
  condition: node.isNetworkUp,
});
const ALL = { subnetFile: true, cniConf: true, condition: true };
const NOTHING = { subnetFile: false, cniConf: false, condition: false };

const isTunnel = (operation: Operation) => operation.op === "create-link";

/** Those of the operations that are this node's own, as leases of peers come on top. */
const FAULTS = [
  ["udp, without /dev/net/tun", UDP, "create link flannel0", isTunnel],
  ["udp, without its route", UDP, "put route 10.244.0.0/16", ({ op }: Operation) => op === "put-route"],
  ["vxlan, whose device is refused", VXLAN, "create link flannel.1", isTunnel],
  [
    "vxlan, whose device stays down",
    VXLAN,
    "set link flannel.1 up",
    (operation: Operation) => operation.op === "set-link" && operation.up === true,
  ],
  ["vxlan, without its address", VXLAN, "add address", ({ op }: Operation) => op === "add-address"],
  ["host-gw, without its blackhole", HOST_GW, "blackhole", ({ op }: Operation) => op === "put-blackhole"],
] as const;

describe.each(FAULTS)("a node that starts on %s", (_what, backend, missing, isRefused) => {
  it("offers no network until its part of the path stands, and says why", async () => {
    refused = isRefused;
    configure(cluster, backend);
    node.start();
    await eventually(() => node.readiness.conditions().subnetFile).toContain(missing);
    await node.clock.sleep(A_WHILE_MS);
    expect(offered()).toEqual(NOTHING);
    expect(node.readiness.conditions().kernel).toContain("not permitted");
    refused = () => false;
    await eventually(offered).toEqual(ALL);
    await eventually(() => node.readiness.reasons()).toEqual([]);
  });
});

describe("a node that starts", () => {
  it("offers no network while its data plane does not run", async () => {
    node.dataplane.fault = "port 8285 is taken";
    configure(cluster, UDP);
    node.start();
    await eventually(() => node.readiness.conditions().subnetFile).toContain("port 8285 is taken");
    await node.clock.sleep(A_WHILE_MS);
    expect(offered()).toEqual(NOTHING);
    node.dataplane.fault = null;
    await eventually(offered).toEqual(ALL);
  });

  it("offers it on the backend that works when that is configured in place of one that does not", async () => {
    refused = isTunnel;
    configure(cluster, UDP);
    node.start();
    await eventually(() => node.readiness.conditions().kernel).toContain("not permitted");
    configure(cluster, HOST_GW);
    await eventually(offered).toEqual(ALL);
  });

  it("waits for no peer", async () => {
    const offer = { type: "host-gw", data: { v4: null, v6: null } };
    cluster.putOther(lease("10.244.8.0-24", cluster.nextClaim(), content("192.0.2.8", null, offer)));
    refused = ({ op }) => op === "put-route";
    configure(cluster, HOST_GW);
    node.start();
    await eventually(offered).toEqual(ALL);
    expect(node.readiness.conditions().kernel).toContain("not permitted");
  });
});

describe("a node that has had its network", () => {
  beforeEach(async () => {
    const data = { v4: { VNI: 1, VtepMAC: "0e:52:a1:00:00:09" }, v6: null };
    const published = content("192.0.2.9", null, { type: "vxlan", data });
    cluster.putOther(lease("10.244.9.0-24", cluster.nextClaim(), published));
    configure(cluster, VXLAN);
    await node.startUntilReady();
    await eventually(offered).toEqual(ALL);
  });

  it("keeps it, and its path, through a switch to a backend that fails", async () => {
    refused = isTunnel;
    configure(cluster, UDP);
    await eventually(() => node.readiness.conditions().kernel).toContain("not permitted");
    await node.clock.sleep(A_WHILE_MS);
    expect(offered()).toEqual(ALL);
    expect(node.readiness.conditions().subnetFile).toBeNull();
    expect(node.kernel.routes).toContainEqual(
      expect.objectContaining({ dst: "10.244.9.0/24", iface: "flannel.1" }),
    );
  });

  it("keeps it over a restart, though its path does not stand", async () => {
    await node.kill();
    node.kernel.execute({ op: "delete-link", name: "flannel.1" });
    refused = isTunnel;
    await node.restart();
    await eventually(offered).toEqual(ALL);
    await eventually(() => node.readiness.conditions().kernel).toContain("not permitted");
    await eventually(() => node.readiness.conditions().subnetFile).toBeNull();
  });
});

it("a restart is no reason to offer a network that has never stood", async () => {
  refused = isTunnel;
  configure(cluster, UDP);
  node.start();
  await eventually(() => node.readiness.conditions().kernel).toContain("not permitted");
  await node.restart();
  await eventually(() => node.readiness.conditions().kernel).toContain("not permitted");
  await node.clock.sleep(A_WHILE_MS);
  expect(offered()).toEqual(NOTHING);
});
