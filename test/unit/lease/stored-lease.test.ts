import { describe, expect, test } from "vitest";
import { readOffers } from "../../../src/lease/offer-reading.ts";
import {
  ifReadable,
  noSuchLease,
  readStoredLease,
  type StoredLease,
  storeEmptied,
  subnetsOf,
} from "../../../src/lease/stored-lease.ts";
import { TweedError } from "../../../src/runtime/error.ts";
import { content, lease, subnets, VXLAN } from "../../support/lease-fixtures.ts";

const stored: StoredLease = { ...lease("10.5.1.0-24", 1, content("192.0.2.1")), isReservation: false };
const failing = (error: Error) => () => ifReadable(() => fail(error));

function fail(error: Error): never {
  throw error;
}

describe("an entry of a store", () => {
  test("is a lease, or none where it cannot be read as one", () => {
    expect(ifReadable(() => stored)).toBe(stored);
    const invalid = new TweedError({ code: "invalid-lease", operation: "read lease", reason: "no JSON" });
    expect(failing(invalid)()).toBeNull();
  });

  test("is unknown where the store cannot be read", () => {
    const away = new TweedError({
      code: "store-unavailable",
      operation: "list",
      reason: "refused",
      retryable: true,
    });
    expect(failing(away)).toThrow(away);
    expect(failing(new RangeError("a bug"))).toThrow("a bug");
  });

  test("is no lease with a key of another form, which is told", () => {
    const error = {
      code: "invalid-lease",
      operation: "read lease",
      message: expect.stringContaining("10.5.34.0-24"),
    };
    for (const read of [() => subnetsOf("config"), () => readStoredLease("config", Buffer.from("{}"), 1n)])
      expect(read).toThrow(expect.objectContaining(error));
  });
});

test("a store that has lost its data may get it back", () => {
  expect(storeEmptied("it has no configuration")).toMatchObject({
    code: "store-emptied",
    operation: "list leases",
    retryable: true,
    message: expect.stringContaining("it has no configuration"),
  });
});

test("a lease that does not exist is named, and how to list those that do", () => {
  expect(noSuchLease("10.5.1.0-24")).toMatchObject({
    code: "no-such-lease",
    operation: "release lease 10.5.1.0-24",
    message: expect.stringContaining("tweed store leases"),
  });
});

test("offers are read in the families of the subnets", () => {
  const asked = (key: string) => {
    const families: string[] = [];
    const readings = readOffers([VXLAN], subnets(key), ({ data }, family) => {
      families.push(family);
      return { data: data[family], conflictKeys: [] };
    });
    return [families, Object.values(readings[0] ?? {}).map((reading) => reading !== null)];
  };
  expect(asked("10.5.1.0-24")).toEqual([["v4"], [true, false]]);
  expect(asked("0.0.0.0-0&fc00:0:0:1::-64")).toEqual([["v6"], [false, true]]);
});
