import { mkdir, rm } from "node:fs/promises";
import { startInNamespace, waitForLog } from "./process.ts";
import { type LabSpec, labDirectory, SWITCH_IP, switchNamespace } from "./topology.ts";

/** Part of etcd's log since 3.4. */
const SERVING = "ready to serve client requests";
const READY_TIMEOUT_MS = 20_000;

/**
 * An etcd with one member in the switch's namespace, on the data of an earlier one. It listens on that namespace's
 * loopback, and on the switch's own addresses for the nodes: a node whose cable is unplugged has no store either.
 */
export async function startEtcd(spec: LabSpec): Promise<number> {
  const directory = `${labDirectory(spec.name)}/etcd`;
  const logFile = `${directory}/etcd.log`;
  await mkdir(directory, { recursive: true });
  // Removed so that the log of an earlier run does not count for this one.
  await rm(logFile, { force: true });
  const hosts = ["127.0.0.1", SWITCH_IP.v4, `[${SWITCH_IP.v6}]`];
  const pid = await startInNamespace(
    switchNamespace(spec.name),
    [
      "etcd",
      `--data-dir=${directory}/data`,
      `--listen-client-urls=${hosts.map((host) => `http://${host}:2379`).join(",")}`,
      "--advertise-client-urls=http://127.0.0.1:2379",
      "--listen-peer-urls=http://127.0.0.1:2380",
      "--initial-advertise-peer-urls=http://127.0.0.1:2380",
      "--initial-cluster=default=http://127.0.0.1:2380",
    ],
    { logFile, env: { GOMAXPROCS: "1" } },
  );
  await waitForLog({ name: "etcd", pid, logFile }, SERVING, READY_TIMEOUT_MS);
  return pid;
}
