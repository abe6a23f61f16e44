import { describe, expect, it } from "vitest";
import { errnoError, errnoName, errnoText } from "../../../src/kernel/libc/errno.ts";

describe("errno", () => {
  it.each([
    [1, "EPERM"],
    [11, "EAGAIN"],
    [17, "EEXIST"],
    [28, "ENOSPC"],
    [95, "EOPNOTSUPP"],
    [105, "ENOBUFS"],
  ])("%i is %s", (errno, name) => {
    expect(errnoName(errno)).toBe(name);
  });

  it("has a name also for what it does not know", () => {
    expect(errnoName(999)).toBe("E999");
    expect(errnoText(999)).toBe("");
  });

  it("makes one error of operation, detail, text and code", () => {
    const error = errnoError("put-route 10.1.0.0/24", 101, "Nexthop has invalid gateway");
    expect(error.code).toBe("ENETUNREACH");
    expect(error.message).toBe(
      "put-route 10.1.0.0/24: Nexthop has invalid gateway: network is unreachable (ENETUNREACH)",
    );
    expect(errnoError("ask", 999).message).toBe("ask: refused (E999)");
  });

  it("is retryable where it passes by itself", () => {
    expect([4, 11, 12, 16, 105].every((errno) => errnoError("ask", errno).retryable)).toBe(true);
    expect([1, 17, 19, 22].some((errno) => errnoError("ask", errno).retryable)).toBe(false);
  });
});
