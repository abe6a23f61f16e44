/** The DaemonSet's daemon while nobody answers for the API server: its probes must not have it killed. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readHealthPage } from "../../src/lab/health-page.ts";
import { DaemonProcess } from "../support/daemon-process.ts";
import { eventually } from "../support/eventually.ts";
import { daemonContainer, networkConfigText } from "../support/manifests/daemon-pod.ts";
import { parseObjects, readDeployFile } from "../support/manifests/objects.ts";
import { Namespace } from "../support/netns.ts";
import { TWEED } from "../support/test-lab.ts";

const PORT = 8081;
const objects = parseObjects(await readDeployFile("kube-tweed.yml"));
const { args, startupProbe, livenessProbe } = daemonContainer(objects);

/** Nobody listens there. */
const KUBECONFIG = {
  apiVersion: "v1",
  kind: "Config",
  clusters: [{ name: "c", cluster: { server: "https://127.0.0.1:1" } }],
  users: [{ name: "u", user: { token: "t" } }],
  contexts: [{ name: "x", context: { cluster: "c", user: "u" } }],
  "current-context": "x",
};

let host: Namespace;
let directory: string;
let daemon: DaemonProcess | null = null;

beforeAll(async () => {
  host = await Namespace.create("kubeaway");
  await host.ip(
    "link add eth0 type veth peer name cable",
    "addr add 192.0.2.1/24 dev eth0",
    "link set eth0 up",
    "link set cable up",
    "route add default via 192.0.2.254",
  );
  directory = await mkdtemp(join(tmpdir(), "tw-kubeaway-"));
  const path = (name: string) => join(directory, name);
  await writeFile(path("kubeconfig"), JSON.stringify(KUBECONFIG));
  await writeFile(path("net-conf.json"), networkConfigText(objects));
  const files = [
    `--kubeconfig-file=${path("kubeconfig")}`,
    `--net-config-path=${path("net-conf.json")}`,
    `--subnet-file=${path("subnet.env")}`,
  ];
  daemon = DaemonProcess.start(host.name, [...TWEED, ...args, ...files], { NODE_NAME: "worker-1" });
});
afterAll(async () => {
  await daemon?.stop();
  await host.delete();
  await rm(directory, { recursive: true });
});

const health = (path: string) => readHealthPage(host.name, PORT, path);

test("it answers the startup probe, and the liveness probe from then on", async () => {
  expect([startupProbe?.httpGet?.path, livenessProbe?.httpGet?.path]).toEqual(["/healthz", "/healthz"]);
  await eventually(() => health("/healthz")).toMatchObject({ status: 200 });
  for (let second = 0; second < 5; second++) {
    await sleep(1000);
    expect(await health("/healthz")).toMatchObject({ status: 200 });
  }
  expect(daemon?.isRunning).toBe(true);
});

test("it is not ready, and says what it waits for", async () => {
  expect(await health("/readyz")).toEqual({
    status: 503,
    body: expect.stringContaining("the node holds no lease yet"),
  });
  await eventually(() => daemon?.output).toContain("ECONNREFUSED");
});

test("it ends with 0 when the kubelet asks it to", async () => {
  expect(await daemon?.stop()).toBe(0);
});
