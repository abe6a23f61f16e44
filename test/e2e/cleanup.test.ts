/** `tweed cleanup` takes away what is Tweed's on a host, and nothing else. */
import { access, readdir } from "node:fs/promises";
import { beforeAll, describe, expect, test } from "vitest";
import { subnetFile } from "../../src/lab/daemon.ts";
import { addForeignObjects } from "../support/foreign-objects.ts";
import { type NetworkTables, readTables, selectTables } from "../support/network-tables.ts";
import { tweed, useLab } from "../support/test-lab.ts";

/** What is on a device goes with it. */
const DEVICES = ["delete link flannel.1", "delete link flannel-v6.1"];
const ROUTES = [
  "delete route 10.244.SUBNET/24 via 198.18.1.2 dev eth0",
  "delete route fd00:10:244:SUBNET/64 via fd00:198:18::1:2 dev eth0",
];

describe.each([
  { name: "cleanvx", backend: { Type: "vxlan" }, deleted: DEVICES },
  { name: "cleandr", backend: { Type: "vxlan", DirectRouting: true }, deleted: [...ROUTES, ...DEVICES] },
  { name: "cleangw", backend: { Type: "host-gw" }, deleted: ROUTES },
])("$backend", ({ name, backend, deleted }) => {
  const bed = useLab({ name, nodes: 2, backend, store: "file", families: "dual" });
  const cleanup = (...flags: readonly string[]) =>
    tweed(["cleanup", `--subnet-file=${subnetFile(bed.node(1))}`, ...flags], bed.node(1).namespace);
  let before: NetworkTables;

  beforeAll(async () => {
    await addForeignObjects(bed.node(1).namespace);
    await bed.lab.stopDaemon(bed.node(1), "SIGTERM");
    before = await readTables(bed.node(1).namespace);
    expect(withoutOurs(before)).not.toEqual(before);
  });

  test("--dry-run says what would go, and changes nothing", async () => {
    const { exitCode, stdout } = await cleanup("--dry-run");
    expect(exitCode).toBe(0);
    const anySubnet = stdout.replace(/(10\.244\.|fd00:10:244:)\S+\//g, "$1SUBNET/");
    const rules = anySubnet.split("\n").filter((line) => /^delete (nftables|iptables)/.test(line));
    expect(rules).toContain("delete nftables table inet tweed-packet-filter");
    expect(anySubnet.trimEnd().split("\n")).toEqual([
      ...deleted,
      ...rules,
      `remove ${subnetFile(bed.node(1))}`,
    ]);
    expect(await readTables(bed.node(1).namespace)).toEqual(before);
    await access(subnetFile(bed.node(1)));
  });

  test("without it everything of ours goes, and nothing else", async () => {
    const said = (await cleanup("--dry-run")).stdout;
    expect(await cleanup()).toEqual({ exitCode: 0, stdout: said, stderr: "" });
    expect(await readTables(bed.node(1).namespace)).toEqual(withoutOurs(before));
    expect(await readdir(bed.node(1).directory)).toEqual(["daemon.log"]);
    const { stdout: tables } = await bed.lab.exec("node1", ["nft", "list", "ruleset"]);
    expect(tables).not.toMatch(/flannel|tweed/i);
  });

  test("once more with the network's name: there is nothing left", async () => {
    const { exitCode, stdout } = await cleanup("--network=10.244.0.0/16", "--network=fd00:10:244::/48");
    expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: "nothing to remove\n" });
  });

  test("without a subnet file and a network it refuses", async () => {
    const { exitCode, stderr } = await cleanup();
    expect({ exitCode, stderr }).toEqual({ exitCode: 2, stderr: expect.stringContaining("--network") });
  });
});

/** Devices of ours with all that is on them, and routes to peers over the underlay. */
function withoutOurs(tables: NetworkTables): NetworkTables {
  return selectTables(
    tables,
    (device, { protocol, dst }) =>
      !/^flannel(-v6)?\.1$/.test(device) && !(protocol === "116" && device === "eth0" && isPeerSubnet(dst)),
  );
}

/** 172.31.0.0/16 carries our protocol number too, but lies outside the network. */
function isPeerSubnet(dst: unknown): boolean {
  return /^(10\.244\.(?!0\.0\/16)|fd00:10:244:)/.test(String(dst));
}
