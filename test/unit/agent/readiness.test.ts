import { expect, it } from "vitest";
import { Readiness } from "../../../src/agent/reports/readiness.ts";

const INITIAL = { lease: "no lease yet", peers: "peers not programmed yet" };

it("takes a condition for held that is not listed at first, until it fails", () => {
  const readiness = new Readiness<"lease" | "cni">({ lease: "no lease yet" });
  readiness.holds("lease");
  expect(readiness.isReady()).toBe(true);
  readiness.fails("cni", "no pod can start");
  expect(readiness.reasons()).toEqual(["no pod can start"]);
});

it("is ready once every condition holds", () => {
  const readiness = new Readiness(INITIAL);
  expect(readiness.reasons()).toEqual(["no lease yet", "peers not programmed yet"]);
  readiness.holds("peers");
  expect(readiness.reasons()).toEqual(["no lease yet"]);
  expect(readiness.isReady()).toBe(false);
  readiness.holds("lease");
  expect(readiness.isReady()).toBe(true);
});

it("falls back when a condition fails again, and keeps the order of reasons", () => {
  const readiness = new Readiness(INITIAL);
  readiness.holds("lease");
  readiness.holds("peers");
  readiness.fails("peers", "12 routes refused");
  readiness.fails("lease", "lease lost");
  expect(readiness.reasons()).toEqual(["lease lost", "12 routes refused"]);
});

it("calls back for changes only", () => {
  const calls: (readonly string[])[] = [];
  const readiness = new Readiness(INITIAL, (reasons) => calls.push(reasons));
  readiness.fails("lease", "no lease yet");
  readiness.holds("peers");
  readiness.holds("peers");
  readiness.fails("lease", "etcd is away");
  readiness.holds("lease");
  expect(calls).toEqual([["no lease yet"], ["etcd is away"], []]);
});
