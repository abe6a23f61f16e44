/**
 * The API server of a lab, as a program: `node lab-kube-api.mjs JSON`. It makes the Nodes and a kubeconfig for each,
 * prints "serving" when all of them are usable, and runs until it is killed. Orders come through a socket in its
 * directory, which is reachable from every namespace.
 */
import { createServer } from "node:http";
import { join } from "node:path";
import type { JsonObject } from "../../../src/runtime/json.ts";
import { ADMIN_TOKEN, type Refusal } from "./front.ts";
import { KubeApi, type KubeApiOptions } from "./kube-api.ts";
import { nodeObject } from "./node-object.ts";

interface LabServerOptions extends Pick<KubeApiOptions, "directory" | "host" | "port"> {
  readonly nodes: readonly { readonly name: string; readonly podCidrs: readonly string[] }[];
}

const { nodes, ...options } = JSON.parse(process.argv[2] ?? "{}") as LabServerOptions;
const api = await KubeApi.start(options);
const { front } = api;

const tokens = new Map<string, string>();
let rotations = 0;

await api.kubeconfig("administrator", ADMIN_TOKEN);
for (const { name, podCidrs } of nodes) {
  await api.create(nodeObject(name, { podCidrs }));
  await giveToken(name);
}

/** Its orders, each a POST to its name with a JSON object; the answer is JSON too. */
const ACTS: Readonly<Record<string, (request: JsonObject) => unknown>> = {
  /** Refuses and ends every connection, until "open". */
  close: () => front.stop(),
  open: () => front.start(),
  /** Accepts requests and sends nothing more, until "flow"; with `{"what":"watches"}` only to watches. */
  stall: ({ what }) => front.stall(what === "watches" ? "watches" : "everything"),
  flow: () => front.flow(),
  /** Answers everything with the given status, for example `{"status":429,"retryAfter":"1"}`, until "accept". */
  refuse: (refusal) => {
    front.refusal = refusal as unknown as Refusal;
  },
  accept: () => {
    front.refusal = null;
  },
  /** Ends every current connection. */
  cut: () => front.cut(),
  /** "410 Gone" in the middle of every watch; impossible with a real server. */
  expire: () => api.standIn?.expire(),
  /** Gives `{"name":"node1"}` another token; the previous one becomes invalid. */
  rotate: ({ name }) => giveToken(String(name)),
  /** Invalidates the token of `{"name":"node1"}`; there is no other until "rotate". */
  revoke: ({ name }) => void front.tokens.delete(tokens.get(String(name)) ?? ""),
  /** Adds a node, as `{"name":"peer1","podCidr":"10.244.201.0/24","annotations":{…}}`. */
  add: ({ name, podCidr, annotations }) => {
    const fields = { podCidrs: [String(podCidr)], annotations: annotations as Record<string, string> };
    return api.create(nodeObject(String(name), fields));
  },
  /** Changes annotations of a Node, as `{"name":"peer1","annotations":{…}}`; null removes one. */
  annotate: ({ name, annotations }) =>
    api.patch(String(name), { metadata: { annotations: annotations ?? {} } }),
  remove: ({ name }) => api.delete(String(name)),
  /** Sets a condition, as `{"name":"node1","condition":{"type":"NetworkUnavailable","status":"True",…}}`. */
  condition: ({ name, condition }) => api.patchStatus(String(name), { conditions: [condition ?? {}] }),
  /** The Node of this name. */
  node: ({ name }) => api.get(String(name)),
  /** Returns and clears all recorded requests except the administrator's. */
  seen: () => front.seen.splice(0),
};

async function giveToken(name: string): Promise<void> {
  const before = tokens.get(name);
  const token = `token-${++rotations}-of-${name}`;
  await api.kubeconfig(name, token);
  tokens.set(name, token);
  if (before !== undefined) front.tokens.delete(before);
}

const control = createServer(async (request, response) => {
  const act = ACTS[(request.url ?? "").slice(1)];
  try {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    if (act === undefined) throw new Error(`it does one of ${Object.keys(ACTS).join(", ")}`);
    const result = await act(JSON.parse(Buffer.concat(chunks).toString() || "{}") as JsonObject);
    response.end(JSON.stringify(result ?? null));
  } catch (error) {
    response.writeHead(400).end(String(error));
  }
});
control.listen(join(options.directory, "control.sock"), () => console.log("serving"));
