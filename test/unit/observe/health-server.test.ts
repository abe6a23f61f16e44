import { once } from "node:events";
import { connect } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { parseIp } from "../../../src/net/index.ts";
import {
  type HealthServer,
  probeRoutes,
  type Routes,
  startHealthServer,
  textPage,
} from "../../../src/observe/health-server.ts";
import { silentLog } from "../../../src/runtime/log.ts";

const started: HealthServer[] = [];
afterEach(async () => {
  await Promise.all(started.splice(0).map((server) => server.close()));
});

async function start(routes: Routes, ip = "127.0.0.1"): Promise<string> {
  const server = await startHealthServer({ ip: parseIp(ip), port: 0, routes, log: silentLog });
  started.push(server);
  return `http://${ip.includes(":") ? `[${ip}]` : ip}:${server.port}`;
}

async function get(url: string, init?: RequestInit) {
  const response = await fetch(url, init);
  return { status: response.status, body: await response.text() };
}

describe("probes", () => {
  it("answer with flannel's texts, and follow the conditions both ways", async () => {
    let reasons: string[] = ["no lease yet", "subnet.env is not written"];
    const base = await start(probeRoutes(() => reasons));
    expect(await get(`${base}/healthz`)).toEqual({ status: 200, body: "flanneld is running" });
    expect(await get(`${base}/readyz`)).toEqual({
      status: 503,
      body: "flanneld is not ready yet\n- no lease yet\n- subnet.env is not written",
    });
    reasons = [];
    expect(await get(`${base}/readyz?verbose`)).toEqual({ status: 200, body: "flanneld is ready" });
    reasons = ["lease lost"];
    expect((await get(`${base}/readyz`)).status).toBe(503);
  });

  it("answer any method, HEAD without a body", async () => {
    const base = await start(probeRoutes(() => []));
    expect((await get(`${base}/healthz`, { method: "POST", body: "x" })).status).toBe(200);
    expect(await get(`${base}/healthz`, { method: "HEAD" })).toEqual({ status: 200, body: "" });
  });

  it("answer on an IPv6 address", async () => {
    const base = await start(
      probeRoutes(() => []),
      "::1",
    );
    expect((await get(`${base}/readyz`)).body).toBe("flanneld is ready");
  });
});

describe("routes", () => {
  it("may be asynchronous, and one that fails harms nobody", async () => {
    const base = await start({
      "/metrics": async () => ({ status: 200, contentType: "text/plain; version=0.0.4", body: "up 1\n" }),
      "/broken": () => {
        throw new Error("10.0.0.7 and other details");
      },
    });
    expect((await get(`${base}/metrics`)).body).toBe("up 1\n");
    expect(await get(`${base}/broken`)).toEqual({ status: 500, body: "failed; the log has the reason" });
    expect((await get(`${base}/metrics`)).status).toBe(200);
  });

  it.each(["/", "/nonsense", "/toString", "//"])("say 404 to %s", async (path) => {
    const base = await start({ "/metrics": () => textPage(200, "") });
    expect(await get(base + path)).toEqual({ status: 404, body: "no such page; there are /metrics" });
  });
});

describe("listener", () => {
  it("that cannot listen names the flags", async () => {
    const base = await start({});
    const port = Number(new URL(base).port);
    await expect(
      startHealthServer({ ip: parseIp("127.0.0.1"), port, routes: {}, log: silentLog }),
    ).rejects.toMatchObject({
      code: "health-listen",
      message: expect.stringMatching(/127\.0\.0\.1 port \d+: .*EADDRINUSE.*--healthz-ip and --healthz-port/),
    });
  });

  it("closes although a client holds an idle connection or an unfinished request", async () => {
    const server = await startHealthServer({
      ip: parseIp("127.0.0.1"),
      port: 0,
      routes: probeRoutes(() => []),
      log: silentLog,
    });
    await get(`http://127.0.0.1:${server.port}/healthz`);
    const client = connect(server.port, "127.0.0.1");
    let answers = "";
    client.on("data", (bytes) => {
      answers += bytes;
    });
    // In one segment with a request that is answered: when the answer comes, the server has read the unfinished one as well.
    // A request that it has not read counts as idle, and Node 26 cuts it at once with a reset.
    const request = "GET /healthz HTTP/1.1\r\nHost:";
    client.write(`${request} a\r\n\r\n${request}`);
    while (!answers.endsWith("flanneld is running")) await once(client, "data");
    const isCut = once(client, "close");
    await server.close();
    await isCut;
    // A request that is waited for until its time is over is answered, with 408.
    expect(answers.match(/^HTTP/gm)).toHaveLength(1);
  });
});
