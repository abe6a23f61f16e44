import { describe, expect, it } from "vitest";
import { readStatus, refusal } from "../../../src/lease/kubernetes/api-error.ts";
import { statusText } from "../../support/kube-api/exchange.ts";

const refused = (status: number, text: string, retryAfter?: string) =>
  refusal("watch nodes", readStatus(status, text, retryAfter), "watch on nodes");

describe("a refusal", () => {
  it.each([
    [401, "store-auth"],
    [403, "store-auth"],
    [404, "store-missing"],
    [409, "store-conflict"],
    [410, "store-expired"],
    [422, "store-refused"],
    [429, "store-unavailable"],
    [500, "store-unavailable"],
    [503, "store-unavailable"],
    [504, "store-unavailable"],
  ])("with %d is %s", (status, code) => {
    expect(refused(status, statusText(status, "", "why")).code).toBe(code);
  });

  it("means listing anew where the version is unknown to the server", () => {
    expect(refused(400, statusText(400, "BadRequest", "Invalid resource version")).code).toBe(
      "store-expired",
    );
    expect(refused(400, statusText(400, "BadRequest", "no such field")).code).toBe("store-refused");
    const details = { causes: [{ reason: "ResourceVersionTooLarge" }] };
    expect(refused(504, statusText(504, "Timeout", "too large", details)).code).toBe("store-expired");
  });

  it("of an event in a watch has its own code, whatever the answer's", () => {
    expect(refused(500, statusText(410, "Expired", "too old resource version")).code).toBe("store-expired");
  });

  it.each([
    ["7", "{}", 7000],
    ["100000", "{}", 60_000],
    ["Fri, 20 Nov 2026 00:00:00 GMT", "{}", null],
    [undefined, statusText(429, "", "", { retryAfterSeconds: 3 }), 3000],
    [undefined, "<html>Bad Gateway</html>", null],
  ])("that says %j is waited for", (header, text, expected) => {
    expect(refused(429, text, header).retryAfterMs).toBe(expected);
  });

  it("names only the right that this request needs", () => {
    expect(refused(403, statusText(403, "Forbidden", "no")).message).toBe(
      "watch nodes: the API server answers 403: no; the daemon's role has to allow watch on nodes",
    );
  });

  it("says what the server said, in one line", () => {
    expect(refused(503, "<html>\n  <b>Bad Gateway</b>").message).toBe(
      "watch nodes: the API server answers 503: <html> <b>Bad Gateway</b>",
    );
  });

  it("says no more than a line of the log takes", () => {
    expect(refused(500, statusText(500, "InternalError", "x".repeat(100_000))).message.length).toBe(1041);
  });
});
