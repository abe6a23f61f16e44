import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { systemClock } from "../runtime/clock.ts";
import { TweedError } from "../runtime/error.ts";
import { readHealthPage } from "./health-page.ts";
import { kubeconfigFile } from "./kube-api-process.ts";
import { nodeConfigFile } from "./node-config.ts";
import { isAlive, startInNamespace } from "./process.ts";
import { type LabNode, type LabSpec, labDirectory, storeIp } from "./topology.ts";

/** Every daemon has its own namespace, so all use the same port. */
export const HEALTH_PORT = 8081;
const LOOK_EVERY_MS = 20;
const LAST_LINES = 8;

export interface DaemonProgram {
  /** The command of tweed: the interpreter and the bundle. */
  readonly tweed: readonly string[];
  /** Flags of `tweed run` in addition to the lab's own. */
  readonly extraFlags: readonly string[];
  /** Further flags of individual nodes, by the node's name. */
  readonly nodeFlags?: Readonly<Record<string, readonly string[]>>;
  /** Further variables of individual nodes, by the node's name. */
  readonly nodeEnvironment?: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** Another daemon with flannel's flags, instead of `tweed run`; its store has to be etcd. */
  readonly otherDaemon?: readonly string[];
}

/** Starts the node's daemon and returns its process number. */
export function startDaemon(spec: LabSpec, node: LabNode, program: DaemonProgram): Promise<number> {
  const store = storeAccess(spec, node);
  const flags = [
    ...store.flags,
    ...(spec.store === "kubernetes" ? [`--cni-conf=${cniConfFile(node)}`] : []),
    "--iface=eth0",
    `--subnet-file=${subnetFile(node)}`,
    "--healthz-ip=127.0.0.1",
    `--healthz-port=${HEALTH_PORT}`,
    ...program.extraFlags,
    ...(program.nodeFlags?.[node.name] ?? []),
  ];
  const command = program.otherDaemon ?? [...program.tweed, "run"];
  return startInNamespace(node.namespace, [...command, ...flags], {
    logFile: daemonLog(node),
    env: { ...store.env, ...program.nodeEnvironment?.[node.name] },
  });
}

export interface StoreAccess {
  readonly flags: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/** How a node, or a command in the switch's namespace, accesses the lab's store. */
export function storeAccess(spec: LabSpec, node: LabNode | "operator"): StoreAccess {
  switch (spec.store) {
    case "file":
      return { flags: ["--store=file", `--store-path=${labDirectory(spec.name)}/store`], env: {} };
    case "etcd": {
      const host = spec.families === "v6" ? `[${storeIp(spec)}]` : storeIp(spec);
      return { flags: [`--etcd-endpoints=http://${host}:2379`], env: {} };
    }
    case "kubernetes": {
      const who = node === "operator" ? "administrator" : node.name;
      const config = node === "operator" ? [] : [`--net-config-path=${nodeConfigFile(node)}`];
      return {
        flags: ["--store=kubernetes", `--kubeconfig-file=${kubeconfigFile(spec.name, who)}`, ...config],
        // The store requires it even without a lease.
        env: { NODE_NAME: who },
      };
    }
  }
}

export function subnetFile(node: LabNode): string {
  return join(runDirectory(node), "subnet.env");
}

/** The daemon's files, apart from its log, so that they can be put on a disk of their own. */
export function runDirectory(node: LabNode): string {
  return join(node.directory, "run");
}

/** Not in the default place, of which a machine has only one. */
export function cniConfFile(node: LabNode): string {
  return join(node.directory, "cni", "10-tweed.conflist");
}

export function daemonLog(node: LabNode): string {
  return join(node.directory, "daemon.log");
}

/** Waits until the daemon is ready. @throws TweedError `not-ready` with its log's last lines */
export async function waitUntilReady(node: LabNode, pid: number, timeoutMs: number): Promise<void> {
  const deadlineMs = systemClock.nowMs() + timeoutMs;
  for (;;) {
    const page = await readHealthPage(node.namespace, HEALTH_PORT, "/readyz");
    if (page.status === 200) return;
    const isOver = !isAlive(pid) || systemClock.nowMs() > deadlineMs;
    if (isOver) throw await notReady(node, isAlive(pid) ? page.body.trim() || "no answer" : "it ended");
    await systemClock.sleep(LOOK_EVERY_MS);
  }
}

async function notReady(node: LabNode, reason: string): Promise<TweedError> {
  const log = await readFile(daemonLog(node), "utf8");
  const tail = log.trimEnd().split("\n").slice(-LAST_LINES).join("\n");
  return new TweedError({
    code: "not-ready",
    operation: `start the daemon of ${node.name}`,
    reason: `${reason}\n${tail}`,
  });
}
