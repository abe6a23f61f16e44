import { describe, expect, it } from "vitest";
import { Attributes, readBody } from "../../../src/kernel/netlink/attributes.ts";
import { decodeLink } from "../../../src/kernel/netlink/link.ts";
import { linkKind } from "../../../src/kernel/objects/link.ts";
import { type InterfaceIndex, NO_INDEX } from "../../../src/kernel/observed.ts";
import type { VxlanLink } from "../../../src/kernel/state.ts";
import { parseIp } from "../../../src/net/index.ts";
import { FLANNEL_LINK } from "../../support/flannel-samples.ts";

const parent = 7 as InterfaceIndex;
const requestFor = (link: VxlanLink) => linkKind.encode({ op: "create-link", link }, parent, NO_INDEX);
/** Types and values in the order in which they stand, nests as lists. */
function listed(bytes: Uint8Array): [number, number[]][] {
  const list: [number, number[]][] = [];
  for (let offset = 0; offset < bytes.length; ) {
    const length = (bytes[offset] ?? 0) | ((bytes[offset + 1] ?? 0) << 8);
    const type = (bytes[offset + 2] ?? 0) | ((bytes[offset + 3] ?? 0) << 8);
    list.push([type, [...bytes.subarray(offset + 4, offset + length)]]);
    offset += (length + 3) & ~3;
  }
  return list;
}

function vxlanAttributes(link: VxlanLink): [number, number[]][] {
  const { body } = requestFor(link);
  const info = readBody(body, 16, "link").attributes.bytes(18);
  const data = new Attributes(info ?? new Uint8Array(0), "info").bytes(2);
  return listed(data ?? new Uint8Array(0));
}

describe("the request for a VXLAN device", () => {
  it("creates and never takes over: CREATE and EXCL", () => {
    const request = requestFor(FLANNEL_LINK);
    expect(request).toMatchObject({
      type: 16,
      flags: 0x400 | 0x200,
      operation: "create link flannel.1 type vxlan id 1 dev eth0 local 192.0.2.1",
    });
    expect(request.doneErrnos).toEqual([]);
  });

  it("has flannel's attributes of the device in flannel's order", () => {
    const { body } = requestFor(FLANNEL_LINK);
    const list = listed(body.subarray(16));
    expect(list.map(([type]) => type)).toEqual([3, 1, 4, 13, 18]);
    expect(list.slice(1, 4)).toEqual([
      [1, [0x0e, 0x52, 0xa1, 0, 0, 7]],
      [4, [0xaa, 5, 0, 0]],
      [13, [0, 0, 0, 0]],
    ]);
  });

  it("has flannel's attributes of the tunnel in flannel's order", () => {
    expect(vxlanAttributes(FLANNEL_LINK)).toEqual([
      [1, [1, 0, 0, 0]],
      [3, [7, 0, 0, 0]],
      [4, [192, 0, 2, 1]],
      [5, [0]],
      [6, [0]],
      [7, [0]],
      [11, [0]],
      [12, [0]],
      [13, [0]],
      [14, [0]],
      [19, [0]],
      [20, [0]],
    ]);
  });

  it("adds the flag GBP and the port in network order only where they are asked for", () => {
    const list = vxlanAttributes({ ...FLANNEL_LINK, gbp: true, port: 4789, learning: true });
    expect(list.slice(-2)).toEqual([
      [23, []],
      [15, [0x12, 0xb5]],
    ]);
    expect(list).toContainEqual([7, [1]]);
  });

  it("names an IPv6 underlay by LOCAL6", () => {
    const list = vxlanAttributes({ ...FLANNEL_LINK, local: parseIp("2001:db8::1") });
    expect(list.find(([type]) => type === 4)).toBeUndefined();
    expect(list.find(([type]) => type === 17)?.[1]).toHaveLength(16);
  });

  it("reads back as what it was made of", () => {
    const { body } = requestFor(FLANNEL_LINK);
    expect(linkKind.decode(decodeLink(body))).toMatchObject({
      index: 0,
      name: "flannel.1",
      mac: FLANNEL_LINK.mac,
      mtuBytes: 1450,
      kind: "vxlan",
      // No port: the kernel fills in its own.
      settings: { vni: 1, parentIndex: 7, local: "192.0.2.1", learning: false, gbp: false, port: 0 },
    });
  });
});
