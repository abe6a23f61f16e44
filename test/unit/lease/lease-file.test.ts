import { describe, expect, test } from "vitest";
import {
  formatLeaseFile,
  isExpired,
  keyOfFile,
  leaseFileName,
  parseLeaseFile,
} from "../../../src/lease/file/lease-file.ts";
import { content, lease } from "../../support/lease-fixtures.ts";

const KEY = "10.5.1.0-24&fc00:0:0:1::-64";
const LEASE = lease(KEY, 1_700_000_000_000, content("192.0.2.1", "2001:db8::1"));
const EXPIRY = Date.parse("2030-01-02T03:04:05.678Z");
const parse = (text: string, key = KEY, writtenAtWallMs = 0) =>
  parseLeaseFile(key, Buffer.from(text), writtenAtWallMs);

describe("a lease's file", () => {
  test("says what the lease is, whose it is and until when", () => {
    const text = formatLeaseFile(LEASE, "me", EXPIRY);
    expect(text).toMatch(
      /"Owner":"me","ClaimedAt":"1700000000000","ExpiresAt":"2030-01-02T03:04:05.678Z"\}$/,
    );
    const file = { ...LEASE, owner: "me", expiresAtWallMs: EXPIRY, isReservation: false };
    expect(parse(text, KEY, Number(LEASE.claimedAt))).toEqual(file);
  });

  test("without an expiry is a reservation, flannel's text alone an operator's", () => {
    expect(parse(formatLeaseFile(LEASE, "me", null))).toMatchObject({ isReservation: true, owner: "me" });
    const bare = parse('{"PublicIP":"192.0.2.1","PublicIPv6":null}');
    expect(bare).toMatchObject({ isReservation: true, owner: "", claimedAt: 0n, expiresAtWallMs: null });
  });

  test.for(['"soon"', "7", "{}", "false"])("with an expiry %s has expired", (expiresAt) => {
    const file = parse(`{"ExpiresAt":${expiresAt}}`);
    expect(isExpired(file, EXPIRY)).toBe(true);
  });

  test.for(['"-1"', "17", '"1e3"', `"${"9".repeat(31)}"`])(
    "claimed at %s counts as the oldest",
    (claimedAt) => {
      expect(parse(`{"ClaimedAt":${claimedAt}}`).claimedAt).toBe(0n);
    },
  );

  test.for(["0", "1600000000000", "1700000000000", "junk"])(
    "that says it was claimed at %s is no older than the file",
    (claimedAt) => {
      expect(parse(`{"ClaimedAt":"${claimedAt}"}`, KEY, 1_700_000_000_000.4).claimedAt).toBe(
        1_700_000_000_000n,
      );
    },
  );

  test("that was claimed later than the file's time says, as newcomers are behind all others, is as young as it says", () => {
    expect(parse('{"ClaimedAt":"1700000000007"}', KEY, 1_700_000_000_000).claimedAt).toBe(1_700_000_000_007n);
  });

  test.for(["1700000001001", "9".repeat(30)])(
    "that says it was claimed at %s is at most a second younger than the file",
    (claimedAt) => {
      expect(parse(`{"ClaimedAt":"${claimedAt}"}`, KEY, 1_700_000_000_000).claimedAt).toBe(
        1_700_000_001_000n,
      );
    },
  );

  test("expires at its time", () => {
    const file = parse(formatLeaseFile(LEASE, "me", EXPIRY));
    expect([isExpired(file, EXPIRY - 1), isExpired(file, EXPIRY)]).toEqual([false, true]);
    expect(isExpired(parse("{}"), Number.MAX_SAFE_INTEGER)).toBe(false);
  });

  test("under a name that is no key is no lease", () => {
    expect(() => parse("{}", "config")).toThrow(expect.objectContaining({ code: "invalid-lease" }));
  });
});

test.for([
  [leaseFileName(KEY), KEY],
  ["junk.json", "junk"],
  [".tweed-tmp-1.json", null],
  [".tweed-lock", null],
  ["10.5.1.0-24", null],
  ["10.5.1.0-24.json.bak", null],
] as const)("the file %s is of the key %s", ([name, key]) => {
  expect(keyOfFile(name)).toBe(key);
});
