import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  formatSubnetEnv,
  parseSubnetEnv,
  readSubnetEnv,
  type SubnetEnv,
  writeSubnetEnv,
} from "../../../src/agent/cni/subnet-env.ts";
import { parseIpv4Prefix, parseIpv6Prefix } from "../../../src/net/index.ts";
import { nodeFiles } from "../../../src/runtime/node-files.ts";

const DUAL: SubnetEnv = {
  networks: { v4: parseIpv4Prefix("10.244.0.0/16"), v6: parseIpv6Prefix("fd00:10:244::/56") },
  subnets: { v4: parseIpv4Prefix("10.244.3.0/24"), v6: parseIpv6Prefix("fd00:10:244:3::/64") },
  mtuBytes: 1450,
  masquerade: true,
};
const NONE = { v4: null, v6: null };

describe("formatSubnetEnv", () => {
  it("writes both families in flannel's order", () => {
    expect(formatSubnetEnv(DUAL)).toBe(
      "FLANNEL_NETWORK=10.244.0.0/16\n" +
        "FLANNEL_SUBNET=10.244.3.1/24\n" +
        "FLANNEL_IPV6_NETWORK=fd00:10:244::/56\n" +
        "FLANNEL_IPV6_SUBNET=fd00:10:244:3::1/64\n" +
        "FLANNEL_MTU=1450\n" +
        "FLANNEL_IPMASQ=true\n",
    );
  });

  it("leaves out a family without network or subnet", () => {
    const only4 = { ...DUAL, networks: { ...DUAL.networks, v6: null }, masquerade: false };
    expect(formatSubnetEnv(only4)).toBe(
      "FLANNEL_NETWORK=10.244.0.0/16\nFLANNEL_SUBNET=10.244.3.1/24\nFLANNEL_MTU=1450\nFLANNEL_IPMASQ=false\n",
    );
    const only6 = { ...DUAL, subnets: { ...DUAL.subnets, v4: null } };
    expect(formatSubnetEnv(only6)).not.toContain("FLANNEL_NETWORK=");
  });
});

describe("parseSubnetEnv", () => {
  it("reads back what was written, subnets masked", () => {
    const { networks, subnets } = DUAL;
    expect(parseSubnetEnv(formatSubnetEnv(DUAL))).toEqual({ networks, subnets, faults: [] });
  });

  it.each([
    "FLANNEL_SUBNET=10.5.3.1/24",
    '  export FLANNEL_SUBNET = "10.5.3.1/24"  ',
    "FLANNEL_SUBNET='10.5.3.1/24'\r",
    "# by hand\n\nFLANNEL_SUBNET=10.9.9.1/24\nFLANNEL_SUBNET=10.5.3.1/24 # moved",
    "FLANNEL_SUBNET=junk,10.5.3.1/24,",
  ])("finds the subnet in %j", (text) => {
    expect(parseSubnetEnv(text).subnets).toEqual({ v4: "10.5.3.0/24", v6: null });
  });

  it("skips what is no network and says so", () => {
    const { subnets, faults } = parseSubnetEnv("FLANNEL_SUBNET=10.5.3.1,10.5.300.1/24,fd00::1/64");
    expect(subnets).toEqual(NONE);
    expect(faults).toEqual([
      expect.stringContaining('FLANNEL_SUBNET: "10.5.3.1" is no network of its family'),
      expect.stringContaining('"10.5.300.1/24"'),
      expect.stringContaining('"fd00::1/64"'),
    ]);
  });

  it("has one line for the log of a list that somebody made long", () => {
    const { subnets, faults } = parseSubnetEnv(`FLANNEL_SUBNET=${"x,".repeat(3000)}10.5.3.1/24`);
    expect(subnets).toEqual(NONE);
    expect(faults).toEqual(["FLANNEL_SUBNET: 3001 networks where one is expected, none is used"]);
  });

  it("uses none of several", () => {
    const { subnets, faults } = parseSubnetEnv("FLANNEL_IPV6_SUBNET=fd00:1::1/64,fd00:2::1/64");
    expect(subnets).toEqual(NONE);
    expect(faults).toEqual(["FLANNEL_IPV6_SUBNET: 2 networks where one is expected, none is used"]);
  });

  it.each(["", "\0\xff", "=", "FLANNEL_SUBNET", "FLANNEL_SUBNET=", "OTHER=10.5.3.1/24"])(
    "finds nothing in %j",
    (text) => {
      expect(parseSubnetEnv(text)).toEqual({ networks: NONE, subnets: NONE, faults: [] });
    },
  );
});

describe("the file", () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "tw-subnet-env-"));
  });
  afterEach(async () => {
    await rm(directory, { recursive: true, force: true });
  });

  it("is made with its directory, mode 0644 whatever the umask, and leaves no other file", async () => {
    const path = join(directory, "run/flannel/subnet.env");
    const umask = process.umask(0o077);
    try {
      await writeSubnetEnv(nodeFiles, path, DUAL);
    } finally {
      process.umask(umask);
    }
    expect(await readFile(path, "utf8")).toBe(formatSubnetEnv(DUAL));
    expect((await stat(path)).mode & 0o777).toBe(0o644);
    expect(await readdir(join(directory, "run/flannel"))).toEqual(["subnet.env"]);
  });

  it("is replaced, not written over: who has it open keeps the old text", async () => {
    const path = join(directory, "subnet.env");
    await writeSubnetEnv(nodeFiles, path, DUAL);
    const before = await stat(path);
    await writeSubnetEnv(nodeFiles, path, { ...DUAL, mtuBytes: 8951 });
    expect((await stat(path)).ino).not.toBe(before.ino);
    expect(await readFile(path, "utf8")).toContain("FLANNEL_MTU=8951");
  });

  it("says which path failed and which flag sets it, and leaves nothing behind", async () => {
    await writeFile(join(directory, "file"), "");
    await expect(writeSubnetEnv(nodeFiles, join(directory, "file/subnet.env"), DUAL)).rejects.toMatchObject({
      code: "subnet-env",
      retryable: true,
      message: expect.stringMatching(/file\/subnet\.env: .*--subnet-file/),
    });
    await expect(writeSubnetEnv(nodeFiles, directory, DUAL)).rejects.toMatchObject({ code: "subnet-env" });
    expect(await readdir(directory)).toEqual(["file"]);
  });

  it("counts as empty when missing, and as an error when unreadable", async () => {
    expect(await readSubnetEnv(nodeFiles, join(directory, "none"))).toEqual({
      networks: NONE,
      subnets: NONE,
      faults: [],
    });
    await expect(readSubnetEnv(nodeFiles, directory)).rejects.toMatchObject({ code: "subnet-env" });
  });
});
