/** The CNI configuration that a daemon keeps for its node, and the bridge that its plugins made. */
import { access, readFile, rm } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { addToNetwork, removeFromNetwork } from "../../src/lab/cni-runtime.ts";
import { cniConfFile, subnetFile } from "../../src/lab/daemon.ts";
import { describeMesh } from "../../src/lab/mesh.ts";
import type { LabNode, LabSpec } from "../../src/lab/topology.ts";
import { eventually } from "../support/eventually.ts";
import { tweed, useLab } from "../support/test-lab.ts";

const SPEC: LabSpec = {
  name: "e2econf",
  nodes: 2,
  backend: { Type: "vxlan" },
  store: "kubernetes",
  families: "dual",
};

describe("with Kubernetes", () => {
  const bed = useLab(SPEC);
  const podOf = (node: LabNode) => ({ name: node.podName, namespace: node.podNamespace });
  const readiness = async () => (await tweed(["ready", "--port=8081"], bed.node(1).namespace)).stdout.trim();
  const addresses = async (node = "node1") =>
    (await bed.lab.exec(node, ["ip", "-o", "address", "show", "cni0"])).stdout;

  test("it is written when the lease is held and the network is up, and not before", async () => {
    const node = bed.node(1);
    const before = await readFile(cniConfFile(node), "utf8");
    await bed.lab.stopDaemon(node, "SIGTERM");
    expect(await readFile(cniConfFile(node), "utf8"), "it stays when the daemon stops").toBe(before);

    await rm(cniConfFile(node));
    await bed.lab.stopStore("SIGTERM");
    await bed.lab.startDaemon(node);
    await eventually(readiness).toContain("the CNI configuration is not written yet");
    await sleep(500);
    await expect(access(cniConfFile(node))).rejects.toThrow("ENOENT");

    await bed.lab.startStore();
    await bed.lab.waitUntilReady(node);
    expect(await readFile(cniConfFile(node), "utf8")).toBe(before);
  });

  test("it follows the MTU of another backend, and pods that start then have it", async () => {
    const node = bed.node(1);
    expect(await readFile(cniConfFile(node), "utf8")).toContain('"mtu": 1450');
    await bed.lab.configure({ Type: "host-gw" });
    await eventually(() => readFile(cniConfFile(node), "utf8")).toContain('"mtu": 1500');
    await removeFromNetwork(node, podOf(node));
    await addToNetwork(node, podOf(node));
    const { stdout } = await bed.lab.exec("pod1", ["ip", "link", "show", "eth0"]);
    expect(stdout).toContain("mtu 1500");
  });

  test("an earlier subnet's address on cni0 is reported while pods are there, and goes when they have gone", async () => {
    const node = bed.node(1);
    await bed.lab.exec("node1", ["ip", "address", "add", "10.244.99.1/24", "dev", "cni0"]);
    await eventually(readiness).toContain("cni0 has the address 10.244.99.1/24");
    expect(await addresses()).toContain("10.244.99.1/24");
    const newcomer = { name: "newcomer", namespace: node.podNamespace };
    await removeFromNetwork(node, podOf(node));
    await eventually(addresses).not.toContain("10.244.99.1/24");
    expect(await addresses(), "the gateway is the plugin's").toContain("10.244.1.1/24");
    await eventually(readiness).toBe("flanneld is ready");

    await addToNetwork(node, newcomer);
    await removeFromNetwork(node, newcomer);
    await addToNetwork(node, podOf(node));
    const mesh = await bed.lab.ping({ count: 5, intervalMs: 10 });
    expect(mesh.lost, describeMesh(mesh)).toBe(0);
  });

  test("without that address gone, the plugin would have refused the pod", async () => {
    const node = bed.node(2);
    await removeFromNetwork(node, podOf(node));
    await bed.lab.stopDaemon(node, "SIGTERM");
    await bed.lab.exec("node2", ["ip", "address", "flush", "dev", "cni0"]);
    await bed.lab.exec("node2", ["ip", "address", "add", "10.244.99.1/24", "dev", "cni0"]);
    await expect(addToNetwork(node, podOf(node))).rejects.toThrow("already has an IP address different from");
    await bed.lab.startDaemon(node);
    await bed.lab.waitUntilReady(node);
    await eventually(() => addresses("node2")).not.toContain("10.244.99.1");
    await addToNetwork(node, podOf(node));
  });

  test("`tweed cleanup` removes it, for it is ours", async () => {
    const node = bed.node(1);
    await bed.lab.stopDaemon(node, "SIGTERM");
    const flags = [`--subnet-file=${subnetFile(node)}`, `--cni-conf=${cniConfFile(node)}`];
    const { exitCode, stdout } = await tweed(["cleanup", ...flags], node.namespace);
    expect(exitCode).toBe(0);
    expect(stdout).toContain(`remove ${cniConfFile(node)}`);
    await expect(access(cniConfFile(node))).rejects.toThrow("ENOENT");
  });
});

describe("with --cni-conf=none", () => {
  const bed = useLab({ ...SPEC, name: "e2enone" }, ["--cni-conf=none"]);

  test("nothing is written but the subnet file, and pods that are made from that reach each other", async () => {
    for (const node of bed.lab.nodes) await expect(access(cniConfFile(node))).rejects.toThrow("ENOENT");
    expect(await readFile(subnetFile(bed.node(1)), "utf8")).toBe(
      "FLANNEL_NETWORK=10.244.0.0/16\nFLANNEL_SUBNET=10.244.1.1/24\n" +
        "FLANNEL_IPV6_NETWORK=fd00:10:244::/48\nFLANNEL_IPV6_SUBNET=fd00:10:244:1::1/64\n" +
        "FLANNEL_MTU=1450\nFLANNEL_IPMASQ=false\n",
    );
    const mesh = await bed.lab.ping({ count: 10, intervalMs: 10 });
    expect(mesh.lost, describeMesh(mesh)).toBe(0);
  });
});
