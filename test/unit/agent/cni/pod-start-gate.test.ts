import { expect, test } from "vitest";
import { PodStartGate } from "../../../../src/agent/cni/pod-start-gate.ts";
import { type DualPrefix, parseIpv4Prefix } from "../../../../src/net/index.ts";

const NONE: DualPrefix = { v4: null, v6: null };
const subnet = (text: string): DualPrefix => ({ v4: parseIpv4Prefix(text), v6: null });
const missing = () => "address of flannel.1";
const nothing = () => null;

test("opens once the node's own part is in place, and stays open for that subnet", () => {
  const gate = new PodStartGate(NONE);
  expect(gate.blockedBy(subnet("10.244.1.0/24"), missing)).toBe("address of flannel.1");
  expect(gate.blockedBy(subnet("10.244.1.0/24"), nothing)).toBeNull();
  expect(gate.blockedBy(subnet("10.244.1.0/24"), missing)).toBeNull();
});

test("is open for the subnets of an earlier daemon", () => {
  const gate = new PodStartGate(subnet("10.244.1.0/24"));
  expect(gate.blockedBy(subnet("10.244.1.0/24"), missing)).toBeNull();
});

test("closes for another subnet until its own path is in place", () => {
  const gate = new PodStartGate(subnet("10.244.1.0/24"));
  expect(gate.blockedBy(subnet("10.244.9.0/24"), missing)).toBe("address of flannel.1");
  expect(gate.blockedBy(subnet("10.244.9.0/24"), nothing)).toBeNull();
  expect(gate.blockedBy(subnet("10.244.9.0/24"), missing)).toBeNull();
});

test("stays open for a family that is gone for a while", () => {
  const gate = new PodStartGate(subnet("10.244.1.0/24"));
  expect(gate.blockedBy(NONE, missing)).toBeNull();
  expect(gate.blockedBy(subnet("10.244.1.0/24"), missing)).toBeNull();
});
