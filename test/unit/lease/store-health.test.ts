import { createServer } from "node:net";
import { describe, expect, it } from "vitest";
import { createClient } from "../../../src/lease/etcd/client.ts";
import { EtcdConnection } from "../../../src/lease/etcd/connection.ts";
import { ETCD_TIMING } from "../../../src/lease/etcd/timing.ts";
import { ApiError } from "../../../src/lease/kubernetes/api-error.ts";
import { Outage } from "../../../src/lease/kubernetes/outage.ts";
import { KUBERNETES_TIMING } from "../../../src/lease/kubernetes/timing.ts";
import { plainReason, StoreHealth } from "../../../src/lease/store-health.ts";
import { systemClock } from "../../../src/runtime/clock.ts";
import { silentLog } from "../../../src/runtime/log.ts";
import { nodeFiles } from "../../../src/runtime/node-files.ts";
import { systemRandom } from "../../../src/runtime/random.ts";
import { DEADLINE_MS } from "../../support/eventually.ts";
import { VirtualClock } from "../../support/virtual-clock.ts";

describe("a store that does not answer is named, with the reason", () => {
  it("etcd, which refuses connections", async () => {
    const port = await unusedPort();
    const options = {
      ...({
        kind: "etcd",
        endpoints: [`http://127.0.0.1:${port}`],
        prefix: "/net",
        credentials: null,
      } as const),
      ...{ tls: { caFile: null, clientCertificate: null }, renewMarginMs: 1000 },
    };
    const connection = new EtcdConnection(options, ETCD_TIMING, {
      files: nodeFiles,
      clock: systemClock,
      log: silentLog,
      connect: createClient,
    });
    const read = connection.read("list", AbortSignal.timeout(DEADLINE_MS), (client) =>
      client.kv.range({ key: Buffer.from("/net") }),
    );
    await expect(read).rejects.toMatchObject({ code: "store-unavailable" });
    expect(connection.health.outage?.reason).toBe(
      `etcd at 127.0.0.1:${port} does not answer: connection refused`,
    );
    connection.succeeded();
    expect(connection.health.outage).toBeNull();
    connection.close();
  });

  it("the API server, which refuses connections or says that it cannot serve", async () => {
    const outage = new Outage(new VirtualClock(), systemRandom, silentLog, KUBERNETES_TIMING.outage);
    const fail = async (reason: string, isAnswer: boolean) => {
      const error = new ApiError({ operation: "list nodes", code: "store-unavailable", reason, isAnswer });
      const failing = outage.pass(() => Promise.reject(error), AbortSignal.timeout(DEADLINE_MS));
      await expect(failing).rejects.toBe(error);
    };
    await fail("connect ECONNREFUSED 10.96.0.1:443", false);
    expect(outage.health.outage?.reason).toBe("the API server does not answer: connection refused");
    await fail("the API server answers 503", true);
    expect(outage.health.outage?.reason).toBe("the API server answers 503");
    await outage.pass(async () => {}, AbortSignal.timeout(DEADLINE_MS));
    expect(outage.health.outage).toBeNull();
  });
});

it("tells its listeners when an outage begins, has another reason, or ends", async () => {
  const clock = new VirtualClock();
  const health = new StoreHealth(clock);
  const seen: (string | undefined)[] = [];
  health.onChange(() => seen.push(health.outage?.reason));
  health.succeeded();
  const sinceWallMs = clock.wallMs();
  for (const reason of ["refused", "refused", "no route"]) {
    health.failed(reason);
    await clock.sleep(1_000);
  }
  expect(health.outage).toEqual({ reason: "no route", sinceWallMs });
  health.succeeded();
  health.succeeded();
  expect(seen).toEqual(["refused", "no route", undefined]);
  health.failed("refused");
  expect(health.outage).toEqual({ reason: "refused", sinceWallMs: sinceWallMs + 3_000 });
});

it.each([
  [
    "14 UNAVAILABLE: No connection established. Last error: connect ECONNREFUSED 192.0.2.7:2379",
    "connection refused",
  ],
  ["4 DEADLINE_EXCEEDED: Deadline exceeded after 5.0s", "no answer in time"],
  ["connect EHOSTUNREACH 192.0.2.7:2379", "no route to host"],
  ["certificate has expired", "certificate has expired"],
])("%s is %s", (text, plain) => {
  expect(plainReason(text)).toBe(plain);
});

/** Of nobody, as far as this machine goes. */
async function unusedPort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}
