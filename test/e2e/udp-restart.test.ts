/** The UDP data plane while its daemon or its device comes and goes: packets flow again, and nothing has to be made anew. */
import { cp, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { daemonLog } from "../../src/lab/daemon.ts";
import type { StopSignal } from "../../src/lab/process.ts";
import { run } from "../../src/runtime/program.ts";
import { DaemonProcess } from "../support/daemon-process.ts";
import { DEADLINE_MS, eventually } from "../support/eventually.ts";
import { readTables } from "../support/network-tables.ts";
import { readReadiness, readStatus, readUdpCounters } from "../support/node-pages.ts";
import { TWEED, useLab } from "../support/test-lab.ts";
import { drip } from "../support/traffic.ts";

const bed = useLab({ name: "udprst", nodes: 2, backend: { Type: "udp" }, store: "file", families: "dual" });

describe("the daemon", () => {
  test.each<StopSignal>(["SIGTERM", "SIGKILL"])(
    "%s and a start: the device goes and comes with its routes, packets flow again, a TCP stream goes on",
    async (signal) => {
      const node = bed.node(2);
      const ip = String((await bed.lab.podIps(node)).v6);
      const before = await readTables(node.namespace);
      const stream = await drip(bed.node(1).podNamespace, { namespace: node.podNamespace, ip });
      try {
        await bed.lab.stopDaemon(node, signal);
        expect(await run("ip", ["-n", node.namespace, "-o", "link"])).not.toContain("flannel0");
        await bed.lab.startDaemon(node);
        await bed.lab.waitUntilReady(node);
        expect((await readTables(node.namespace)).routes).toEqual(before.routes);
        await bed.lab.waitForMesh(DEADLINE_MS);
      } finally {
        const { sent, received } = await stream.stop();
        expect(received).toEqual(sent);
      }
    },
  );

  test("ends on SIGTERM while traffic is at its fullest", async () => {
    const ip = String((await bed.lab.podIps(bed.node(2))).v4);
    const server = DaemonProcess.start(bed.node(2).podNamespace, ["iperf3", "-s", "-1", "--forceflush"]);
    await eventually(() => server.output).toContain("listening");
    const words = ["iperf3", "-c", ip, "-t", "300", "-P", "2", "--bidir"];
    const client = DaemonProcess.start(bed.node(1).podNamespace, words);
    try {
      for (const node of bed.lab.nodes) {
        const { forwarded } = await readUdpCounters(node);
        await eventually(async () => (await readUdpCounters(node)).forwarded).toBeGreaterThan(
          forwarded + 5000,
        );
      }
      await Promise.all(bed.lab.nodes.map((node) => bed.lab.stopDaemon(node, "SIGTERM")));
    } finally {
      await client.stop();
      await server.stop();
    }
    for (const node of bed.lab.nodes) {
      expect(await readFile(daemonLog(node), "utf8")).toMatch(/"msg":"stopped, data path left in place"}\n$/);
      await bed.lab.startDaemon(node);
    }
    await Promise.all(bed.lab.nodes.map((node) => bed.lab.waitUntilReady(node)));
  });
});

describe("its device", () => {
  test.each([
    ["deleted", ["link", "delete", "flannel0"]],
    ["set down", ["link", "set", "flannel0", "down"]],
  ])("%s: packets flow again", async (_title, words) => {
    const node = bed.node(2);
    await run("ip", ["-n", node.namespace, ...words]);
    await bed.lab.waitForMesh(DEADLINE_MS);
    await eventually(async () => {
      const { ready, dataplane } = await readStatus(node);
      return { ready, steppedDown: dataplane?.steppedDown };
    }).toEqual({ ready: true, steppedDown: [] });
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
      await eventually(() => readReadiness(node)).toEqual({
        status: 503,
        body: expect.stringContaining("UDP workers keep dying: worn out"),
      });
    } finally {
      await daemon.stop();
      await rm(copy, { recursive: true });
    }
    await bed.lab.startDaemon(node);
    await bed.lab.waitUntilReady(node);
  });
});
