import { expect, it } from "vitest";
import { nextHopsOf, readNextHopPair } from "../../../src/kernel/netlink/bare-next-hop.ts";
import { parseIp } from "../../../src/net/index.ts";

const own = { index: 5, flags: 4, gateway: parseIp("10.244.3.0") };
const bare = { index: 2, flags: 0, gateway: parseIp("192.0.2.3") };
const hops = nextHopsOf({ own, bare });

it("one flow in 4,097 takes the bare next hop", () => {
  expect(hops.map(({ weight }) => weight)).toEqual([...new Array(16).fill(256), 1]);
  expect(readNextHopPair(hops)).toMatchObject({ own, bare });
});

const changed = (at: number, change: object) =>
  hops.map((hop, index) => (index === at ? { ...hop, ...change } : hop));

it.each([
  ["none", []],
  ["one", hops.slice(0, 1)],
  ["one repetition less", hops.slice(1)],
  ["one repetition more", [...hops.slice(0, 1), ...hops]],
  ["another device in between", changed(3, { index: 6 })],
  ["another gateway in between", changed(3, { gateway: bare.gateway })],
  ["another weight in between", changed(3, { weight: 255 })],
  ["another weight of the first", changed(0, { weight: 1 })],
  ["another weight of the bare one", changed(16, { weight: 2 })],
])("next hops of another form are no pair: %s", (_, others) => {
  expect(readNextHopPair(others)).toBeNull();
});
