import { expect, it } from "vitest";
import { EMPTY_STATE, type KernelState, mergeStates } from "../../../src/kernel/state.ts";
import { parseIpv4, parseMac, parsePrefix } from "../../../src/net/index.ts";

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

it("adds to an earlier result, which comes first", () => {
  const earlier = at("192.0.2.1");
  const [kept] = earlier.fdb;
  const [dropped] = at("192.0.2.2").fdb;
  expect(mergeStates([at("192.0.2.2")], earlier)).toEqual({
    state: earlier,
    conflicts: [{ kind: "fdb", kept, dropped }],
  });
  const blackholes = [parsePrefix("10.244.1.0/24")];
  const { state } = mergeStates([{ ...EMPTY_STATE, blackholes }], earlier);
  expect(state).toEqual({ ...earlier, blackholes });
});
