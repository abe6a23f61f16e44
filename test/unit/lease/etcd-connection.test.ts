/** Which endpoint a request goes to, when a client is discarded, and what is said about it. */
import { describe, expect, test } from "vitest";
import type { EtcdOptions } from "../../../src/config/store-options.ts";
import type { ClientOptions, EtcdClient } from "../../../src/lease/etcd/client.ts";
import { EtcdConnection } from "../../../src/lease/etcd/connection.ts";
import { ETCD_TIMING } from "../../../src/lease/etcd/timing.ts";
import { Secret } from "../../../src/runtime/secret.ts";
import { MemoryFiles } from "../../support/memory-files.ts";
import { RecordingLog } from "../../support/recording-log.ts";
import { VirtualClock } from "../../support/virtual-clock.ts";

const { signal } = new AbortController();
const NO_TLS = { caFile: null, clientCertificate: null };
const TWO = ["http://192.0.2.1:2379", "http://192.0.2.2:2379"];
const AUTH = { username: "tweed", password: new Secret("hunter2") };
const AWAY = new Error("14 UNAVAILABLE: connection refused");

interface FakeClient extends EtcdClient {
  readonly number: number;
}

function bed(options: Partial<EtcdOptions> = {}) {
  const opened: ClientOptions[] = [];
  const closed: number[] = [];
  const log = new RecordingLog();
  const files = new MemoryFiles();
  const failures: (Error | null)[] = [];
  const connection = new EtcdConnection(
    {
      kind: "etcd",
      endpoints: TWO,
      prefix: "/p",
      tls: NO_TLS,
      credentials: null,
      renewMarginMs: 1,
      ...options,
    },
    ETCD_TIMING,
    {
      files,
      log,
      clock: new VirtualClock(),
      connect: async (client) => {
        opened.push(client);
        const number = opened.length;
        const failure = failures.shift() ?? null;
        if (failure !== null) throw failure;
        return { number, close: () => void closed.push(number) } as unknown as EtcdClient;
      },
    },
  );
  /** Fails with these errors in turn, and then returns the client's number. */
  const script = (...errors: readonly Error[]) => {
    const left = [...errors];
    return async (client: EtcdClient) => {
      const error = left.shift();
      if (error !== undefined) throw error;
      return (client as FakeClient).number;
    };
  };
  const targets = () => opened.map(({ target }) => target);
  return { connection, opened, closed, log, files, failures, script, targets };
}

describe("a client", () => {
  test("is made with the first request, and used again", async () => {
    const { connection, script, opened } = bed();
    expect(opened).toEqual([]);
    expect(await connection.read("list", signal, script())).toBe(1);
    expect(await connection.write("put", signal, script())).toBe(1);
    expect(await connection.streamClient()).toMatchObject({ number: 1 });
    expect(opened).toMatchObject([
      { target: "192.0.2.1:2379", tls: null, auth: null, timing: ETCD_TIMING, generation: 0 },
    ]);
  });

  test("has the certificates as they are when it is made", async () => {
    const { connection, script, files, opened } = bed({
      endpoints: ["https://192.0.2.1:2379"],
      tls: { caFile: "/ca.pem", clientCertificate: null },
    });
    files.put("/ca.pem", "first CERTIFICATE-----");
    await connection.read("list", signal, script());
    files.put("/ca.pem", "second CERTIFICATE-----");
    await expect(connection.read("list", signal, script(AWAY))).rejects.toThrow("connection refused");
    await connection.read("list", signal, script());
    expect(opened.map(({ tls }) => String(tls?.rootCertificate).split(" ")[0])).toEqual(["first", "second"]);
  });

  test("logs in with the password, and says when etcd's authentication changes", async () => {
    const { connection, script, opened, log } = bed({ credentials: AUTH });
    await connection.read("list", signal, script());
    const auth = opened[0]?.auth;
    expect(auth).toMatchObject({ username: "tweed", password: "hunter2" });
    for (const isOn of [true, false, false, true]) auth?.onLogin(isOn);
    expect(log.lines.map(({ level, fields, message }) => [level, fields.op, message])).toEqual([
      ["warn", "log-in-to-etcd", "etcd authentication disabled, continuing without login"],
      ["info", "log-in-to-etcd", "etcd authentication enabled, logged in"],
    ]);
  });

  test("of plain http is a warning where TLS files are given, whichever", () => {
    const caFile = { caFile: "/ca.pem", clientCertificate: null };
    const certificate = { caFile: null, clientCertificate: { certFile: "/c.pem", keyFile: "/k.pem" } };
    const warnings = (options: Partial<EtcdOptions>) => bed(options).log.lines.map(({ message }) => message);
    const expected = ["TLS files are given but the first etcd endpoint is plain http"];
    expect([warnings({ tls: caFile }), warnings({ tls: certificate })]).toEqual([expected, expected]);
    expect(warnings({ tls: caFile, endpoints: ["https://192.0.2.1:2379"] })).toEqual([]);
    expect(warnings({})).toEqual([]);
  });
});

describe("a request that fails", () => {
  test("to read is sent to each endpoint once", async () => {
    const { connection, script, targets, closed } = bed();
    expect(await connection.read("list", signal, script(AWAY))).toBe(2);
    expect(targets()).toEqual(["192.0.2.1:2379", "192.0.2.2:2379"]);
    expect(closed).toEqual([1]);
    await expect(connection.read("list", signal, script(AWAY, AWAY))).rejects.toMatchObject({
      code: "store-unavailable",
      operation: "list",
    });
    expect(await connection.read("list", signal, script())).toBe(4);
    expect(targets()).toEqual(["192.0.2.1:2379", "192.0.2.2:2379", "192.0.2.1:2379", "192.0.2.2:2379"]);
  });

  test("to write is not sent again, and the next one goes to the next endpoint", async () => {
    const { connection, script, targets, closed } = bed();
    await expect(connection.write("put", signal, script(AWAY))).rejects.toThrow("connection refused");
    expect(closed).toEqual([1]);
    expect(await connection.write("put", signal, script())).toBe(2);
    expect(targets()).toEqual(["192.0.2.1:2379", "192.0.2.2:2379"]);
  });

  test("because etcd answers so leaves the client in use", async () => {
    const { connection, script, closed } = bed();
    const gone = new Error("etcdserver: requested lease not found");
    await expect(connection.read("revoke", signal, script(gone))).rejects.toMatchObject({
      code: "store-lease-gone",
    });
    expect(await connection.read("list", signal, script())).toBe(1);
    expect(closed).toEqual([]);
    expect(connection.health.outage).toBeNull();
  });

  test("for lack of a permission is not sent to the other endpoint", async () => {
    const { connection, script, targets } = bed();
    const denied = new Error("7 PERMISSION_DENIED: etcdserver: permission denied");
    await expect(connection.read("list", signal, script(denied))).rejects.toMatchObject({
      code: "store-auth",
    });
    expect(targets()).toHaveLength(1);
    expect(connection.health.outage?.reason).toMatch(
      /^etcd at 192\.0\.2\.1:2379, 192\.0\.2\.2:2379 refuses: .*permission denied/,
    );
  });

  test("after the daemon has stopped says why it stopped", async () => {
    const { connection, script, closed } = bed();
    const stop = new AbortController();
    const sent = connection.read("list", stop.signal, script(AWAY));
    stop.abort(new Error("stopped"));
    await expect(sent).rejects.toThrow("stopped");
    expect(closed).toEqual([]);
  });
});

describe("a token that is gone", () => {
  const GONE = new Error("16 UNAUTHENTICATED: etcdserver: invalid auth token");
  const NAMELESS = new Error("3 INVALID_ARGUMENT: etcdserver: user name is empty");

  test.each([GONE, NAMELESS])("is replaced once, for a write too: %s", async (error) => {
    const { connection, script, closed } = bed({ credentials: AUTH });
    expect(await connection.write("put", signal, script(error))).toBe(2);
    expect(closed).toEqual([1]);
    expect(connection.health.outage).toBeNull();
  });

  test("again is a failure", async () => {
    const { connection, script, opened } = bed({ credentials: AUTH });
    await expect(connection.write("put", signal, script(GONE, GONE))).rejects.toMatchObject({
      code: "store-token-gone",
    });
    expect(opened).toHaveLength(2);
  });

  test("leaves a read its other endpoints", async () => {
    const { connection, script } = bed({ credentials: AUTH });
    expect(await connection.read("list", signal, script(GONE, AWAY))).toBe(3);
  });

  test("is not what another failure with credentials means", async () => {
    const { connection, script, opened } = bed({ credentials: AUTH });
    await expect(connection.write("put", signal, script(AWAY))).rejects.toThrow("connection refused");
    expect(opened).toHaveLength(1);
  });

  test("without credentials is a failure at once", async () => {
    const { connection, script, opened } = bed();
    await expect(connection.write("put", signal, script(NAMELESS))).rejects.toMatchObject({
      code: "store-auth",
    });
    expect(opened).toHaveLength(1);
  });
});

describe("an outage", () => {
  test("is in the health and in the log, and ends with an answer", async () => {
    const { connection, script, log } = bed();
    await expect(connection.write("put", signal, script(AWAY))).rejects.toThrow();
    expect(connection.health.outage?.reason).toMatch(
      /^etcd at 192\.0\.2\.1:2379, 192\.0\.2\.2:2379 does not answer: .*connection refused/,
    );
    expect(connection.health.outage?.reason).not.toContain("put:");
    expect(log.warnings()).toHaveLength(1);
    await connection.write("put", signal, script());
    expect(connection.health.outage).toBeNull();
    expect(log.lines.at(-1)?.level).toBe("info");
  });

  test("of a client that cannot be made is one too", async () => {
    const { connection, script, failures, closed } = bed();
    failures.push(new Error("no route"));
    await expect(connection.write("put", signal, script())).rejects.toThrow("no route");
    expect(connection.health.outage).not.toBeNull();
    expect(await connection.write("put", signal, script())).toBe(2);
    expect(closed).toEqual([]);
  });

  test("that an old client reports does not discard the present one", async () => {
    const { connection, script, closed } = bed();
    const old = connection.streamClient();
    await connection.read("list", signal, script(AWAY));
    const error = await connection.write("put", signal, script(AWAY)).catch((thrown) => thrown);
    const present = connection.streamClient();
    await present;
    connection.failed(old, error);
    expect(await connection.streamClient()).toBe(await present);
    expect(closed).toEqual([1, 2]);
  });
});

test("closing closes the client, and what fails afterwards is no outage", async () => {
  const { connection, script, closed, log } = bed();
  const client = connection.streamClient();
  await client;
  connection.close();
  await client;
  expect(closed).toEqual([1]);
  const error = await bed()
    .connection.write("put", signal, script(AWAY))
    .catch((thrown) => thrown);
  connection.failed(client, error);
  expect(connection.health.outage).toBeNull();
  expect(log.lines).toEqual([]);
  await expect(connection.read("list", signal, script())).rejects.toThrow("used after it was closed");
  bed().connection.close();
});
