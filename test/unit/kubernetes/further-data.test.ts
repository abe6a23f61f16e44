import { expect, test } from "vitest";
import { joinData, splitData } from "../../../src/lease/kubernetes/further-data.ts";

test.each(["constructor", "__proto__", "toString", "udp"])("data of type %s is all flannel's", (type) => {
  const data = { v4: { VNI: 1, Direct: true }, v6: null };
  expect(splitData({ type, data })).toEqual({ flannel: data, further: null });
});

test("of vxlan what is not flannel's stands apart, and comes together again", () => {
  const data = { v4: { VNI: 1, VtepMAC: "aa:bb:cc:dd:ee:ff", DirectRouting: true }, v6: null };
  const { flannel, further } = splitData({ type: "vxlan", data });
  expect(flannel).toEqual({ v4: { VNI: 1, VtepMAC: "aa:bb:cc:dd:ee:ff" }, v6: null });
  expect(further).toEqual({ v4: { DirectRouting: true } });
  expect(joinData(flannel, further)).toEqual(data);
});
