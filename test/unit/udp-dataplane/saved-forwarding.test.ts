import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { forwardingOf } from "../../../backends/udp/forwarding.ts";
import { formatForwarding, parseForwarding } from "../../../backends/udp/forwarding-text.ts";
import { SavedForwarding } from "../../../backends/udp/saved-forwarding.ts";
import { parseIpv4 } from "../../../src/net/index.ts";
import type { JsonObject, JsonValue } from "../../../src/runtime/json.ts";
import { nodeFiles } from "../../../src/runtime/node-files.ts";
import { eventually } from "../../support/eventually.ts";
import { RecordingLog } from "../../support/recording-log.ts";
import { sampleNode, samplePeer } from "../../support/sample-node.ts";
import { SteeredClock } from "../../support/steered-clock.ts";

const FORWARDING = forwardingOf(sampleNode(), { port: 8285 }, [samplePeer(2), samplePeer(3)]);
const FEWER = forwardingOf(sampleNode(), { port: 8285 }, [samplePeer(2)]);

/** The text with another value at a place: "view.peers.0.paths". */
function withValue(place: string, value: JsonValue | undefined): string {
  const top = JSON.parse(formatForwarding(FORWARDING)) as Record<string, unknown>;
  const keys = place.split(".");
  let object = top;
  for (const key of keys.slice(0, -1)) object = object[key] as Record<string, unknown>;
  object[keys.at(-1) as string] = value;
  return JSON.stringify(top);
}

describe("the forwarding as text", () => {
  it("is read as it was written", () => {
    expect(parseForwarding(formatForwarding(FORWARDING))).toEqual(FORWARDING);
  });

  it("has where peers send from beside their public addresses", () => {
    const sourceIps = { v4: parseIpv4("192.168.7.7"), v6: null };
    const forwarding = forwardingOf(sampleNode(), { port: 8285 }, [{ ...samplePeer(2), sourceIps }]);
    expect(forwarding.view.peers[0]?.paths[0]?.remote.source).toBe("192.168.7.7");
    expect(parseForwarding(formatForwarding(forwarding))).toEqual(forwarding);
  });

  it("has what a node without IPv6 leaves out", () => {
    const { iface, subnets } = sampleNode();
    const node = sampleNode({
      iface: { ...iface, ips: { v4: iface.ips.v4, v6: null } },
      subnets: { v4: subnets.v4, v6: null },
    });
    const forwarding = forwardingOf(node, { port: 8285 }, [samplePeer(2)]);
    expect(parseForwarding(formatForwarding(forwarding))).toEqual(forwarding);
  });

  it.each<[string, JsonValue | undefined]>([
    ["type", "vxlan"],
    ["device", "eth0"],
    ["port", 0],
    ["port", 65_536],
    ["port", "8285"],
    ["localIps", null],
    ["localIps.v4", "fd00::1"],
    ["localIps.v6", "198.18.1.1"],
    ["view", []],
    ["view.subnets.v4", "10.244.1.0"],
    ["view.subnets.v4", "fd00:10:244::/64"],
    ["view.subnets.v6", "10.244.1.0/24"],
    ["view.tun.v4", "nonsense"],
    ["view.hosts", "198.18.1.1"],
    ["view.hosts", Array.from({ length: 129 }, () => "198.18.1.1")],
    ["view.hosts.0", {}],
    ["view.peers", {} as JsonObject],
    ["view.peers.1", null],
    ["view.peers.0.paths", undefined],
    ["view.peers.0.paths.0.subnet", "10.244.2.0/33"],
    ["view.peers.0.paths.0.remote", 7],
    ["view.peers.0.paths.0.remote.ip", "198.18.1.256"],
    ["view.peers.0.paths.0.remote.port", -1],
    ["view.peers.0.paths.1.remote.mtuBytes", 1e9],
  ])("with another %s is refused: %j", (place, value) => {
    expect(() => parseForwarding(withValue(place, value))).toThrow(
      expect.objectContaining({ code: "invalid-forwarding", message: expect.stringContaining("expected") }),
    );
  });

  it.each(["", "{", "[]", "null", '"udp"', "{}"])("%j is refused", (text) => {
    expect(() => parseForwarding(text)).toThrow(expect.objectContaining({ code: "invalid-forwarding" }));
  });
});

describe("the saved forwarding", () => {
  let directory: string;
  let path: string;
  let log: RecordingLog;
  let clock: SteeredClock;
  let saved: SavedForwarding;
  let ended: AbortController;
  let running: Promise<unknown>;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "tw-saved-"));
    path = join(directory, "udp-forwarding.json");
    log = new RecordingLog();
    clock = new SteeredClock();
    saved = new SavedForwarding(path, { files: nodeFiles, clock, log });
    ended = new AbortController();
    running = saved.run(ended.signal).catch((error: unknown) => error);
  });
  afterEach(async () => {
    ended.abort(new Error("the test is over"));
    expect(await running).toEqual(new Error("the test is over"));
    await rm(directory, { recursive: true });
  });

  it("is empty at first, without a word", async () => {
    expect(await saved.load()).toBeNull();
    expect(log.lines).toEqual([]);
  });

  it("recalls what it was given, from a file that only root can read", async () => {
    saved.save(FORWARDING);
    await eventually(() => saved.load()).toEqual(FORWARDING);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
  });

  it("keeps the newest of many, and writes at most once a second", async () => {
    saved.save(FEWER);
    await eventually(() => clock.sleepsMs).toEqual([1000]);
    for (let times = 0; times < 100; times++) saved.save(times % 2 === 0 ? FEWER : FORWARDING);
    expect(await saved.load()).toEqual(FEWER);
    clock.advance(1000);
    await eventually(() => clock.sleepsMs).toEqual([1000, 1000]);
    expect(await saved.load()).toEqual(FORWARDING);
  });

  it("forgets when nothing is to be kept", async () => {
    await writeFile(path, formatForwarding(FORWARDING));
    saved.save(null);
    await eventually(() => saved.load()).toBeNull();
    await expect(readFile(path)).rejects.toThrow("ENOENT");
  });

  it.each([
    ["a file that was cut off", () => writeFile(path, formatForwarding(FORWARDING).slice(0, 50))],
    ["a pipe, without waiting for it", () => promisify(execFile)("mkfifo", [path])],
    ["a device that never ends", () => symlink("/dev/zero", path)],
  ])("takes %s for none, and tells", async (_what, make) => {
    await make();
    expect(await saved.load()).toBeNull();
    expect(log.warnings()).toEqual([
      expect.objectContaining({ fields: expect.objectContaining({ op: "udp-recall" }) }),
    ]);
  });
});
