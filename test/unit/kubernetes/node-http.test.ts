/** The connections to a server on this machine. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Access } from "../../../src/lease/kubernetes/credentials.ts";
import { NodeHttp } from "../../../src/lease/kubernetes/node-http.ts";
import type { HttpRequest, HttpResponse } from "../../../src/lease/kubernetes/transport.ts";

/** Where nothing shall be too late. */
const LONG_MS = 600_000;
const { signal } = new AbortController();
let server: Server;
let http: NodeHttp;
let connections: number;
let answer: (request: IncomingMessage, response: ServerResponse) => void;

beforeEach(async () => {
  connections = 0;
  server = createServer((request, response) => answer(request, response));
  server.on("connection", () => {
    connections += 1;
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  http = new NodeHttp(LONG_MS);
});
afterEach(async () => {
  http.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

function access(path = "/", changes: Partial<Access> = {}): Access {
  const { port } = server.address() as AddressInfo;
  const url = new URL(`http://127.0.0.1:${port}${path}`);
  return { url, headers: {}, tls: {}, proxyAgent: null, isFresh: true, ...changes };
}

function send(changes: Partial<HttpRequest> = {}, to: Access = access(), ended: AbortSignal = signal) {
  const request = {
    method: "GET",
    path: "/nodes",
    headers: {},
    body: undefined,
    answerMs: LONG_MS,
    silenceMs: LONG_MS,
  };
  return http.send({ ...request, ...changes }, to, ended);
}

async function textOf({ chunks }: HttpResponse): Promise<string> {
  let text = "";
  for await (const chunk of chunks) text += String(chunk);
  return text;
}

test("a request and its answer arrive whole", async () => {
  answer = async (request, response) => {
    let body = "";
    for await (const chunk of request) body += String(chunk);
    response.writeHead(429, { "retry-after": "7" });
    response.end(`${request.method} ${request.url} ${request.headers.a} ${body}`);
  };
  const response = await send({ method: "PATCH", path: "/nodes?b", headers: { a: "1" }, body: "{}" });
  expect(response).toMatchObject({ status: 429, retryAfter: "7" });
  expect(await textOf(response)).toBe("PATCH /nodes?b 1 {}");
});

test.each([
  ["/", "/nodes"],
  ["/base", "/base/nodes"],
  ["/base/", "/base/nodes"],
])("a server at %s is asked for %s", async (base, expected) => {
  answer = ({ url }, response) => void response.end(url);
  expect(await textOf(await send({}, access(base)))).toBe(expected);
});

test("a connection is used again until its options change, or it is closed", async () => {
  answer = (_, response) => void response.end();
  const twice = async (to: Access) => {
    for (let time = 0; time < 2; time++) await textOf(await send({}, to));
    return connections;
  };
  expect(await twice(access())).toBe(1);
  expect(await twice(access("/", { tls: { servername: "kubernetes" } }))).toBe(2);
  expect(await twice(access("/", { tls: { ca: "a" } }))).toBe(3);
  expect(await twice(access("/", { tls: { ca: "b" } }))).toBe(4);
  http.close();
  expect(await twice(access("/", { tls: { ca: "b" } }))).toBe(5);
});

test("an idle connection is closed after its time", async () => {
  http.close();
  http = new NodeHttp(50);
  const closed = new Promise((resolve) => {
    answer = (request, response) => {
      request.socket.once("close", resolve);
      response.end();
    };
  });
  await textOf(await send());
  await closed;
});

test("closing ends requests in flight", async () => {
  answer = () => http.close();
  await expect(send()).rejects.toThrow("socket hang up");
});

test("silence before the answer and within it ends the request", async () => {
  answer = () => {};
  await expect(send({ answerMs: 50 })).rejects.toThrow("no data received for 0.05 s");
  answer = (_, response) => void response.write("begun");
  const response = await send({ answerMs: LONG_MS, silenceMs: 60 });
  await expect(textOf(response)).rejects.toThrow("no data received for 0.06 s");
});

test("a server that is not there is the network's error", async () => {
  const nowhere = access("/", { url: new URL("http://127.0.0.1:1") });
  await expect(send({}, nowhere)).rejects.toThrow("ECONNREFUSED");
});

test("a request ends with its signal, before the answer and within it", async () => {
  const stop = new AbortController();
  answer = () => stop.abort();
  await expect(send({}, access(), stop.signal)).rejects.toThrow("aborted");
  const later = new AbortController();
  answer = (_, response) => void response.write("begun");
  const response = await send({}, access(), later.signal);
  later.abort();
  await expect(textOf(response)).rejects.toThrow("aborted");
});

test("an answer that is destroyed is read no further", async () => {
  const closed = new Promise((resolve) => {
    answer = (_, response) => {
      response.on("close", resolve);
      response.write("begun");
    };
  });
  (await send()).destroy();
  await closed;
});

test("the kubeconfig's proxy is the agent", async () => {
  answer = (_, response) => void response.end();
  const { Agent } = await import("node:http");
  const agent = new Agent();
  const names: string[] = [];
  const connect = agent.createConnection.bind(agent);
  agent.createConnection = (options, onCreate) => {
    names.push(String(options.host));
    return connect(options, onCreate);
  };
  await textOf(
    await send({}, access("/", { proxyAgent: agent as unknown as NonNullable<Access["proxyAgent"]> })),
  );
  expect(names).toEqual(["127.0.0.1"]);
});
