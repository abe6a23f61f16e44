import { once } from "node:events";
import { createServer } from "node:http";
import { connect, type Socket } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { parseIp } from "../../../src/net/index.ts";
import {
  type HealthServer,
  probeRoutes,
  type Routes,
  startHealthServer,
  textPage,
} from "../../../src/observe/health-server.ts";
import { systemClock } from "../../../src/runtime/clock.ts";
import { silentLog } from "../../../src/runtime/log.ts";
import { eventually } from "../../support/eventually.ts";
import { RecordingLog } from "../../support/recording-log.ts";

const HERE = { clock: systemClock, createServer };
const started: HealthServer[] = [];
const clients: Socket[] = [];
afterEach(async () => {
  for (const client of clients.splice(0)) client.destroy();
  await Promise.all(started.splice(0).map((server) => server.close()));
});

/** Connections that send `text` and read nothing. */
async function flood(base: string, count: number, text: string): Promise<readonly Socket[]> {
  const { hostname, port } = new URL(base);
  const flooding = Array.from({ length: count }, () => connect(Number(port), hostname));
  clients.push(...flooding);
  for (const client of flooding) {
    client.on("error", () => {});
    client.pause();
    client.write(text);
  }
  await Promise.all(flooding.map((client) => once(client, "connect")));
  return flooding;
}

async function start(routes: Routes, ip = "127.0.0.1"): Promise<string> {
  const server = await startHealthServer({ ...HERE, ip: parseIp(ip), port: 0, routes, log: silentLog });
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

  it("hand no escape sequence to a terminal, whoever wrote the reason", async () => {
    const base = await start({
      ...probeRoutes(() => ["10.244.9.0-24\u001b[2J\u009b2J\u202e"]),
      "/status": () => ({
        ...{ status: 200, contentType: "application/json" },
        body: JSON.stringify({ key: "a\u009b\u202e" }),
      }),
    });
    expect((await get(`${base}/readyz`)).body).toContain("- 10.244.9.0-24\\u001b[2J\\u009b2J\\u202e");
    const { body } = await get(`${base}/status`);
    expect(body).toBe('{"key":"a\\u009b\\u202e"}');
    expect(JSON.parse(body)).toEqual({ key: "a\u009b\u202e" });
  });

  it("tell what is in the way: a node that is ready when it is asked for all", async () => {
    let reasons: string[] = [];
    const base = await start(
      probeRoutes(
        () => reasons,
        () => ["net.ipv4.ip_forward is 0"],
      ),
    );
    const note = "- note: net.ipv4.ip_forward is 0";
    expect(await get(`${base}/readyz`)).toEqual({ status: 200, body: "flanneld is ready" });
    expect((await get(`${base}/readyz?verbose`)).body).toBe(`flanneld is ready\n${note}`);
    reasons = ["no lease yet"];
    expect((await get(`${base}/readyz`)).body).toBe(`flanneld is not ready yet\n- no lease yet\n${note}`);
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
    expect(await get(`${base}/broken`)).toEqual({
      status: 500,
      body: "failed; see the daemon's log for the reason",
    });
    expect((await get(`${base}/metrics`)).status).toBe(200);
  });

  it.each(["/", "/nonsense", "/toString", "//"])("say 404 to %s", async (path) => {
    const base = await start({ "/metrics": () => textPage(200, "") });
    expect(await get(base + path)).toEqual({ status: 404, body: "no such page, expected one of /metrics" });
  });
});

describe("listener", () => {
  it("that cannot listen names the flags", async () => {
    const base = await start({});
    const port = Number(new URL(base).port);
    await expect(
      startHealthServer({ ...HERE, ip: parseIp("127.0.0.1"), port, routes: {}, log: silentLog }),
    ).rejects.toMatchObject({
      code: "health-listen",
      message: expect.stringMatching(/127\.0\.0\.1 port \d+: .*EADDRINUSE.*--healthz-ip and --healthz-port/),
    });
  });

  it("closes although a client holds an idle connection or an unfinished request", async () => {
    const server = await startHealthServer({
      ...HERE,
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

describe("probes among other clients", () => {
  it("are answered although hundreds of connections say nothing, or half a request", async () => {
    const base = await start(probeRoutes(() => []));
    await flood(base, 300, "");
    expect((await get(`${base}/readyz`)).status).toBe(200);
    await flood(base, 300, "GET /healthz HTTP/1.1\r\nHost:");
    expect((await get(`${base}/healthz`)).status).toBe(200);
  });

  it("do not wait for connections that say nothing: those are closed", async () => {
    const timing = { headersMs: 50, requestMs: 100, answerMs: 100, checkMs: 10 };
    const server = await startHealthServer({
      ...HERE,
      ...{ ip: parseIp("127.0.0.1"), port: 0, routes: probeRoutes(() => []), log: silentLog, timing },
    });
    started.push(server);
    const [silent] = await flood(`http://127.0.0.1:${server.port}`, 1, "");
    silent?.resume();
    await eventually(() => silent?.readableEnded === true || silent?.destroyed === true).toBe(true);
  });

  it("are answered while pages are asked for ahead of their answers and not read, of which each client costs one at most", async () => {
    let made = 0;
    const body = "x".repeat(4 * 1024 * 1024);
    const base = await start({
      ...probeRoutes(() => []),
      "/status": async () => {
        made += 1;
        return textPage(200, body);
      },
    });
    const flooding = await flood(base, 40, "GET /status HTTP/1.1\r\nHost: a\r\n\r\n".repeat(300));
    expect((await get(`${base}/healthz`)).status).toBe(200);
    // Who asks ahead is cut off, after one page or before.
    for (const client of flooding) client.resume();
    await eventually(() => flooding.every(({ destroyed }) => destroyed)).toBe(true);
    expect(made).toBeLessThanOrEqual(flooding.length);
    expect((await get(`${base}/status`)).body).toBe(body);
  });

  it("are in the log once when each of them fails", async () => {
    const log = new RecordingLog();
    const routes = {
      "/broken": () => {
        throw new Error("no");
      },
    };
    const server = await startHealthServer({ ...HERE, ip: parseIp("127.0.0.1"), port: 0, routes, log });
    started.push(server);
    for (let time = 0; time < 5; time++) await get(`http://127.0.0.1:${server.port}/broken`);
    expect(log.lines.map(({ message }) => message)).toEqual(["page of the health listener failed"]);
  });
});
