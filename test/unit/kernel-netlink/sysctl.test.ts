import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { readSysctl, writeSysctl } from "../../../src/kernel/sysctl.ts";

const codeOf = (path: string, value = "0"): unknown => {
  try {
    writeSysctl({ path, value });
    return null;
  } catch (error) {
    return (error as { code?: unknown }).code;
  }
};

describe("a sysctl", () => {
  it.each([
    "",
    "/net/ipv4/ip_forward",
    "../etc/passwd",
    "net/../../../etc/passwd",
    "net/./x",
    "net//x",
    "net/",
    "a\0b",
  ])("of the path %j is refused before anything is touched", (path) => {
    expect(codeOf(path)).toBe("sysctl-invalid");
  });

  it("that does not exist is told apart, dots in the device's name and all", () => {
    expect(codeOf("net/ipv6/conf/no-such.dev/accept_ra")).toBe("sysctl-missing");
  });

  it("that has its value already is left alone", () => {
    const path = "kernel/ostype";
    const value = readFileSync(`/proc/sys/${path}`, "utf8").trim();
    // Nobody can write this one: that there is no error shows that nothing was written.
    expect(codeOf(path, value)).toBeNull();
  });

  it("is read without its newline, and is null where there is none", () => {
    expect(readSysctl("kernel/ostype")).toBe("Linux");
    expect(readSysctl("net/ipv4/conf/no-such.dev/rp_filter")).toBeNull();
    expect(readSysctl("../version")).toBeNull();
  });

  it("that cannot be written says so", () => {
    expect(codeOf("kernel/ostype", "Plan 9")).toBe("sysctl-refused");
  });
});
