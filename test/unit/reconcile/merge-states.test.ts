import { expect, it } from "vitest";
import { EMPTY_STATE, type KernelState, mergeStates } from "../../../src/kernel/state.ts";
import { parseIpv4, parseMac } from "../../../src/net/index.ts";

const mac = parseMac("02:00:00:00:00:01");
const at = (remote: string): KernelState => ({
  ...EMPTY_STATE,
  fdb: [{ iface: "flannel.1", mac, remote: parseIpv4(remote) }],
});

it("takes what is wanted twice once, and says nothing", () => {
  expect(mergeStates([at("192.0.2.1"), at("192.0.2.1")])).toEqual({ state: at("192.0.2.1"), conflicts: [] });
});

it("keeps the first of two for one place, and tells of the other", () => {
  const [kept] = at("192.0.2.1").fdb;
  const [dropped] = at("192.0.2.2").fdb;
  expect(mergeStates([at("192.0.2.1"), at("192.0.2.2")])).toEqual({
    state: at("192.0.2.1"),
    conflicts: [{ kind: "fdb", kept, dropped }],
  });
});
