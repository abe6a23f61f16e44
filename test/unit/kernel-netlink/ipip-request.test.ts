import { describe, expect, it } from "vitest";
import { decodeLink } from "../../../src/kernel/netlink/link.ts";
import type { IpipLink } from "../../../src/kernel/objects/ipip.ts";
import { linkKind } from "../../../src/kernel/objects/link.ts";
import { describeOperation } from "../../../src/kernel/objects/operation-kinds.ts";
import { type InterfaceIndex, NO_INDEX } from "../../../src/kernel/observed.ts";
import type { Operation } from "../../../src/kernel/operation.ts";
import { parseIpv4 } from "../../../src/net/index.ts";

const LINK: IpipLink = {
  kind: "ipip",
  name: "flannel.ipip",
  mtuBytes: 1480,
  local: parseIpv4("192.0.2.1"),
};
const OPTIONS = { ttl: 0, tos: 0, pathMtuDiscovery: 0, encapType: 0 };
const MOVE: Operation = {
  op: "set-link",
  name: "flannel.ipip",
  settings: { kind: "ipip", local: parseIpv4("192.0.2.9"), ...OPTIONS },
};

/** An attribute: its length with this header, its type, its value, padding. */
const attribute = (type: number, value: readonly number[]) => [
  value.length + 4,
  0,
  type,
  0,
  ...value,
  ...new Array<number>((4 - (value.length % 4)) % 4).fill(0),
];
const text = (value: string) => [...Buffer.from(`${value}\0`)];
/** Local end, no path MTU discovery, TTL and TOS inherited, no UDP around it, any protocol inside. */
const dataWith = (local: readonly number[]) => [
  ...attribute(2, local),
  ...attribute(10, [0]),
  ...attribute(4, [0]),
  ...attribute(5, [0]),
  ...attribute(15, [0, 0]),
  ...attribute(16, [0, 0]),
  ...attribute(17, [0, 0]),
  ...attribute(18, [0, 0]),
  ...attribute(9, [0]),
];
const infoWith = (local: readonly number[]) =>
  attribute(18, [...attribute(1, text("ipip")), ...attribute(2, dataWith(local))]);

describe("the request for an ipip device", () => {
  it("has flannel's attributes in flannel's order, and no parent", () => {
    const request = linkKind.encode({ op: "create-link", link: LINK }, NO_INDEX, NO_INDEX);
    expect(request).toMatchObject({ type: 16, flags: 0x400 | 0x200 });
    expect(linkKind.deviceOf({ op: "create-link", link: LINK })).toBeNull();
    expect([...request.body]).toEqual([
      ...new Array<number>(16).fill(0),
      ...attribute(3, text("flannel.ipip")),
      ...attribute(4, [0xc8, 5, 0, 0]),
      ...attribute(13, [0, 0, 0, 0]),
      ...infoWith([192, 0, 2, 1]),
    ]);
  });

  it("reads back as what it was made of", () => {
    const { body } = linkKind.encode({ op: "create-link", link: LINK }, NO_INDEX, NO_INDEX);
    expect(linkKind.decode(decodeLink(body))).toMatchObject({
      name: "flannel.ipip",
      kind: "ipip",
      mac: null,
      mtuBytes: 1480,
      settings: { kind: "ipip", local: "192.0.2.1", remote: null },
    });
  });

  it("for another local address repeats what the kernel would reset", () => {
    const request = linkKind.encode(MOVE, 5 as InterfaceIndex, NO_INDEX);
    expect(request).toMatchObject({ type: 16, flags: 0 });
    expect([...request.body]).toEqual([
      0,
      0,
      0,
      0,
      5,
      ...new Array<number>(11).fill(0),
      ...infoWith([192, 0, 2, 9]),
    ]);
  });

  it("is described in the words of ip-link", () => {
    expect(describeOperation({ op: "create-link", link: LINK })).toBe(
      "create link flannel.ipip type ipip local 192.0.2.1",
    );
    expect(describeOperation(MOVE)).toBe("set link flannel.ipip local 192.0.2.9");
  });
});
