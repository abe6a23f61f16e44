import { describe, expect, it } from "vitest";
import { parseIpv4 } from "../../../src/net/index.ts";
import { expectNoLoss, formatLosses, lossesOf } from "../../cluster/checks/traffic.ts";

const ping = {
  target: parseIpv4("10.244.1.2"),
  sent: 100,
  received: 98,
  lost: 2,
  longestLoss: 2,
  rttMs: null,
};
const requests = { url: "http://10.96.0.7/hostname", sent: 10, failed: 0, reasons: [] };

describe("losses of a cluster's traffic", () => {
  it("adds up pairs and says which lost something", () => {
    const whole = { ...ping, received: 100, lost: 0, longestLoss: 0 };
    expect(formatLosses(lossesOf([whole, ping], [requests]))).toBe(
      "2 of 200 pings lost (2 in a row), 0 of 10 requests failed: 2 of 100 pings to 10.244.1.2 (v4)",
    );
  });

  it("is an error where a request failed", () => {
    const failed = { ...requests, failed: 1, reasons: ["then: connect ECONNREFUSED"] };
    const whole = { ...ping, received: 100, lost: 0, longestLoss: 0 };
    expect(() => expectNoLoss(lossesOf([whole], [failed]))).toThrow(
      "1 of 10 requests failed: http://10.96.0.7/hostname: then: connect ECONNREFUSED",
    );
  });

  it("is an error where nothing was sent", () => {
    expect(() => expectNoLoss(lossesOf([], []))).toThrow("nothing was sent");
  });
});
