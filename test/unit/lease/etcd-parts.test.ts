/** The parts of the etcd store that need no etcd. */
import { describe, expect, test } from "vitest";
import { parseEndpoints } from "../../../src/lease/etcd/endpoint.ts";
import { etcdError, isAnswer } from "../../../src/lease/etcd/error.ts";
import { EtcdKeys, keysUnder, rangeFields, singleKey, successor } from "../../../src/lease/etcd/keys.ts";
import { OutageLog } from "../../../src/lease/outage-log.ts";
import { abortable } from "../../../src/runtime/abortable.ts";
import { TweedError } from "../../../src/runtime/error.ts";
import { RecordingLog } from "../../support/recording-log.ts";
import { VirtualClock } from "../../support/virtual-clock.ts";

describe("parseEndpoints", () => {
  test.for([
    [["http://127.0.0.1:4001", "http://127.0.0.1:2379"], false, ["127.0.0.1:4001", "127.0.0.1:2379"], false],
    [["https://etcd.example:2379/"], false, ["etcd.example:2379"], true],
    [["http://192.0.2.7:2379", "https://192.0.2.8:2379"], true, ["192.0.2.7:2379", "192.0.2.8:2379"], false],
    [["https://192.0.2.7:2379", "http://192.0.2.8:2379"], false, ["192.0.2.7:2379", "192.0.2.8:2379"], true],
    [["192.0.2.7:2379"], true, ["192.0.2.7:2379"], true],
    [["192.0.2.7:2379"], false, ["192.0.2.7:2379"], false],
    [["https://[2001:db8::7]:2379"], false, ["[2001:db8::7]:2379"], true],
    [["unix:///run/etcd.sock"], false, ["unix:/run/etcd.sock"], false],
    [["unix:///run/etcd.sock"], true, ["unix:/run/etcd.sock"], true],
    [["unixs:///run/etcd.sock"], false, ["unix:/run/etcd.sock"], true],
    [[" http://192.0.2.7:2379 "], false, ["192.0.2.7:2379"], false],
  ] as const)("%j with TLS files %s", ([endpoints, hasTlsFiles, targets, isTls]) => {
    expect(parseEndpoints(endpoints, hasTlsFiles)).toEqual({ targets, isTls });
  });

  test.for([[[]], [[""]], [["http://"]], [["http://a b"]]] as const)("refuses %j", ([endpoints]) => {
    expect(() => parseEndpoints(endpoints, false)).toThrow(
      expect.objectContaining({ code: "invalid-endpoint", operation: "read etcd endpoints" }),
    );
  });

  test("says what is expected where there is none", () => {
    expect(() => parseEndpoints([], false)).toThrow(
      "there is none, expected at least one such as https://192.0.2.7:2379",
    );
  });

  test("does not repeat a password", () => {
    const parse = () => parseEndpoints(["http://user:hunter2@192.0.2.7:2379"], false);
    expect(parse).toThrow(/--etcd-username/);
    expect(parse).not.toThrow(/hunter2/);
  });
});

describe("keys", () => {
  test("are flannel's, and a range ends where its prefix does", () => {
    const keys = new EtcdKeys("/coreos.com/network");
    expect(keys.config).toBe("/coreos.com/network/config");
    expect(keys.lease("10.5.1.0-24").toString()).toBe("/coreos.com/network/subnets/10.5.1.0-24");
    const range = keysUnder(keys.subnets);
    expect([range.first.toString(), range.end?.toString()]).toEqual([
      "/coreos.com/network/subnets/",
      "/coreos.com/network/subnets0",
    ]);
    expect(singleKey("/a")).toEqual({ first: Buffer.from("/a"), end: null, prefix: "/a" });
    expect(Object.keys(rangeFields(singleKey("/a")))).toEqual(["key"]);
    expect(Object.keys(rangeFields(range))).toEqual(["key", "range_end"]);
    expect(successor(Buffer.from("/a"))).toEqual(Buffer.from("/a\0"));
  });
});

describe("etcdError", () => {
  test.for([
    ["14 UNAVAILABLE: No connection established.\n Resolution note: ", "store-unavailable", true],
    ["4 DEADLINE_EXCEEDED: Deadline exceeded", "store-unavailable", true],
    ["14 UNAVAILABLE: etcdserver: no leader", "store-unavailable", true],
    ["11 OUT_OF_RANGE: etcdserver: mvcc: required revision has been compacted", "store-compacted", false],
    ["5 NOT_FOUND: etcdserver: requested lease not found", "store-lease-gone", false],
    ["7 PERMISSION_DENIED: etcdserver: permission denied", "store-auth", true],
    [
      "3 INVALID_ARGUMENT: etcdserver: authentication failed, invalid user ID or password",
      "store-auth",
      true,
    ],
    ["9 FAILED_PRECONDITION: etcdserver: authentication is not enabled", "store-auth-off", false],
    ["16 UNAUTHENTICATED: etcdserver: invalid auth token", "store-token-gone", true],
    ["8 RESOURCE_EXHAUSTED: Received message larger than max (5 vs. 4)", "store-answer-too-large", false],
  ] as const)("%s", ([message, code, retryable]) => {
    const error = etcdError("list leases", new Error(message));
    expect(error).toMatchObject({ code, retryable, operation: "list leases" });
    expect(error.message).not.toMatch(/\n|Resolution note/);
    expect(isAnswer(error)).toBe(
      ["store-compacted", "store-lease-gone", "store-answer-too-large"].includes(code),
    );
  });

  test("has the library's text in one line, with what to do about a permission", () => {
    const text = (message: string) => etcdError("list leases", new Error(message)).message;
    expect(text("14 UNAVAILABLE:\n  no\tconnection.\n Resolution note: ")).toBe(
      "list leases: 14 UNAVAILABLE: no connection.",
    );
    expect(text("no connection. Resolution note:")).toBe("list leases: no connection.");
    expect(text("see Resolution note: none of dns")).toBe("list leases: see Resolution note: none of dns");
    expect(text("7 PERMISSION_DENIED: etcdserver: permission denied")).toMatch(
      /permission denied; check --etcd-username and what its roles allow$/,
    );
  });

  test("leaves an error that is one already", () => {
    const error = new TweedError({ code: "tls-file", operation: "read", reason: "missing" });
    expect(etcdError("list leases", error)).toBe(error);
  });
});

describe("OutageLog", () => {
  const error = new TweedError({ code: "store-unavailable", operation: "list", reason: "refused" });
  const outage = () => {
    const [log, clock] = [new RecordingLog(), new VirtualClock()];
    return { log, clock, outage: new OutageLog(log, clock, "etcd") };
  };

  test("is said once when it begins, once a minute, and once when it ends", async () => {
    const { log, clock, outage: away } = outage();
    await clock.sleep(500_000);
    for (let second = 0; second < 150; second++) {
      away.failed(error);
      await clock.sleep(1000);
    }
    away.succeeded();
    away.succeeded();
    expect(log.lines.map(({ level, fields }) => [level, fields.durationMs])).toEqual([
      ["warn", 0],
      ["warn", 60_000],
      ["warn", 120_000],
      ["info", 150_000],
    ]);
  });

  test("that flaps is not worth a line each time", async () => {
    const { log, clock, outage: away } = outage();
    for (let count = 0; count < 100; count++) {
      away.failed(error);
      await clock.sleep(50);
      away.succeeded();
      await clock.sleep(50);
    }
    expect(log.lines.length).toBeLessThanOrEqual(6);
  });
});

describe("abortable", () => {
  test("gives what the promise gives, or the reason why nobody waits any more", async () => {
    const stop = new AbortController();
    await expect(abortable(Promise.resolve(7), stop.signal)).resolves.toBe(7);
    await expect(abortable(Promise.reject(new Error("no")), stop.signal)).rejects.toThrow("no");
    const waiting = abortable(new Promise(() => undefined), stop.signal);
    stop.abort(new Error("enough"));
    await expect(waiting).rejects.toThrow("enough");
    await expect(abortable(Promise.resolve(7), stop.signal)).rejects.toThrow("enough");
  });
});
