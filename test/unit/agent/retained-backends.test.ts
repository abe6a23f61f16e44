import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type ActiveBackend, activateBackend } from "../../../src/agent/switch-over/active-backend.ts";
import {
  RetainedBackends,
  readRetainedBackends,
  retainedBackendsFile,
  writeRetainedBackends,
} from "../../../src/agent/switch-over/retained-backends.ts";
import { parseNetworkConfig } from "../../../src/config/network-config.ts";
import { silentLog } from "../../../src/runtime/log.ts";
import { nodeFiles } from "../../../src/runtime/node-files.ts";
import { eventually } from "../../support/eventually.ts";
import { RecordingLog } from "../../support/recording-log.ts";

const configOf = (backend: object) =>
  parseNetworkConfig(JSON.stringify({ Network: "10.244.0.0/16", Backend: backend }), "test");
const config = configOf({ Type: "vxlan" });

describe("the memory of backends across a restart", () => {
  let directory = "";
  let path = "";
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "tw-backends-"));
    path = retainedBackendsFile(join(directory, "subnet.env"));
  });
  afterEach(() => rm(directory, { recursive: true }));

  it("lies beside subnet.env and gives back backends with their options", async () => {
    const active = [configOf({ type: "VXLAN", vni: 7 }), configOf({ Type: "udp" })].map((config) =>
      activateBackend(config),
    );
    await writeRetainedBackends(path, active, { files: nodeFiles, log: silentLog });
    const read = await readRetainedBackends(path, config, { files: nodeFiles, log: silentLog });
    expect(read.map((backend) => backend.channel)).toEqual(["vxlan 7", "udp"]);
    expect(path).toBe(join(directory, "subnet.env.backends"));
    expect(await readFile(path, "utf8")).toMatch(/\n$/);
    // It is nobody else's: a file of its name could be laid there, were the mode of the directory another.
    expect((await stat(path)).mode & 0o777).toBe(0o600);
  });

  it("is one for each daemon, when two have their subnet files in one directory", () => {
    expect(retainedBackendsFile("/run/flannel/a.env")).not.toBe(retainedBackendsFile("/run/flannel/b.env"));
  });

  it("lets the daemon go on when it cannot be written, and says so", async () => {
    const log = new RecordingLog();
    await writeRetainedBackends("/sys/nowhere/subnet.env.backends", [], { files: nodeFiles, log });
    expect(log.warnings()).toMatchObject([
      {
        message: "retained backends not saved, a restart cannot resume them",
        fields: { op: "write-backends", path: "/sys/nowhere/subnet.env.backends" },
      },
    ]);
  });

  it("is empty before the first start, without a word", async () => {
    const log = new RecordingLog();
    expect(await readRetainedBackends(path, config, { files: nodeFiles, log })).toEqual([]);
    expect(log.lines).toEqual([]);
  });

  it("leaves out a backend that the network does not fit any more, and no other", async () => {
    await writeFile(path, '[{"Type":"host-gw"},{"Type":"ipip"}]');
    const dual = parseNetworkConfig(
      '{"Network":"10.244.0.0/16","IPv6Network":"fd00:10:244::/56","EnableIPv6":true,"Backend":{"Type":"vxlan"}}',
      "test",
    );
    const log = new RecordingLog();
    const read = await readRetainedBackends(path, dual, { files: nodeFiles, log });
    expect(read.map(({ type }) => type)).toEqual(["host-gw"]);
    expect(log.warnings()).toHaveLength(1);
  });

  it("is not as long as somebody makes the file: the rest is left out, with one line of the log", async () => {
    const options = Array.from({ length: 500 }, (_, vni) => ({ Type: "vxlan", VNI: vni + 1 }));
    await writeFile(path, JSON.stringify(options));
    const log = new RecordingLog();
    const read = await readRetainedBackends(path, config, { files: nodeFiles, log });
    expect(read.map(({ channel }) => channel)).toEqual(options.slice(0, 16).map(({ VNI }) => `vxlan ${VNI}`));
    expect(log.warnings()).toHaveLength(1);
  });

  it.each(["{", "null", "7", "{}"])("has nothing in a file %s, and says so", async (text) => {
    const log = new RecordingLog();
    await writeFile(path, text);
    expect(await readRetainedBackends(path, config, { files: nodeFiles, log })).toEqual([]);
    expect(log.lines).toMatchObject([
      { level: "warn", message: "retained backends not read", fields: { op: "read-backends", path } },
    ]);
  });

  it.each(["null", "7", "[]", "{}", '{"Type":"nobody"}', '{"Type":"vxlan","VNI":-1}'])(
    "leaves out %s, and says so",
    async (text) => {
      const log = new RecordingLog();
      await writeFile(path, `[${text},{"Type":"host-gw"}]`);
      const read = await readRetainedBackends(path, config, { files: nodeFiles, log });
      expect(read.map(({ type }) => type)).toEqual(["host-gw"]);
      expect(log.lines).toMatchObject([
        { level: "warn", message: "retained backend not resumed", fields: { op: "read-backends", path } },
      ]);
    },
  );

  it("is written with the newest, which is then reported, until it is stopped", async () => {
    const [one, two] = ["vxlan", "udp"].map((Type) => activateBackend(configOf({ Type })));
    if (one === undefined || two === undefined) throw new Error("two backends");
    const stop = new AbortController();
    const reported: (readonly ActiveBackend[])[] = [];
    const memory = new RetainedBackends(path, { files: nodeFiles, log: silentLog }, (backends) =>
      reported.push(backends),
    );
    memory.put([one]);
    memory.put([two, one]);
    const running = memory.run(stop.signal);
    await eventually(() => reported.map((each) => each.map(({ type }) => type))).toEqual([["udp", "vxlan"]]);
    expect(JSON.parse(await readFile(path, "utf8"))).toMatchObject([{ Type: "udp" }, { Type: "vxlan" }]);
    memory.put([one]);
    await eventually(() => reported.length).toBe(2);
    stop.abort(new Error("stopped"));
    memory.put([two]);
    await expect(running).rejects.toThrow("stopped");
    expect(reported).toHaveLength(2);
  });
});
