/** The address of the API server and what is shown to it, by the kubeconfig, the flags and the pod's account. */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Credentials } from "../../../src/lease/kubernetes/credentials.ts";
import { MemoryFiles } from "../../support/memory-files.ts";
import { VirtualClock } from "../../support/virtual-clock.ts";

const FILE = "/etc/tweed/kubeconfig";
const ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount";
const { signal } = new AbortController();
const base64 = (text: string) => Buffer.from(text).toString("base64");

interface Written {
  readonly cluster?: object;
  readonly user?: object | null;
  readonly context?: object;
}

function kubeconfig({ cluster, user = {}, context }: Written = {}): string {
  return JSON.stringify({
    clusters: [
      { name: "other", cluster: { server: "https://192.0.2.9" } },
      { name: "c", cluster: cluster ?? { server: "https://192.0.2.1:6443/base" } },
    ],
    users: [
      { name: "other", user: { token: "of-another" } },
      { name: "u", user },
    ],
    contexts: [{ name: "x", context: context ?? { cluster: "c", user: "u" } }],
    "current-context": "x",
  });
}

type Options = ConstructorParameters<typeof Credentials>[0];

function bed(options: Partial<Options>, accountRoot?: string) {
  const files = new MemoryFiles();
  const clock = new VirtualClock();
  const credentials = new Credentials(
    { apiUrl: null, kubeconfigFile: null, apiService: null, ...options },
    2_500,
    { files, clock, ...(accountRoot === undefined ? {} : { accountRoot }) },
  );
  return { files, clock, credentials, access: () => credentials.access(signal) };
}

/** What is read from a kubeconfig. */
function accessBy(written: Written, options: Partial<Options> = {}) {
  const { files, access } = bed({ kubeconfigFile: FILE, ...options });
  files.put(FILE, kubeconfig(written));
  return access();
}

describe("a kubeconfig", () => {
  test("names the server, and nothing that it does not say", async () => {
    const { url, ...access } = await accessBy({});
    expect(url.href).toBe("https://192.0.2.1:6443/base");
    expect(access).toEqual({
      headers: {},
      tls: {},
      proxyAgent: null,
      isFresh: true,
    });
  });

  test("has certificates and the server's name for TLS", async () => {
    const { tls } = await accessBy({
      cluster: {
        server: "https://192.0.2.1",
        "certificate-authority-data": base64("ca"),
        "tls-server-name": "kubernetes",
      },
      user: { "client-certificate-data": base64("cert"), "client-key-data": base64("key") },
    });
    expect(tls).toEqual({
      ca: Buffer.from("ca"),
      cert: Buffer.from("cert"),
      key: Buffer.from("key"),
      servername: "kubernetes",
    });
  });

  test.each([
    ["https://192.0.2.1", { "insecure-skip-tls-verify": true }],
    ["http://192.0.2.1", {}],
  ])("of %s with %j leaves the certificate unverified", async (server, more) => {
    const { tls } = await accessBy({ cluster: { server, ...more } });
    expect(tls.rejectUnauthorized).toBe(false);
  });

  test("has a token, or a name and a password", async () => {
    expect((await accessBy({ user: { token: "t" } })).headers).toEqual({ Authorization: "Bearer t" });
    expect((await accessBy({ user: { username: "name", password: "word" } })).headers).toEqual({
      Authorization: `Basic ${base64("name:word")}`,
    });
  });

  test("has a proxy, or none", async () => {
    const { proxyAgent } = await accessBy({
      cluster: { server: "https://192.0.2.1", "proxy-url": "http://192.0.2.8:3128" },
    });
    expect(proxyAgent).not.toBeNull();
  });

  test("without a user shows nothing", async () => {
    for (const written of [{ context: { cluster: "c" } }, { user: null }]) {
      const { url, headers } = await accessBy(written);
      expect([url.hostname, headers]).toEqual(["192.0.2.1", {}]);
    }
  });

  test("gives its credentials to the server of --kube-api-url", async () => {
    const options = { apiUrl: "http://192.0.2.2:8080" };
    const { url, headers, tls } = await accessBy({ user: { token: "t" } }, options);
    expect(url.href).toBe("http://192.0.2.2:8080/");
    expect([headers, tls]).toEqual([{ Authorization: "Bearer t" }, { rejectUnauthorized: false }]);
  });

  test.each<[string, object]>([
    ["beside it", { tokenFile: "token" }],
    ["by its whole path", { tokenFile: "/etc/tweed/token" }],
    [
      "of the auth provider",
      { "auth-provider": { name: "tokenFile", config: { tokenFile: "/etc/tweed/token" } } },
    ],
  ])("has a token in a file %s", async (_where, user) => {
    const { files, access, clock } = bed({ kubeconfigFile: FILE });
    files.put(FILE, kubeconfig({ user }));
    files.put("/etc/tweed/token", "first\n");
    await clock.sleep(1_000_000);
    expect((await access()).headers).toEqual({ Authorization: "Bearer first" });
    files.put("/etc/tweed/token", "second\n");
    await clock.sleep(60_000);
    expect((await access()).headers).toEqual({ Authorization: "Bearer first" });
    await clock.sleep(1);
    expect((await access()).headers).toEqual({ Authorization: "Bearer second" });
  });

  test("is read again once it is forgotten", async () => {
    const { files, access, credentials } = bed({ kubeconfigFile: FILE });
    files.put(FILE, kubeconfig({ user: { token: "first" } }));
    expect(await access()).toMatchObject({ isFresh: true });
    files.put(FILE, kubeconfig({ user: { token: "second" } }));
    expect(await access()).toMatchObject({ isFresh: false, headers: { Authorization: "Bearer first" } });
    credentials.forget();
    expect(await access()).toMatchObject({ isFresh: true, headers: { Authorization: "Bearer second" } });
  });

  test.each<[string, string | null, RegExp]>([
    ["is not there", null, /^read credentials from \/etc\/tweed\/kubeconfig: ENOENT/],
    [
      "is no object",
      '"text"',
      /: it is not a kubeconfig, expected clusters, users, contexts and current-context$/,
    ],
    ["is null", "null", /: it is not a kubeconfig/],
    ["has no context", "{}", /: current-context: expected the name of one of contexts$/],
    [
      "has an unknown cluster",
      kubeconfig({ context: { cluster: "absent", user: "u" } }),
      /: the current context's cluster: expected the name of one of clusters$/,
    ],
    [
      "has an unknown user",
      kubeconfig({ context: { cluster: "c", user: "absent" } }),
      /: the current context's user: expected the name of one of users$/,
    ],
    ["has no server", kubeconfig({ cluster: {} }), /: clusters\[1\]\.cluster\.server is missing$/],
    [
      "has a server that is no URL",
      kubeconfig({ cluster: { server: "no url" } }),
      /: clusters\[1\]\.cluster\.server: expected a URL, such as https:/,
    ],
    ["has a number as server", kubeconfig({ cluster: { server: 7 } }), /\.server: expected a string$/],
    [
      "has a token that is a list",
      kubeconfig({ user: { token: ["t"] } }),
      /: users\[1\]\.user\.token: expected a string$/,
    ],
    ["has no list of users", '{"users":7}', /: users: expected a list$/],
    ["has an entry that is null", '{"clusters":[null]}', /: clusters\[0\]: expected a mapping with a name$/],
  ])("that %s is an error that a retry may find mended", async (_what, text, reason) => {
    const { files, access } = bed({ kubeconfigFile: FILE });
    if (text !== null) files.put(FILE, text);
    const error = await access().catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: "kubeconfig", retryable: true });
    expect((error as Error).message).toMatch(reason);
  });

  test("that hangs is given up", async () => {
    const { files, access, clock } = bed({ kubeconfigFile: FILE });
    files.put(FILE, kubeconfig({ user: { tokenFile: "/hangs" } }));
    const read = files.read.bind(files);
    files.read = (path, ...rest) => (path === "/hangs" ? new Promise(() => {}) : read(path, ...rest));
    const failure = access().catch((thrown: unknown) => thrown);
    await clock.sleep(3_000);
    expect(await failure).toMatchObject({
      code: "kubeconfig",
      message: `read credentials from ${FILE}: no result within 2.5 s`,
    });
  });

  test("is not waited for by a daemon that stops", async () => {
    const { files, credentials } = bed({ kubeconfigFile: FILE });
    files.put(FILE, kubeconfig({ user: { tokenFile: "/hangs" } }));
    const read = files.read.bind(files);
    files.read = (path, ...rest) => (path === "/hangs" ? new Promise(() => {}) : read(path, ...rest));
    const stop = new AbortController();
    const reading = credentials.access(stop.signal);
    stop.abort(new Error("stopped"));
    await expect(reading).rejects.toThrow("stopped");
  });

  test("whose plugin fails at length is quoted by 200 characters of the first line", async () => {
    const { files, access } = bed({ kubeconfigFile: FILE });
    files.put(FILE, kubeconfig({ user: { tokenFile: "/token" } }));
    const read = files.read.bind(files);
    files.read = (path, ...rest) =>
      path === "/token" ? Promise.reject(new Error(`\n${"x".repeat(300)}\nsecond`)) : read(path, ...rest);
    await expect(access()).rejects.toMatchObject({
      message: `read credentials from ${FILE}: ${"x".repeat(200)}`,
    });
  });
});

describe("in a pod", () => {
  /** The library reads the certificate from the real file system. */
  let root: string;
  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), "tw-account-"));
    await mkdir(join(root, ACCOUNT), { recursive: true });
    await writeFile(join(root, ACCOUNT, "ca.crt"), "ca of the cluster");
  });
  afterAll(() => rm(root, { recursive: true }));

  function accessOf(options: Partial<Options>) {
    const { files, access } = bed(options, root);
    files.put(`${root}${ACCOUNT}/token`, "pod");
    return access();
  }

  test.each([
    ["10.96.0.1", "443", "https://10.96.0.1/"],
    ["fd00::1", "6443", "https://[fd00::1]:6443/"],
    ["10.96.0.1", "8080", "http://10.96.0.1:8080/"],
    ["10.96.0.1", "80", "http://10.96.0.1/"],
    ["10.96.0.1", "8001", "http://10.96.0.1:8001/"],
  ])("the service at %s, port %s is %s", async (host, port, expected) => {
    const { url, headers, tls } = await accessOf({ apiService: { host, port } });
    expect([url.href, headers]).toEqual([expected, { Authorization: "Bearer pod" }]);
    const ca = Buffer.from("ca of the cluster");
    expect(tls).toEqual(expected.startsWith("https:") ? { ca } : { ca, rejectUnauthorized: false });
  });

  test("--kube-api-url replaces the service, and the account is shown to it", async () => {
    const apiService = { host: "10.96.0.1", port: "443" };
    const { url, headers } = await accessOf({ apiService, apiUrl: "https://192.0.2.2" });
    expect([url.href, headers]).toEqual(["https://192.0.2.2/", { Authorization: "Bearer pod" }]);
  });

  test("--kube-api-url suffices without an account, and its certificate is verified", async () => {
    const { url, headers, tls } = await bed({ apiUrl: "https://192.0.2.2" }).access();
    expect([url.href, headers, tls]).toEqual(["https://192.0.2.2/", {}, {}]);
  });

  test("that is none, the flags are named", async () => {
    await expect(bed({}).access()).rejects.toThrow(
      "read credentials from the pod's service account: not in a pod (KUBERNETES_SERVICE_HOST is not set), expected --kubeconfig-file or --kube-api-url",
    );
  });
});
