/**
 * Daemons as the DaemonSet runs them: two capabilities, a read-only root and /proc/sys, the engine's seccomp profile,
 * no devices but the ordinary ones and the host's /dev/net. What differs between backends is the ConfigMap. The container is made by runc out of the manifests' own description of it, from
 * the files that the image holds; the programs and libraries below are this host's. Leases are Node objects, and pods
 * are made by the CNI plugins from what the daemon wrote.
 */
import { access, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { V1Node, V1NodeCondition } from "@kubernetes/client-node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { cniConfFile, daemonLog, subnetFile } from "../../src/lab/daemon.ts";
import { tellKubeApi } from "../../src/lab/kube-api-process.ts";
import { Lab } from "../../src/lab/lab.ts";
import { describeMesh } from "../../src/lab/mesh.ts";
import { processesIn } from "../../src/lab/namespaces.ts";
import { isAlive } from "../../src/lab/process.ts";
import { type LabNode, labDirectory } from "../../src/lab/topology.ts";
import { execute, run } from "../../src/runtime/program.ts";
import { assembleImageTree } from "../support/container/image-tree.ts";
import { ociConfig } from "../support/container/oci-config.ts";
import { SeccompProfile } from "../support/container/seccomp-profile.ts";
import { DEADLINE_MS, eventually } from "../support/eventually.ts";
import {
  type DaemonContainer,
  type DaemonPod,
  daemonContainer,
  daemonPod,
} from "../support/manifests/daemon-pod.ts";
import { parseObjects, readDeployFile } from "../support/manifests/objects.ts";
import { readReadiness } from "../support/node-pages.ts";
import { nodeOf, TWEED } from "../support/test-lab.ts";

const NAME = "cntr";
const DIRECTORY = join(tmpdir(), `tw-${NAME}`);
const IMAGE = join(DIRECTORY, "image");
const BUNDLE = "/opt/tweed/dist/tweed.cjs";
/** CAP_NET_ADMIN (12) and CAP_NET_RAW (13). */
const CAPABILITIES = "0000000000003000";
const DEVICES = { vxlan: ["flannel.1", "flannel-v6.1"], "host-gw": [], udp: ["flannel0"] } as const;

const BACKENDS = ["vxlan", "host-gw", "udp"] as const;

let lab: Lab;
beforeAll(async () => {
  await rm(DIRECTORY, { recursive: true, force: true });
  await assembleImageTree(IMAGE);
  const [first] = BACKENDS;
  const spec = {
    name: NAME,
    nodes: 2,
    backend: { Type: first },
    store: "kubernetes",
    families: "dual",
  } as const;
  lab = await Lab.up(spec, { tweed: TWEED, extraFlags: [], otherDaemon: await containedDaemon() });
});
afterAll(async () => {
  await removeContainers();
  await Lab.down(NAME);
  await rm(DIRECTORY, { recursive: true, force: true });
});

describe.each(BACKENDS)("daemons of backend %s in containers", (backend) => {
  test("take it up from their ConfigMap alone, whatever they were on", async () => {
    const other = nodeOf(lab, 1);
    // The test at the end has ended it.
    if (!isAlive(lab.daemonPid(other))) await lab.startDaemon(other);
    await lab.configure({ Type: backend });
    await eventually(() => preferredBackends()).toEqual([backend, backend]);
    for (const node of lab.nodes) await lab.waitUntilReady(node);
    await lab.waitForMesh(DEADLINE_MS);
  });

  test("stop when they are told to, and others go on where they were", async () => {
    const node = nodeOf(lab, 2);
    const before = await subnetsOf(node);
    await lab.stopDaemon(node, "SIGTERM");
    await lab.startDaemon(node);
    await lab.waitUntilReady(node);
    expect(await subnetsOf(node)).toEqual(before);
    await lab.waitForMesh(DEADLINE_MS);
  });

  test("have two capabilities, no way to more, and the engine's seccomp profile", async () => {
    const status = await statusOfDaemon(nodeOf(lab, 1));
    expect(status).toMatchObject({
      CapEff: CAPABILITIES,
      CapPrm: CAPABILITIES,
      CapBnd: CAPABILITIES,
      NoNewPrivs: "1",
      Seccomp: "2",
    });
  });

  test("connect everybody with everybody, and set what their devices need though /proc/sys is read-only", async () => {
    const mesh = await lab.ping({ count: 20, intervalMs: 10 });
    expect(mesh.lost, describeMesh(mesh)).toBe(0);
    for (const device of DEVICES[backend].filter((name) => !name.includes("v6"))) {
      const { stdout } = await lab.exec("node1", ["cat", `/proc/sys/net/ipv4/conf/${device}/rp_filter`]);
      expect(stdout).toBe("2\n");
    }
  });

  test("write the CNI configuration on the host", async () => {
    const { stdout } = await lab.exec("node1", ["cat", cniConfFile(nodeOf(lab, 1))]);
    expect(JSON.parse(stdout)).toMatchObject({
      name: "cbr0",
      plugins: [{ type: "bridge" }, { type: "portmap" }],
    });
  });

  test("write firewall rules", async () => {
    const { stdout } = await lab.exec("node1", ["nft", "list", "ruleset"]);
    expect(stdout).toContain("FLANNEL-POSTRTG");
    expect(stdout).toContain("tweed-packet-filter");
  });

  test("have nothing to complain of", async () => {
    for (const node of lab.nodes) expect(await complaints(node)).toEqual([]);
  });

  test("leave nothing behind once cleanup.yml has been there", async () => {
    const node = nodeOf(lab, 1);
    await lab.stopDaemon(node, "SIGTERM");
    expect(await leftovers()).not.toEqual([]);
    await cleanUp(node);
    expect(await leftovers()).toEqual([]);
    expect(await offeredOn(node)).toEqual([]);
  });
});

describe("a daemon of backend udp on a host that starts without the module tun", () => {
  const condition = { type: "NetworkUnavailable", status: "True", reason: "NoRouteCreated" };
  const node = () => nodeOf(lab, 2);

  test("runs, says what is missing, and gets no pods", async () => {
    await lab.stopDaemon(node(), "SIGTERM");
    await cleanUp(node());
    await tellKubeApi(NAME, "condition", { name: node().name, condition });
    // What the kubelet makes where there is no /dev/net.
    await containedDaemon({ "/dev/net": "@node@/dev-net" });
    await lab.startDaemon(node());
    await eventually(async () => (await readReadiness(node())).body).toContain(
      "the subnet file is not written yet: the data path of this node is not in place (create link flannel0",
    );
    // As long as several tries take.
    await sleep(3000);
    expect((await readReadiness(node())).body).toContain("load the module tun");
    expect(await offeredOn(node())).toEqual([]);
    expect(await networkUnavailable(node())).toMatchObject(condition);
  });

  test("gets pods as soon as it has its network", async () => {
    await lab.stopDaemon(node(), "SIGTERM");
    await containedDaemon();
    await lab.startDaemon(node());
    await lab.waitUntilReady(node());
    expect(await offeredOn(node())).toEqual([subnetFile(node()), cniConfFile(node())]);
    await eventually(() => networkUnavailable(node())).toMatchObject({
      status: "False",
      reason: "FlannelIsUp",
    });
  });
});

/** What each node wants to be reached by. */
async function preferredBackends(): Promise<readonly string[]> {
  const listed = await lab.tweedInSwitch(["store", "leases"]);
  return listed.match(/(?<=through )[\w-]+/g) ?? [];
}

/** The files by which pods are started. */
async function offeredOn(node: LabNode): Promise<readonly string[]> {
  const files = [subnetFile(node), cniConfFile(node)];
  const isThere = await Promise.all(
    files.map((file) =>
      access(file).then(
        () => true,
        () => false,
      ),
    ),
  );
  return files.filter((_, index) => isThere[index]);
}

async function networkUnavailable({ name }: LabNode): Promise<V1NodeCondition | undefined> {
  const { status } = (await tellKubeApi(NAME, "node", { name })) as unknown as V1Node;
  return status?.conditions?.find(({ type }) => type === "NetworkUnavailable");
}

async function cleanUp(node: LabNode): Promise<void> {
  const command = [...(await containedCleanup()), `--subnet-file=${subnetFile(node)}`];
  const { exitCode, stderr } = await lab.exec(node.name, command);
  expect(exitCode, stderr).toBe(0);
}

/** FLANNEL_SUBNET and FLANNEL_IPV6_SUBNET. */
async function subnetsOf(node: LabNode): Promise<readonly string[]> {
  return (await readFile(subnetFile(node), "utf8")).match(/^.*_SUBNET=.*$/gm) ?? [];
}

/** Devices, routes and rules of ours. */
async function leftovers(): Promise<string[]> {
  const looks = [
    ["ip", "link"],
    ["ip", "route"],
    ["ip", "-6", "route"],
    ["nft", "list", "ruleset"],
  ];
  const texts = await Promise.all(looks.map(async (look) => (await lab.exec("node1", look)).stdout));
  return texts.flatMap((text) => text.match(/flannel\S*|FLANNEL-\w+|tweed-\S+|.*proto 116.*/g) ?? []);
}

async function statusOfDaemon(node: LabNode): Promise<Readonly<Record<string, string>>> {
  for (const pid of await processesIn(node.namespace)) {
    const [program, script] = (await readFile(`/proc/${pid}/cmdline`, "utf8")).split("\0");
    if (program !== process.execPath || script !== BUNDLE) continue;
    const lines = (await readFile(`/proc/${pid}/status`, "utf8")).split("\n");
    return Object.fromEntries(lines.map((line) => line.split(":\t")));
  }
  throw new Error(`no daemon runs in ${node.namespace}`);
}

/**
 * Of no consequence: a peer that is still on the backend of the tests before, a node that is just turning to the next one,
 * and runc while the kernel lets go.
 */
const HARMLESS = [
  /"code":"foreign-backend"/,
  /"reasons":\["(the UDP data plane is not open yet|the kernel has not converged yet: it is being programmed)"\]/,
  /level=warning msg="Failed to remove cgroup \(will retry\)"/,
];

/** What the daemon has logged above "info", and what its container's runtime has said. */
async function complaints(node: LabNode): Promise<string[]> {
  const lines = (await readFile(daemonLog(node), "utf8")).split("\n").filter(Boolean);
  return lines.filter(
    (line) => !line.startsWith('{"level":30,') && !HARMLESS.some((pattern) => pattern.test(line)),
  );
}

/** @param places of host paths that are elsewhere than on an ordinary host */
async function containedDaemon(places: Readonly<Record<string, string>> = {}): Promise<readonly string[]> {
  const objects = parseObjects(await readDeployFile("kube-tweed.yml"));
  return contained(daemonPod(objects), daemonContainer(objects), places);
}

async function containedCleanup(): Promise<readonly string[]> {
  const pod = daemonPod(parseObjects(await readDeployFile("cleanup.yml")));
  const [container] = pod.initContainers ?? [];
  if (container === undefined) throw new Error("nothing cleans up");
  return contained(pod, container as DaemonContainer);
}

/** The command that runs a container of the pod as it is described last; a node's --subnet-file has to follow. */
async function contained(
  pod: DaemonPod,
  container: DaemonContainer,
  places: Readonly<Record<string, string>> = {},
): Promise<readonly string[]> {
  const config = ociConfig(pod, container, {
    hostPaths: {
      "/run/flannel": "@node@/run",
      "/etc/cni/net.d": "@node@/cni",
      "/run/xtables.lock": "@node@/xtables.lock",
      "/dev/net": "/dev/net",
      ...places,
    },
    configMaps: { "kube-tweed-cfg": "@node@/config" },
    image: {
      "/usr": "/usr",
      "/etc/alternatives": "/etc/alternatives",
      "/opt/tweed": IMAGE,
      // The kubeconfig, in the place of the pod's account.
      [labDirectory(NAME)]: labDirectory(NAME),
    },
    command: [process.execPath, BUNDLE],
    rootDirectory: "@node@/root",
    seccomp: await SeccompProfile.read(),
  });
  const template = join(DIRECTORY, `${container.name}.json`);
  await writeFile(template, JSON.stringify(config));
  const mounts = `/proc/${process.pid}/ns/mnt`;
  return [process.execPath, resolve("test/support/container/run-container.mjs"), template, mounts];
}

async function removeContainers(): Promise<void> {
  const root = `--root=${labDirectory(NAME)}/runc`;
  const { stdout } = await execute("runc", [root, "list", "--quiet"]);
  for (const id of stdout.split("\n").filter(Boolean)) await run("runc", [root, "delete", "--force", id]);
}
