/** The health listener: clients must not prevent a daemon from ending. */

import { once } from "node:events";
import { createServer } from "node:http";
import { connect } from "node:net";
import { parseIp } from "../../src/net/index.ts";
import { probeRoutes, startHealthServer } from "../../src/observe/health-server.ts";
import { systemClock } from "../../src/runtime/clock.ts";
import { silentLog } from "../../src/runtime/log.ts";
import { type PromiseGroup, roundsOf } from "./group.ts";

const CLOSE_BOUND_MS = 1800;

export const healthListener: PromiseGroup = {
  name: "health-listener",
  async measure(bench) {
    for (let round = 0; round < roundsOf(bench, 2); round++) {
      const topic = "the health listener closed beside an idle connection and an unfinished request";
      bench.note({ topic, detail: "", boundMs: CLOSE_BOUND_MS }, await timeClose());
    }
  },
};

async function timeClose(): Promise<number> {
  const ip = parseIp("127.0.0.1");
  const server = await startHealthServer({
    ip,
    port: 0,
    routes: probeRoutes(() => []),
    clock: systemClock,
    log: silentLog,
    createServer,
  });
  // fetch holds its connection open.
  await (await fetch(`http://127.0.0.1:${server.port}/healthz`)).text();
  const client = connect(server.port, "127.0.0.1");
  client.on("error", () => {});
  await once(client, "connect");
  await new Promise<void>((resolve) => client.write("GET /healthz HTTP/1.1\r\nHost:", () => resolve()));
  const startedMs = performance.now();
  await server.close();
  client.destroy();
  return performance.now() - startedMs;
}
