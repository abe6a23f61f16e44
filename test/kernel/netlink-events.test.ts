/**
 * What LinuxKernel hears when others change the kernel: iproute2 does, from outside.
 *
 *     [ eth0 192.0.2.1/24 ---- veth ---- eth1, a port of br0 ]   one namespace
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { build } from "esbuild";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { KernelChange } from "../../src/kernel/kernel.ts";
import { openLibc } from "../../src/kernel/libc/libc.ts";
import { LinuxKernel } from "../../src/kernel/linux-kernel.ts";
import { EVENT_GROUPS } from "../../src/kernel/netlink/event-stream.ts";
import { LinuxTransport } from "../../src/kernel/netlink/linux-transport.ts";
import type { Operation } from "../../src/kernel/operation.ts";
import { parseIp, parseMac, parsePrefix } from "../../src/net/index.ts";
import { systemClock } from "../../src/runtime/clock.ts";
import { silentLog } from "../../src/runtime/log.ts";
import { DEADLINE_MS, eventually } from "../support/eventually.ts";
import { bridge, connect, Namespace } from "../support/netns.ts";

let namespace: Namespace;
let leave: () => void;
let kernel: LinuxKernel;
let changes: KernelChange[];
let abort: AbortController;

beforeAll(async () => {
  namespace = await Namespace.create("nlevents");
  await connect(
    { namespace, iface: "eth0", addresses: ["192.0.2.1/24", "2001:db8::1/64"] },
    { namespace, iface: "eth1" },
  );
  await bridge(namespace, "br0", ["eth1"]);
  await namespace.ip(
    "link add flannel.1 type vxlan id 1 dev eth0 local 192.0.2.1 dstport 8472 nolearning",
    "addr add 10.244.1.0/32 dev flannel.1",
    "link set flannel.1 up",
  );
  leave = await namespace.enter();
  kernel = await LinuxKernel.open({ log: silentLog });
});

afterAll(async () => {
  kernel.close();
  leave();
  await namespace.delete();
});

beforeEach(async () => {
  changes = [];
  abort = new AbortController();
  await kernel.subscribe((change) => changes.push(change), abort.signal);
});

afterEach(() => abort.abort());

/** Waits until a change like this one was told. */
async function told(wanted: object): Promise<void> {
  await eventually(() => changes).toContainEqual(expect.objectContaining(wanted));
}
const like = (fields: object) => expect.objectContaining(fields);

describe("a change from outside is told", () => {
  it("of a link: made, set up, changed, gone", async () => {
    await namespace.ip("link add flannel.9 type vxlan id 9 dev eth0 dstport 8472");
    await told({ kind: "link", gone: false, link: like({ name: "flannel.9", isUp: false, kind: "vxlan" }) });
    await namespace.ip("link set flannel.9 mtu 1300 up");
    await told({ kind: "link", link: like({ name: "flannel.9", isUp: true, mtuBytes: 1300 }) });
    await namespace.ip("link del flannel.9");
    await told({ kind: "link", gone: true, link: like({ name: "flannel.9" }) });
  });

  it.each([
    ["10.244.1.9/32", "10.244.1.9", 32],
    ["fd00::9/128", "fd00::9", 128],
  ])("of an address: %s", async (text, ip, length) => {
    await namespace.ip(`addr add ${text} dev flannel.1`);
    await told({ kind: "address", gone: false, address: like({ iface: "flannel.1", ip, length }) });
    await namespace.ip(`addr del ${text} dev flannel.1`);
    await told({ kind: "address", gone: true, address: like({ iface: "flannel.1", ip, length }) });
  });

  it.each([
    ["10.244.3.0/24", "10.244.3.0"],
    ["fd00:3::/64", "fd00:3::"],
  ])("of a route: %s", async (dst, via) => {
    await namespace.ip(`route add ${dst} via ${via} dev flannel.1 onlink`);
    const route = like({ dst, via, iface: "flannel.1", onlink: true, protocol: 3 });
    await told({ kind: "route", gone: false, route });
    await namespace.ip(`route del ${dst} via ${via} dev flannel.1`);
    await told({ kind: "route", gone: true, route });
  });

  it.each(["10.244.3.0", "fd00:3::"])("of a neighbour: %s", async (ip) => {
    const mac = "0e:00:00:00:00:03";
    await namespace.ip(`neigh add ${ip} lladdr ${mac} dev flannel.1 nud permanent`);
    await told({ kind: "neighbour", gone: false, entry: { iface: "flannel.1", ip, mac, isPermanent: true } });
    await namespace.ip(`neigh del ${ip} dev flannel.1`);
    await told({ kind: "neighbour", gone: true, entry: like({ iface: "flannel.1", ip }) });
  });

  it("of a forwarding entry", async () => {
    const mac = "0e:00:00:00:00:03";
    await namespace.exec(
      "bridge",
      "fdb",
      "add",
      mac,
      "dev",
      "flannel.1",
      "dst",
      "192.0.2.3",
      "self",
      "permanent",
    );
    const entry = { iface: "flannel.1", mac, remote: "192.0.2.3", isPermanent: true };
    await told({ kind: "fdb", gone: false, entry });
    await namespace.exec("bridge", "fdb", "del", mac, "dev", "flannel.1", "dst", "192.0.2.3", "self");
    await told({ kind: "fdb", gone: true, entry });
  });
});

describe("what is told", () => {
  it("leaves out what no observation holds: other tables, bridges' entries, ARP caches", async () => {
    await namespace.ip(
      "route add 203.0.113.0/24 dev eth0 table 100",
      "neigh add 192.0.2.9 lladdr 0e:00:00:00:00:09 dev eth0 nud permanent",
      "link set eth1 nomaster",
      "link set eth1 master br0",
    );
    await namespace.exec("bridge", "fdb", "add", "0e:00:00:00:00:08", "dev", "eth1", "master", "static");
    await namespace.ip("route add 203.0.113.128/25 dev eth0", "route del 203.0.113.128/25 dev eth0");
    await told({ kind: "route", gone: true, route: like({ dst: "203.0.113.128/25" }) });
    const kinds = new Set(changes.map(({ kind }) => kind));
    expect(kinds.has("fdb") || kinds.has("neighbour")).toBe(false);
    expect(changes.filter((change) => change.kind === "link" && change.gone)).toEqual([]);
    const routes = changes.filter((change) => change.kind === "route");
    expect(routes.map(({ route }) => route.dst)).not.toContain("203.0.113.0/24");
  });

  it("includes what apply does", async () => {
    const route = {
      dst: parsePrefix("10.244.5.0/24"),
      via: parseIp("10.244.5.0"),
      iface: "flannel.1",
      onlink: true,
      protocol: 3,
      mtuBytes: null,
    };
    await kernel.apply([{ op: "put-route", route }]);
    await told({ kind: "route", gone: false, route: like({ dst: "10.244.5.0/24" }) });
    await kernel.apply([{ op: "delete-route", route, metric: 0 }]);
    await told({ kind: "route", gone: true, route: like({ dst: "10.244.5.0/24" }) });
  });

  it("starts no later than subscribe resolves, and ends with the signal", async () => {
    const early: KernelChange[] = [];
    const own = new AbortController();
    await kernel.subscribe((change) => early.push(change), own.signal);
    await namespace.ip("link add br7 type bridge");
    await eventually(() => early).not.toEqual([]);
    own.abort();
    const count = early.length;
    // Two, each told to who still listens: what was told late would have come by the second.
    await namespace.ip("link del br7");
    await told({ kind: "link", gone: true, link: like({ name: "br7" }) });
    await namespace.ip("link add br9 type bridge", "link del br9");
    await told({ kind: "link", gone: true, link: like({ name: "br9" }) });
    expect(early).toHaveLength(count);
  });

  it("does not start at all when the signal has aborted", async () => {
    await expect(kernel.subscribe(() => {}, AbortSignal.abort(new Error("stop")))).rejects.toThrow("stop");
  });
});

describe("an overrun", () => {
  it("is told, and what comes after it too", async () => {
    const libc = await openLibc();
    const small = new LinuxKernel(
      {
        requests: LinuxTransport.open(libc, { groups: 0, receiveBufferBytes: 1 << 20 }),
        // Room for a handful of notifications.
        openEvents: () => LinuxTransport.open(libc, { groups: EVENT_GROUPS, receiveBufferBytes: 4096 }),
        createTun: () => {},
        writeSysctl: () => {},
      },
      { clock: systemClock, log: silentLog },
    );
    const heard: KernelChange[] = [];
    const own = new AbortController();
    await small.subscribe((change) => heard.push(change), own.signal);
    const operations = Array.from({ length: 500 }, (_, number): Operation => {
      const remote = parseIp(`172.16.${number >> 8}.${number & 255}`);
      return { op: "put-fdb", entry: { iface: "flannel.1", mac: parseMac("0e:00:00:00:00:44"), remote } };
    });
    await small.apply(operations);
    await eventually(() => heard.map(({ kind }) => kind)).toContain("overrun");
    await namespace.ip("link add br8 type bridge");
    const link = like({ name: "br8" });
    await eventually(() => heard).toContainEqual(expect.objectContaining({ kind: "link", link }));
    await namespace.ip("link del br8");
    own.abort();
    small.close();
  });
});

describe("a process that listens", () => {
  const program = `
    import { LinuxKernel } from "./src/kernel/linux-kernel.ts";
    import { silentLog } from "./src/runtime/log.ts";
    const kernel = await LinuxKernel.open({ log: silentLog });
    const abort = new AbortController();
    await kernel.subscribe(() => {}, abort.signal);
    const ends = {
      exit: () => process.exit(0),
      throw: () => setTimeout(() => { throw new Error("on purpose"); }),
      abort: () => abort.abort(),
    };
    setTimeout(ends[process.argv[1]], 50);
  `;
  let script: string;
  beforeAll(async () => {
    const { outputFiles } = await build({
      stdin: { contents: program, resolveDir: ".", loader: "ts" },
      bundle: true,
      platform: "node",
      format: "esm",
      external: ["koffi"],
      write: false,
    });
    script = outputFiles[0]?.text ?? "";
  });

  it.each([
    ["exit", 0],
    ["throw", 1],
    ["abort", 0],
  ])("ends by itself: %s", async (way, code) => {
    const child = spawn(process.execPath, ["--input-type=module", "--eval", script, way], {
      stdio: "ignore",
    });
    try {
      const deadline = { signal: AbortSignal.timeout(DEADLINE_MS) };
      expect(await once(child, "exit", deadline)).toEqual([code, null]);
    } finally {
      child.kill("SIGKILL");
    }
  });
});
