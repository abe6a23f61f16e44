/** The UDP data plane while its daemon or its device comes and goes. What is lost is measured, and printed. */
import { cp, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, describe, expect, test } from "vitest";
import { daemonLog } from "../../src/lab/daemon.ts";
import { isAlive, type StopSignal } from "../../src/lab/process.ts";
import { run } from "../../src/runtime/program.ts";
import { DaemonProcess } from "../support/daemon-process.ts";
import { readTables } from "../support/network-tables.ts";
import { readReadiness, readStatus } from "../support/node-pages.ts";
import { TWEED, useLab } from "../support/test-lab.ts";
import { drip } from "../support/traffic.ts";

const NAME = "udprst";
const PING_MS = 10;
const DRIP_MS = 4000;

const bed = useLab({ name: NAME, nodes: 2, backend: { Type: "udp" }, store: "file", families: "dual" });

const measured: string[] = [];
afterAll(() => {
  console.log(["without an answer, at a ping each 10 ms:", ...measured].join("\n"));
});

/** How long pings from pod1 to pod2 went unanswered while `act` ran. */
async function silenceDuring(title: string, act: () => Promise<void>): Promise<number> {
  const pings = await bed.lab.startPings(bed.node(1), bed.node(2), PING_MS);
  await act();
  const [result] = await pings.stop();
  const silenceMs = (result?.longestLoss ?? 0) * PING_MS;
  measured.push(`${title.padEnd(28)} ${silenceMs} ms, ${result?.lost} of ${result?.sent} pings`);
  expect(result?.received).toBeGreaterThan(0);
  return silenceMs;
}

describe("the daemon", () => {
  test.each<StopSignal>(["SIGTERM", "SIGKILL"])(
    "%s and a start: device and routes stay, a TCP stream goes on, the silence is short",
    async (signal) => {
      const node = bed.node(2);
      const ip = String((await bed.lab.podIps(node)).v6);
      const before = await readTables(node.namespace);
      const stream = drip(bed.node(1).podNamespace, { namespace: node.podNamespace, ip }, DRIP_MS);
      const silenceMs = await silenceDuring(`${signal} and start`, async () => {
        await sleep(500);
        const index = await deviceIndex(node.namespace);
        const pid = bed.lab.daemonPid(node);
        process.kill(pid, signal);
        while (isAlive(pid) && (await isRunning(pid))) await sleep(1);
        expect(routesOf(await readTables(node.namespace))).toEqual(routesOf(before));
        await bed.lab.startDaemon(node);
        await bed.lab.waitUntilReady(node);
        await sleep(500);
        expect(await deviceIndex(node.namespace)).toBe(index);
      });
      expect(silenceMs).toBeLessThan(1000);
      const { sent, received } = await stream;
      expect(received).toEqual(sent);
    },
  );

  test("ends within 2 s of SIGTERM while traffic is at its fullest", async () => {
    const [from, to] = [bed.node(1), bed.node(2)];
    const ip = String((await bed.lab.podIps(to)).v4);
    const server = DaemonProcess.start(to.podNamespace, ["iperf3", "-s", "-1", "--forceflush"]);
    await expect.poll(() => server.output).toContain("listening");
    const client = DaemonProcess.start(from.podNamespace, [
      "iperf3",
      "-c",
      ip,
      "-t",
      "30",
      "-P",
      "2",
      "--bidir",
    ]);
    try {
      await sleep(1000);
      for (const node of [from, to]) {
        const startMs = performance.now();
        await bed.lab.stopDaemon(node, "SIGTERM", 2000);
        measured.push(`${node.name} ended under load in  ${Math.round(performance.now() - startMs)} ms`);
        expect(await readFile(daemonLog(node), "utf8")).toContain('"msg":"stopped, the data path stays"');
        await bed.lab.startDaemon(node);
        await bed.lab.waitUntilReady(node);
      }
    } finally {
      await client.stop();
      await server.stop();
    }
  });
});

describe("its device", () => {
  test.each([
    ["deleted", ["link", "delete", "flannel0"]],
    ["set down", ["link", "set", "flannel0", "down"]],
  ])("%s: packets flow again within a second", async (title, words) => {
    const node = bed.node(2);
    const silenceMs = await silenceDuring(`flannel0 ${title}`, async () => {
      await sleep(300);
      await run("ip", ["-n", node.namespace, ...words]);
      await sleep(1500);
    });
    expect(silenceMs).toBeLessThan(1000);
    const mesh = await bed.lab.ping({ count: 3, intervalMs: 10 });
    expect(mesh.lost).toBe(0);
    const { ready, dataplane } = await readStatus(node);
    expect({ ready, steppedDown: dataplane?.steppedDown }).toEqual({ ready: true, steppedDown: [] });
  });
});

describe("its workers", () => {
  test("that keep dying take readiness away, and the reason is told", async () => {
    const node = bed.node(2);
    await bed.lab.stopDaemon(node, "SIGTERM");
    const [interpreter = "", bundle = ""] = TWEED;
    const copy = join(node.directory, "dist");
    await cp(dirname(bundle), copy, { recursive: true });
    await writeFile(join(copy, "udp-worker.cjs"), 'throw new Error("worn out");\n');
    // koffi is found from where the program lies.
    await run("ln", [
      "-s",
      join(dirname(bundle), "..", "node_modules"),
      join(node.directory, "node_modules"),
    ]);
    const { stdout: flags } = await bed.lab.exec(node.name, [
      "cat",
      `/proc/${bed.lab.daemonPid(bed.node(1))}/cmdline`,
    ]);
    const words = flags
      .split("\0")
      .filter((word) => word.startsWith("--"))
      .map((word) => word.replace("node1", "node2"));
    const daemon = DaemonProcess.start(node.namespace, [
      interpreter,
      join(copy, "tweed.cjs"),
      "run",
      ...words,
    ]);
    try {
      await expect
        .poll(() => readReadiness(node), { timeout: 5000 })
        .toEqual({ status: 503, body: expect.stringContaining("UDP workers keep dying: worn out") });
    } finally {
      await daemon.stop();
      await rm(copy, { recursive: true });
    }
    await bed.lab.startDaemon(node);
    await bed.lab.waitUntilReady(node);
  });
});

/** A device that was made anew has another. */
async function deviceIndex(namespace: string): Promise<string | undefined> {
  return (await run("ip", ["-n", namespace, "-o", "link", "show", "flannel0"])).split(":")[0];
}

function routesOf({ routes }: { readonly routes: readonly object[] }): readonly unknown[] {
  // Without a process behind it the device has no carrier, which iproute2 shows as a flag.
  return routes.map((route) => ({ ...route, flags: undefined }));
}

/** A child that has ended stays in the table until its parent looks. */
async function isRunning(pid: number): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
  return stat !== "" && !stat.includes(") Z ");
}
