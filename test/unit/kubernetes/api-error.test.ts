import { describe, expect, it } from "vitest";
import { ApiError, readStatus, refusal, unavailable } from "../../../src/lease/kubernetes/api-error.ts";
import { statusText } from "../../support/kube-api/exchange.ts";

const refused = (status: number, text: string, retryAfter?: string) =>
  refusal("watch nodes", readStatus(status, text, retryAfter), "watch on nodes");

describe("a refusal", () => {
  it.each([
    [401, "store-auth", true],
    [403, "store-auth", false],
    [404, "store-missing", false],
    [408, "store-unavailable", true],
    [409, "store-conflict", false],
    [410, "store-expired", false],
    [422, "store-refused", false],
    [429, "store-unavailable", true],
    [500, "store-unavailable", true],
    [503, "store-unavailable", true],
    [504, "store-unavailable", true],
  ])("with %d is %s; that every other request fails too is %s", (status, code, isOutage) => {
    const error = refused(status, statusText(status, "", "why"));
    expect(error).toMatchObject({ code, isOutage, isAnswer: true, retryable: code !== "store-refused" });
  });

  it("is an outage where there was no answer", () => {
    expect(unavailable("watch nodes", "reset")).toMatchObject({
      ...{ code: "store-unavailable", isOutage: true, isAnswer: false, retryable: true, retryAfterMs: null },
    });
    const fields = { operation: "find", code: "store-missing", reason: "none", isAnswer: true } as const;
    expect(new ApiError(fields).isOutage).toBe(false);
  });

  it("means listing anew where the version is unknown to the server", () => {
    expect(refused(400, statusText(400, "BadRequest", "Invalid resource version")).code).toBe(
      "store-expired",
    );
    expect(refused(400, statusText(400, "BadRequest", "no resourceVersion 7")).code).toBe("store-expired");
    expect(refused(400, statusText(400, "BadRequest", "no such field")).code).toBe("store-refused");
    const details = { causes: [{ reason: "ResourceVersionTooLarge" }] };
    expect(refused(504, statusText(504, "Timeout", "too large", details)).code).toBe("store-expired");
    const others = { causes: [7, null, {}, { reason: 5 }] };
    expect(refused(504, statusText(504, "Timeout", "slow", others)).code).toBe("store-unavailable");
    expect(readStatus(504, JSON.stringify({ details: others }), undefined).causes).toEqual(["", "", "", ""]);
    expect(readStatus(504, "{}", undefined).causes).toEqual([]);
  });

  it("of an event in a watch has its own code, whatever the answer's", () => {
    expect(refused(500, statusText(410, "Expired", "too old resource version")).code).toBe("store-expired");
  });

  it.each([
    ["7", "{}", 7000],
    ["0", "{}", 0],
    ["-1", "{}", null],
    ["100000", "{}", 60_000],
    ["Fri, 20 Nov 2026 00:00:00 GMT", "{}", null],
    [undefined, statusText(429, "", "", { retryAfterSeconds: 3 }), 3000],
    [undefined, statusText(429, "", "", { retryAfterSeconds: "3" }), null],
    [undefined, "<html>Bad Gateway</html>", null],
  ])("that says %j is waited for", (header, text, expected) => {
    expect(refused(429, text, header).retryAfterMs).toBe(expected);
  });

  it("names only the right that this request needs", () => {
    expect(refused(403, statusText(403, "Forbidden", "no")).message).toBe(
      "watch nodes: the API server answers 403: no; the daemon's role has to allow watch on nodes",
    );
  });

  it("of a token names where it comes from", () => {
    expect(refused(401, statusText(401, "Unauthorized", "")).message).toBe(
      "watch nodes: the API server answers 401; check the service account's token or the kubeconfig",
    );
  });

  it("says what the server said, in one line", () => {
    expect(refused(502, "\n bad gateway \n").message).toBe(
      "watch nodes: the API server answers 502: bad gateway",
    );
    expect(refused(502, "x".repeat(500)).message).toMatch(/: x{200}$/);
    expect(refused(503, "<html>\n  <b>Bad Gateway</b>").message).toBe(
      "watch nodes: the API server answers 503: <html> <b>Bad Gateway</b>",
    );
  });

  it("says no more than a line of the log takes", () => {
    expect(refused(500, statusText(500, "InternalError", "x".repeat(100_000))).message.length).toBe(1041);
  });
});
