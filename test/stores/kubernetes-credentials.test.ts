/** Where credentials come from, with real files and plugins, against an API server that looks at them. */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { KubernetesOptions } from "../../src/config/store-options.ts";
import { Api } from "../../src/lease/kubernetes/api.ts";
import { Credentials } from "../../src/lease/kubernetes/credentials.ts";
import { NodeHttp } from "../../src/lease/kubernetes/node-http.ts";
import { Outage } from "../../src/lease/kubernetes/outage.ts";
import { KUBERNETES_TIMING } from "../../src/lease/kubernetes/timing.ts";
import { systemClock } from "../../src/runtime/clock.ts";
import type { JsonObject } from "../../src/runtime/json.ts";
import { nodeFiles } from "../../src/runtime/node-files.ts";
import { systemRandom } from "../../src/runtime/random.ts";
import { DEADLINE_MS, eventually } from "../support/eventually.ts";
import { KubeApi } from "../support/kube-api/kube-api.ts";
import { nodeObject } from "../support/kube-api/node-object.ts";
import { processesOfThisSuite } from "../support/leftovers/machine.ts";
import { RecordingLog } from "../support/recording-log.ts";

let server: KubeApi;
beforeAll(async () => {
  server = await KubeApi.start();
  await server.create(nodeObject("n1"));
});
afterAll(() => server.stop());
beforeEach(() => {
  server.front.tokens.clear();
  server.front.seen.length = 0;
});
let apis: Api[] = [];
afterEach(() => {
  for (const api of apis) api.close();
  apis = [];
});

const { signal } = new AbortController();
const file = (name: string) => join(server.directory, name);
const caFile = () => file("ca.crt");

/** Reads a node again and again with the same credentials. */
function reader(
  options: Partial<KubernetesOptions>,
  waitMs = DEADLINE_MS,
  accountRoot = "",
): () => Promise<JsonObject> {
  const credentials = new Credentials(
    { apiUrl: null, kubeconfigFile: null, apiService: null, ...options },
    waitMs,
    { files: nodeFiles, clock: systemClock, accountRoot },
  );
  const outage = new Outage(systemClock, systemRandom, new RecordingLog(), KUBERNETES_TIMING.outage);
  const api = new Api(credentials, new NodeHttp(waitMs), outage, waitMs);
  apis.push(api);
  const request = { operation: "read node n1", path: "/api/v1/nodes/n1" };
  return async () => JSON.parse((await api.read(request, signal)).toString()) as JsonObject;
}

const tokensSeen = () => server.front.seen.map(({ token }) => token);

/** As kubectl writes it, in YAML. @param user the lines of the user, as they stand below `user:` */
async function kubeconfig(user: readonly string[]): Promise<string> {
  const path = file("kubeconfig.yaml");
  const lines = [
    "apiVersion: v1",
    "kind: Config",
    "clusters:",
    "- name: c",
    `  cluster: {server: "${server.front.url}", certificate-authority: ca.crt}`,
    "users:",
    "- name: u",
    "  user:",
    ...user.map((line) => `    ${line}`),
    "contexts:",
    "- name: x",
    "  context: {cluster: c, user: u}",
    "current-context: x",
  ];
  await writeFile(path, lines.join("\n"));
  return path;
}

describe("a kubeconfig", () => {
  test("with a token", async () => {
    server.front.tokens.add("static");
    const read = reader({ kubeconfigFile: await kubeconfig(["token: static"]) });
    expect(await read()).toMatchObject({ metadata: { name: "n1" } });
  });

  test("with a token file, beside it, that is rotated", async () => {
    server.front.tokens.add("first");
    await writeFile(file("token"), "first\n");
    const read = reader({ kubeconfigFile: await kubeconfig(["tokenFile: token"]) });
    await read();
    server.front.tokens.clear();
    server.front.tokens.add("second");
    await writeFile(file("token"), "second\n");
    await read();
    expect(tokensSeen()).toEqual(["first", "first", "second"]);
  });

  test("with a client certificate, which is shown to the server", async () => {
    const user = ["client-certificate: kube-apiserver.crt", "client-key: kube-apiserver.key"];
    const credentials = new Credentials(
      { apiUrl: null, kubeconfigFile: await kubeconfig(user), apiService: null },
      DEADLINE_MS,
      { files: nodeFiles, clock: systemClock },
    );
    const { tls } = await credentials.access(signal);
    expect(String(tls.cert)).toBe(await readFile(file("kube-apiserver.crt"), "utf8"));
    expect(String(tls.key)).toBe(await readFile(file("kube-apiserver.key"), "utf8"));
  });

  test("whose server --kube-api-url replaces", async () => {
    server.front.tokens.add("static");
    const path = await kubeconfig(["token: static"]);
    const text = await readFile(path, "utf8");
    await writeFile(path, text.replace(server.front.url, "https://192.0.2.1:6443"));
    await reader({ kubeconfigFile: path, apiUrl: server.front.url })();
    expect(tokensSeen()).toEqual(["static"]);
  });

  test.each([
    ["is not there", null, /no such file/],
    ["is none", "{]", /flow collection/],
    [
      "has no context",
      "apiVersion: v1\nkind: Config\n",
      /current-context: expected the name of one of contexts/,
    ],
  ])("that %s is named", async (_title, text, expected) => {
    const path = file("broken.yaml");
    if (text !== null) await writeFile(path, text);
    const read = reader({ kubeconfigFile: text === null ? file("absent.yaml") : path });
    const error = await read().catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: "kubeconfig", retryable: true });
    expect(String(error)).toMatch(expected);
    expect(String(error)).toContain(text === null ? "absent.yaml" : "broken.yaml");
  });
});

describe("an exec plugin", () => {
  /** Counts its runs in a file, and gives what `answer` says. */
  const plugin = async (answer: string) => {
    const program = file("plugin.mjs");
    await writeFile(file("runs"), "");
    await writeFile(
      program,
      `import { appendFileSync, readFileSync } from "node:fs";
const runs = ${JSON.stringify(file("runs"))};
appendFileSync(runs, "x");
const run = readFileSync(runs, "utf8").length;
const credential = (status) => console.log(JSON.stringify(
  { apiVersion: "client.authentication.k8s.io/v1", kind: "ExecCredential", status }));
${answer}`,
    );
    return kubeconfig([
      "exec:",
      "  apiVersion: client.authentication.k8s.io/v1",
      `  command: ${process.execPath}`,
      `  args: ["${program}"]`,
    ]);
  };
  const runs = async () => (await readFile(file("runs"), "utf8")).length;
  const LATER = "2099-01-01T00:00:00Z";

  test("gives a token that lasts, and another when that is refused", async () => {
    server.front.tokens.add("token-1");
    const answer = `credential({ token: "token-" + run, expirationTimestamp: "${LATER}" });`;
    const read = reader({ kubeconfigFile: await plugin(answer) });
    await read();
    await read();
    expect(await runs()).toBe(1);
    server.front.tokens.clear();
    server.front.tokens.add("token-2");
    await read();
    expect(tokensSeen()).toEqual(["token-1", "token-1", "token-1", "token-2"]);
  });

  test("that fails is quoted", async () => {
    const read = reader({ kubeconfigFile: await plugin('console.error("log in first"); process.exit(1);') });
    await expect(read()).rejects.toThrow(/log in first/);
  });

  test("that hangs is not waited for", async () => {
    // It ends when it may, also when it is told before it counted its run.
    const hang = `process.stdin.resume();
setInterval(() => { if (readFileSync(runs, "utf8").includes("end")) process.exit(); }, 20);`;
    const read = reader({ kubeconfigFile: await plugin(hang) }, 100);
    await expect(read()).rejects.toMatchObject({
      code: "kubeconfig",
      message: expect.stringContaining("no result within 0.1 s"),
    });
    await writeFile(file("runs"), "end");
    await eventually(() =>
      processesOfThisSuite().filter((command) => command.includes("plugin.mjs")),
    ).toEqual([]);
  });
});

describe("in a pod", () => {
  /** What the kubelet mounts. */
  const account = async (token: string) => {
    const mount = file("root/var/run/secrets/kubernetes.io/serviceaccount");
    await mkdir(mount, { recursive: true });
    await writeFile(join(mount, "token"), token);
    await writeFile(join(mount, "ca.crt"), await readFile(caFile()));
  };
  const here = () => {
    const { hostname, port } = new URL(server.front.url);
    return { apiService: { host: hostname, port } };
  };

  test("it is the pod's own account, whose token is rotated", async () => {
    await account("projected-1");
    server.front.tokens.add("projected-1");
    const read = reader(here(), DEADLINE_MS, file("root"));
    await read();
    server.front.tokens.clear();
    server.front.tokens.add("projected-2");
    await account("projected-2");
    await read();
    expect(tokensSeen()).toEqual(["projected-1", "projected-1", "projected-2"]);
  });

  test("--kube-api-url says where, and the account who", async () => {
    await account("projected");
    server.front.tokens.add("projected");
    const apiService = { host: "192.0.2.1", port: "443" };
    await reader({ apiUrl: server.front.url, apiService }, DEADLINE_MS, file("root"))();
    expect(tokensSeen()).toEqual(["projected"]);
  });

  test("that is none, it says which flags there are", async () => {
    await expect(reader({})()).rejects.toThrow(/expected --kubeconfig-file or --kube-api-url/);
  });
});
