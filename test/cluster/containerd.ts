/** containerd of one node, and requests through its own client. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { access, open } from "node:fs/promises";
import { TweedError } from "../../src/runtime/error.ts";
import { CONTAINERD_SOCKET, CRI_NAMESPACE } from "./containerd-config.ts";
import type { Machine } from "./machine.ts";
import { MACHINE_PATHS } from "./machine-paths.ts";
import { Service } from "./service.ts";

/** Resolves once it answers. */
export async function startContainerd(
  machine: Machine,
  logFile: string,
  signal: AbortSignal,
): Promise<Service> {
  const command = ["containerd", "--config", MACHINE_PATHS.containerdConfig];
  const service = await Service.start(machine, { name: `containerd of ${machine.name}`, command, logFile });
  await service.untilReady(signal, async () => {
    try {
      await ctr(machine, ["images", "list", "--quiet"]);
      return null;
    } catch (error) {
      return (error as Error).message;
    }
  });
  return service;
}

/** Imports a docker-archive. @param archive path of a tar file, as this program sees it */
export async function importImage(machine: Machine, archive: string): Promise<void> {
  const file = await open(archive);
  try {
    const [program = "", ...args] = machine.enter(ctrCommand(["images", "import", "-"]));
    const child = spawn(program, args, { stdio: [file.fd, "ignore", "pipe"] });
    let complaint = "";
    child.stderr?.on("data", (chunk: Buffer) => {
      complaint += chunk;
    });
    const [exitCode] = await once(child, "close");
    if (exitCode === 0) return;
    throw new TweedError({
      code: "program-failed",
      operation: `import ${archive} on ${machine.name}`,
      reason: complaint.trim() || `ctr ended with ${exitCode}`,
    });
  } finally {
    await file.close();
  }
}

/**
 * Path of a pod's network namespace, as this program sees it; null for a pod on the node's network, or a missing pod.
 * @param uid of the Pod
 */
export async function podNetns(machine: Machine, uid: string): Promise<string | null> {
  const filter = `labels."io.cri-containerd.kind"==sandbox,labels."io.kubernetes.pod.uid"==${uid}`;
  const ids = (await ctr(machine, ["containers", "list", "--quiet", filter])).split("\n").filter(Boolean);
  for (const id of ids) {
    const { Spec } = JSON.parse(await ctr(machine, ["containers", "info", id])) as ContainerInfo;
    const path = Spec.linux.namespaces.find(({ type }) => type === "network")?.path;
    if (path === undefined) continue;
    // /var/run is a symbolic link to /run, and from outside it would lead out of the machine.
    const outside = machine.root + path.replace(/^\/var\/run\//, "/run/");
    // After a reboot an old sandbox is still listed for some time, without its network.
    if (await isThere(outside)) return outside;
  }
  return null;
}

function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

/** The fields that are read. */
interface ContainerInfo {
  readonly Spec: {
    readonly linux: {
      readonly namespaces: readonly { readonly type: string; readonly path?: string }[];
    };
  };
}

function ctr(machine: Machine, args: readonly string[]): Promise<string> {
  return machine.run(ctrCommand(args));
}

function ctrCommand(args: readonly string[]): string[] {
  return ["ctr", `--address=${CONTAINERD_SOCKET}`, `--namespace=${CRI_NAMESPACE}`, ...args];
}
