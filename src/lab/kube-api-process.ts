/**
 * The API server of a lab, in the switch's namespace: a program of the source tree's tests, a fake or a proxy of a real
 * kube-apiserver. It creates a Node with its podCIDRs and a kubeconfig for each node of the lab.
 */
import { mkdir, realpath, rm } from "node:fs/promises";
import { request } from "node:http";
import { dirname, join } from "node:path";
import { TweedError } from "../runtime/error.ts";
import type { JsonObject, JsonValue } from "../runtime/json.ts";
import { startInNamespace, waitForLog } from "./process.ts";
import { type LabSpec, labDirectory, labNodes, podCidrs, storeIp, switchNamespace } from "./topology.ts";

const PORT = 6443;
/** A real kube-apiserver needs most of this. */
const READY_TIMEOUT_MS = 90_000;

/** @param bundle the built program of tweed, beside which the API server's is */
export async function startKubeApi(spec: LabSpec, bundle: string): Promise<number> {
  const directory = kubeApiDirectory(spec.name);
  const logFile = join(directory, "kube-api.log");
  await mkdir(directory, { recursive: true });
  await rm(logFile, { force: true });
  const nodes = labNodes(spec).map(({ name }, index) => ({ name, podCidrs: podCidrs(spec, index + 1) }));
  const options = JSON.stringify({ directory, host: storeIp(spec), port: PORT, nodes });
  const command = [process.execPath, await serverProgram(bundle), options];
  const pid = await startInNamespace(switchNamespace(spec.name), command, { logFile });
  await waitForLog({ name: "the API server", pid, logFile }, "serving", READY_TIMEOUT_MS);
  return pid;
}

async function serverProgram(bundle: string): Promise<string> {
  try {
    return await realpath(join(dirname(await realpath(bundle)), "lab-kube-api.mjs"));
  } catch (cause) {
    throw new TweedError({
      code: "program-missing",
      operation: "start the API server of a lab",
      reason: "this tweed was built without it; use one that was built in its source tree (npm run build)",
      cause,
    });
  }
}

/** @param who a node of the lab, or "administrator" */
export function kubeconfigFile(labName: string, who: string): string {
  return join(kubeApiDirectory(labName), `${who}.kubeconfig`);
}

function kubeApiDirectory(labName: string): string {
  return `${labDirectory(labName)}/kube-api`;
}

/**
 * Tells the API server how to treat its clients from now on: "close", "open", "stall", "flow", "refuse" and others,
 * which its program describes.
 * @throws TweedError `lab-kube-api`
 */
export function tellKubeApi(labName: string, act: string, details: JsonObject = {}): Promise<JsonValue> {
  const socketPath = join(kubeApiDirectory(labName), "control.sock");
  return new Promise((resolve, reject) => {
    const refuse = (reason: string, cause?: unknown) =>
      reject(
        new TweedError({ code: "lab-kube-api", operation: `tell the API server to ${act}`, reason, cause }),
      );
    const sent = request({ socketPath, method: "POST", path: `/${act}`, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("error", (error) => refuse(error.message, error));
      response.on("end", () => {
        const text = Buffer.concat(chunks).toString();
        if (response.statusCode === 200) resolve(JSON.parse(text) as JsonValue);
        else refuse(text);
      });
    });
    sent.on("error", (error) => refuse(error.message, error));
    sent.end(JSON.stringify(details));
  });
}
