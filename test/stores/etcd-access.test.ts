/** TLS and passwords on a real etcd, and that no secret ever shows. */
import { once } from "node:events";
import { createServer as createHttp2Server } from "node:http2";
import { createServer, type Socket } from "node:net";
import { experimental, logVerbosity } from "@grpc/grpc-js";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import type { EtcdOptions } from "../../src/config/store-options.ts";
import { execute } from "../../src/runtime/program.ts";
import { Secret } from "../../src/runtime/secret.ts";
import { type Certificate, CertificateAuthority } from "../support/certificates.ts";
import { EtcdBed, PREFIX } from "../support/etcd-bed.ts";
import { DEADLINE_MS, eventually } from "../support/eventually.ts";
import { content, flannelValue, nodeIp, request, V4 } from "../support/lease-fixtures.ts";
import { MaintainedLease } from "../support/maintained-lease.ts";

const signal = () => AbortSignal.timeout(DEADLINE_MS);
const acquire = (bed: EtcdBed, options: Partial<EtcdOptions>) =>
  bed.store(options).acquire(request(V4, content(nodeIp(1))), signal());

describe("TLS", () => {
  let authority: CertificateAuthority;
  let stranger: CertificateAuthority;
  let client: Certificate;
  let bed: EtcdBed;
  let strict: EtcdBed;
  beforeAll(async () => {
    authority = await CertificateAuthority.create();
    stranger = await CertificateAuthority.create();
    const server = await authority.issue("server");
    client = await authority.issue("client");
    const tls = { caFile: authority.certFile, ...server };
    bed = await EtcdBed.start({ ...tls, requiresClientCertificate: false });
    strict = await EtcdBed.start({ ...tls, requiresClientCertificate: true });
  });
  afterAll(async () => {
    await bed?.teardown();
    await strict?.teardown();
    await authority?.remove();
    await stranger?.remove();
  });

  test("a CA alone is enough where no client certificate is asked for", async () => {
    const held = await acquire(bed, { tls: { caFile: authority.certFile, clientCertificate: null } });
    expect(await bed.keys()).toEqual([held.lease.key]);
    const reader = bed.reader(bed.store({ tls: { caFile: authority.certFile, clientCertificate: null } }));
    await reader.untilKeys([held.lease.key]);
  });

  test("a client certificate is shown where one is asked for", async () => {
    const tls = { caFile: authority.certFile, clientCertificate: client };
    const held = await acquire(strict, { tls });
    expect(await strict.keys()).toEqual([held.lease.key]);
    // In a process of its own: gRPC leaves sockets open that the server refused after the handshake of TLS 1.3.
    const flags = [`--etcd-endpoints=${strict.server.endpoint}`, `--etcd-cafile=${authority.certFile}`];
    const release = ["dist/tweed.cjs", "store", "release", held.lease.key, ...flags];
    const { exitCode, stderr } = await execute(process.execPath, release);
    expect(exitCode).not.toBe(0);
    expect(stderr).toMatch(/release lease .*UNAVAILABLE/);
    expect(await strict.keys()).toEqual([held.lease.key]);
  });

  test.for([
    ["another authority's", (): string | null => stranger.certFile],
    ["nobody's but the system's", (): string | null => null],
  ] as const)("a server is not trusted on %s word", async ([, caFile]) => {
    const acquired = acquire(bed, { tls: { caFile: caFile(), clientCertificate: null } });
    await expect(acquired).rejects.toMatchObject({
      code: "store-unavailable",
      message: expect.stringMatching(/certificate/),
    });
  });

  test("the scheme of the first endpoint decides, certificates or not", async () => {
    const port = bed.server.port;
    const tls = { caFile: authority.certFile, clientCertificate: null };
    await acquire(bed, { endpoints: [`127.0.0.1:${port}`], tls });
    await expect(acquire(bed, { endpoints: [`http://127.0.0.1:${port}`], tls })).rejects.toThrow();
    expect(bed.log.text()).toContain("TLS files are given but the first etcd endpoint is plain http");
  });

  test("a file that is missing or is something else is named", async () => {
    const missing = { caFile: "/nowhere/ca.crt", clientCertificate: null };
    await expect(acquire(bed, { tls: missing })).rejects.toThrow("/nowhere/ca.crt");
    const mixedUp = { caFile: authority.keyFile, clientCertificate: null };
    await expect(acquire(bed, { tls: mixedUp })).rejects.toThrow(`read TLS file ${authority.keyFile}`);
  });
});

describe("authentication", () => {
  const PASSWORD = "hunter2-do-not-log";
  const root = { username: "root", password: "root-password" };
  let bed: EtcdBed;
  let admin: ReturnType<EtcdBed["server"]["client"]>;
  beforeAll(async () => {
    bed = await EtcdBed.start();
    const { auth } = bed.client as unknown as { auth: Record<string, (body?: object) => Promise<unknown>> };
    const call = (method: string, body?: object) => auth[method]?.call(auth, body);
    await call("userAdd", { name: root.username, password: root.password });
    await call("roleAdd", { name: "root" });
    await call("userGrantRole", { user: root.username, role: "root" });
    await call("userAdd", { name: "tweed", password: PASSWORD });
    await call("roleAdd", { name: "tweed" });
    const perm = {
      permType: "Readwrite",
      key: Buffer.from(`${PREFIX}/`),
      range_end: Buffer.from(`${PREFIX}0`),
    };
    await call("roleGrantPermission", { name: "tweed", perm });
    await call("userGrantRole", { user: "tweed", role: "tweed" });
    await call("authEnable");
    admin = bed.server.client(root);
  });
  afterEach(() => expect(bed.log.text()).not.toContain(PASSWORD));
  afterAll(async () => {
    admin?.close();
    await bed?.server.stop();
    bed?.client.close();
  });
  /** As the administrator. gRPC clients of one process share the connection that they log in on, and its wait after a failure. */
  const putByHttp = async (key: string, value: string) => {
    const post = async (path: string, body: object, headers: Record<string, string> = {}) => {
      const sent = { method: "POST", body: JSON.stringify(body), headers };
      const response = await fetch(`${bed.server.endpoint}/v3/${path}`, sent);
      const text = await response.text();
      if (!response.ok) throw new Error(`${path}: ${response.status} ${text}`);
      return JSON.parse(text) as { readonly token?: string };
    };
    const base64 = (text: string) => Buffer.from(text).toString("base64");
    const { token = "" } = await post("auth/authenticate", { name: root.username, password: root.password });
    await post("kv/put", { key: base64(key), value: base64(value) }, { authorization: token });
  };
  const credentials = (password: string) => ({ username: "tweed", password: new Secret(password) });

  test("a user may do what a daemon does, and nothing needs more", async () => {
    const store = bed.store({ credentials: credentials(PASSWORD) });
    const held = await store.acquire(request(V4, content(nodeIp(1))), signal());
    const reader = bed.reader(store);
    await reader.untilKeys([held.lease.key]);
    const kept = new MaintainedLease(store, held, signal());
    await eventually(() => bed.watchers()).toBe(2);
    await admin.delete().key(`${PREFIX}/subnets/${held.lease.key}`);
    await eventually(() => kept.fate).toMatch(/deleted/);
    await reader.stop();
    await store.close();
  });

  test.for([
    ["a wrong password", { credentials: credentials("wrong-secret") }],
    ["no password", {}],
    ["a prefix that the role does not have", { credentials: credentials(PASSWORD), prefix: "/other" }],
  ] as const)("%s is refused with what to check, and without the secret", async ([, options]) => {
    const error = await acquire(bed, options).catch((thrown: unknown) => thrown);
    // A daemon waits for it to be put right, as its configuration does that is followed before.
    expect(error).toMatchObject({ code: "store-auth", retryable: true });
    expect(String(error)).toContain("--etcd-username");
    expect(JSON.stringify(error) + String(error)).not.toMatch(/wrong-secret|hunter2/);
  });

  test("a token that etcd forgot is replaced", async () => {
    const store = bed.store({ credentials: credentials(PASSWORD) });
    const reader = bed.reader(store);
    await reader.until(() => true);
    // Tokens of the default provider live in the server's memory.
    await bed.server.kill();
    await bed.server.resume();
    await putByHttp(`${PREFIX}/subnets/10.5.9.0-24`, flannelValue(nodeIp(9)));
    await reader.until(({ leases }) => leases.some(({ key }) => key === "10.5.9.0-24"));
    const published = request(V4, content(nodeIp(2)));
    await eventually(() => store.acquire(published, signal())).toMatchObject({ lease: published.content });
    await reader.stop();
    await store.close();
  });
});

describe.each(["grpc_proxy", "https_proxy", "http_proxy"])("%s in the environment", (variable) => {
  let bed: EtcdBed;
  beforeAll(async () => {
    bed = await EtcdBed.start();
  });
  afterEach(() => vi.unstubAllEnvs());
  afterAll(() => bed?.teardown());

  test("is no proxy to the store", async () => {
    vi.stubEnv(variable, "http://127.0.0.1:9");
    const held = await acquire(bed, {});
    expect(await bed.keys()).toEqual([held.lease.key]);
    const reader = bed.reader(bed.store());
    await reader.untilKeys([held.lease.key]);
  });
});

test("what the gRPC library has to say goes to the log, at its lowest level", async () => {
  const stderr = vi.spyOn(console, "error");
  const bed = await EtcdBed.start();
  try {
    await acquire(bed, {});
    experimental.log(logVerbosity.ERROR, "excess pings from", 127);
    expect(bed.log.lines).toContainEqual({
      level: "debug",
      fields: { store: "etcd", op: "grpc", reason: "excess pings from 127" },
      message: "gRPC library message",
    });
    expect(stderr).not.toHaveBeenCalled();
  } finally {
    stderr.mockRestore();
    await bed.teardown();
  }
});

describe("an etcd that asks for nothing", () => {
  let bed: EtcdBed;
  beforeAll(async () => {
    bed = await EtcdBed.start();
  });
  afterEach(() => bed.clear());
  afterAll(() => bed?.teardown());

  test("is used without a password, and it is said once", async () => {
    const credentials = { username: "tweed", password: new Secret("not-needed") };
    await acquire(bed, { credentials });
    expect(bed.log.warnings().map((line) => line.message)).toEqual([
      "etcd authentication disabled, continuing without login",
    ]);
  });

  test("is asked to answer only while the member has a leader", async () => {
    const headers: unknown[] = [];
    const server = createHttp2Server((incoming, response) => {
      headers.push(incoming.headers);
      response.stream.respond({ ":status": 200, "grpc-status": "14" }, { endStream: true });
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    try {
      const { port } = server.address() as { port: number };
      const acquired = acquire(bed, { endpoints: [`http://127.0.0.1:${port}`] });
      await expect(acquired).rejects.toMatchObject({ code: "store-unavailable" });
      expect(headers).toMatchObject([{ ":path": "/etcdserverpb.KV/Range", hasleader: "true" }]);
    } finally {
      server.close();
    }
  });

  test("is found behind an endpoint that takes connections and says nothing", async () => {
    const connections: Socket[] = [];
    const mute = createServer((connection) => connections.push(connection));
    mute.listen(0, "127.0.0.1");
    await once(mute, "listening");
    try {
      const { port } = mute.address() as { port: number };
      const endpoints = [`http://127.0.0.1:${port}`, bed.server.endpoint];
      const store = bed.store({ endpoints }, { requestTimeoutMs: 500 });
      const published = request(V4, content(nodeIp(1)));
      // As the agent does: on a slow machine the other endpoint may not be in time at once either.
      await eventually(() => store.acquire(published, signal())).toMatchObject({ lease: published.content });
      expect(connections).not.toEqual([]);
    } finally {
      mute.close();
      for (const connection of connections) connection.destroy();
    }
  });
});
