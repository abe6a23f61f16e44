import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { NodeCni } from "../../../../src/agent/cni/node-cni.ts";
import { NodeNotes } from "../../../../src/agent/reports/node-notes.ts";
import { CNI_NOT_READY_YET, type ReadyCondition } from "../../../../src/agent/reports/node-readiness.ts";
import { Readiness } from "../../../../src/agent/reports/readiness.ts";
import type { CniOptions } from "../../../../src/config/cni-options.ts";
import { parseCidr, parseIpv4Prefix, parsePrefix } from "../../../../src/net/index.ts";
import { TweedError } from "../../../../src/runtime/error.ts";
import { nodeFiles } from "../../../../src/runtime/node-files.ts";
import { eventually } from "../../../support/eventually.ts";
import { FakeKernel } from "../../../support/fake-kernel.ts";
import { RecordingLog } from "../../../support/recording-log.ts";
import { VirtualClock } from "../../../support/virtual-clock.ts";

const NETWORK = { subnets: { v4: parseIpv4Prefix("10.244.3.0/24"), v6: null }, mtuBytes: 1450 };
const OTHER = { subnets: { v4: parseIpv4Prefix("10.244.7.0/24"), v6: null }, mtuBytes: 1450 };

let directory: string;
let confFile: string;
let templateFile: string;
let kernel: FakeKernel;
let log: RecordingLog;
let clock: VirtualClock;
let readiness: Readiness<ReadyCondition>;
let notes: NodeNotes;
let end: AbortController;
let running: Promise<unknown>;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "tw-cni-"));
  confFile = join(directory, "net.d", "10-tweed.conflist");
  templateFile = join(directory, "template.json");
  kernel = new FakeKernel();
  log = new RecordingLog();
  clock = new VirtualClock();
  readiness = new Readiness<ReadyCondition>(CNI_NOT_READY_YET);
  notes = new NodeNotes({ clock, log });
  end = new AbortController();
});

afterEach(async () => {
  end.abort(new Error("the test is over"));
  await expect(running).rejects.toThrow("the test is over");
  await rm(directory, { recursive: true, force: true });
});

function start(cni: CniOptions | null): NodeCni {
  const parts = { options: { cni }, kernel, readiness, notes, files: nodeFiles, clock, log };
  const node = new NodeCni(parts, [parsePrefix("10.244.0.0/16")]);
  running = node.run(end.signal);
  running.catch(() => undefined);
  return node;
}

async function written(): Promise<string> {
  return readFile(confFile, "utf8").catch(() => "");
}

it("names a configuration of others that runtimes take in place of it, until it is gone", async () => {
  const node = start({ confFile, templateFile: null });
  node.put(NETWORK);
  await eventually(() => readiness.isReady()).toBe(true);
  const others = ["10-containerd-net.conflist", "05-loopback.txt", "87-podman.conflist"];
  for (const name of others) await writeFile(join(directory, "net.d", name), "{}");
  const reasons = () => notes.list().map(({ reason }) => reason);
  await eventually(reasons).toEqual([expect.stringContaining("10-containerd-net.conflist comes before")]);
  expect(readiness.isReady()).toBe(true);
  await rm(join(directory, "net.d", "10-containerd-net.conflist"));
  await eventually(reasons).toEqual([]);
});

it("writes nothing before it is told to, and then whenever subnet or MTU change", async () => {
  const node = start({ confFile, templateFile: null });
  await clock.sleep(60_000);
  expect(await readdir(directory)).toEqual([]);
  expect(readiness.reasons()).toEqual([CNI_NOT_READY_YET.cni]);

  node.put(NETWORK);
  await eventually(() => readiness.isReady()).toBe(true);
  expect(await written()).toContain('"mtu": 1450');
  expect((await stat(confFile)).mode & 0o777).toBe(0o600);
  expect(await readdir(join(directory, "net.d"))).toEqual(["10-tweed.conflist"]);

  node.put({ ...NETWORK, mtuBytes: 1400 });
  await eventually(written).toContain('"mtu": 1400');
  node.put(OTHER);
  await eventually(written).toContain("10.244.7.0/24");
});

it("leaves a file alone that says the same, and puts back what somebody changed or removed", async () => {
  const node = start({ confFile, templateFile: null });
  node.put(NETWORK);
  await eventually(written).not.toBe("");
  const { ino } = await stat(confFile);
  const text = await written();
  expect((await stat(confFile)).ino).toBe(ino);

  await writeFile(confFile, "{}");
  await eventually(written).toBe(text);
  await rm(confFile);
  await eventually(written).toBe(text);
  // A line follows its write.
  await eventually(
    () => log.lines.filter(({ message }) => message === "CNI configuration written").length,
  ).toBe(3);
});

it("takes a template that was faulty or missing as soon as it is right, and until then says what is wrong", async () => {
  const node = start({ confFile, templateFile });
  node.put(NETWORK);
  await eventually(() => readiness.reasons()[0]).toContain("no such file");

  await writeFile(templateFile, '{"cniVersion":"1.0.0","name":"pods","plugins":[{"type":5}]}');
  await eventually(() => readiness.reasons()[0]).toContain("plugins[0]: type is 5");
  expect(await written()).toBe("");

  await writeFile(templateFile, '{"cniVersion":"1.0.0","name":"pods","plugins":[{"type":"ptp"}]}');
  await eventually(() => readiness.isReady()).toBe(true);
  expect(await written()).toContain('"type": "ptp"');
  expect(log.warnings().filter(({ fields }) => String(fields.reason).includes("type is 5"))).toHaveLength(1);
});

it("is not ready where the file cannot be written", async () => {
  await writeFile(join(directory, "net.d"), "a file in the place of the directory");
  await chmod(join(directory, "net.d"), 0o600);
  start({ confFile, templateFile: null }).put(NETWORK);
  await eventually(() => readiness.reasons()[0]).toContain(confFile.slice(0, -"/10-tweed.conflist".length));
});

it.each([
  ["its own configuration", true],
  ["none of its own", false],
])(
  "with %s it takes a leftover address from an empty bridge, and again until it works",
  async (_title, isOurs) => {
    readiness = new Readiness<ReadyCondition>(isOurs ? CNI_NOT_READY_YET : {});
    const { ip, length } = parseCidr("10.244.3.1/24");
    kernel.addDevice("cni0", { kind: "bridge" });
    kernel.execute({ op: "add-address", address: { iface: "cni0", ip, length } });
    const busy = new TweedError({ code: "EBUSY", operation: "delete", reason: "busy" });
    let tries = 0;
    kernel.hooks.before = () => {
      tries += 1;
      // First the kernel cannot be asked at all, then it refuses.
      if (tries === 1) throw busy;
      return tries === 2 ? busy : null;
    };
    const node = start(isOurs ? { confFile, templateFile: null } : null);
    node.put(OTHER);
    node.observe(kernel.snapshot());
    await eventually(() => log.text()).toContain("kubectl drain");
    expect(readiness.reasons().join().includes("kubectl drain")).toBe(isOurs);
    expect(kernel.log).toEqual([]);

    kernel.alterLink("cni0", (link) => ({ ...link, hasCarrier: false }));
    node.observe(kernel.snapshot());
    await eventually(() => kernel.addresses).toEqual([]);
    await eventually(() => readiness.isReady()).toBe(true);
    expect(log.lines.map(({ message }) => message)).toEqual(
      expect.arrayContaining([
        "pod bridge unusable",
        "address of an earlier subnet not removed from the bridge",
        "address of an earlier subnet removed from the bridge",
      ]),
    );
  },
);
