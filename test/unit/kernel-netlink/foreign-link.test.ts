import { expect, test } from "vitest";
import { BodyWriter } from "../../../src/kernel/netlink/body-writer.ts";
import { decodeLink } from "../../../src/kernel/netlink/link.ts";
import { linkKind } from "../../../src/kernel/objects/link.ts";

/** struct ifinfomsg, IFLA_IFNAME, and IFLA_LINKINFO with a kind and data that are no attributes. */
function link(kind: string): Uint8Array {
  return new BodyWriter(16, (struct) => struct.setInt32(4, 7, true))
    .text(3, "other0")
    .nest(18, (info) => info.text(1, kind).bytes(2, Uint8Array.of(1, 0, 0, 0, 0xff, 0xff)))
    .finish();
}

test("link data of another kind is not read: it need not be a list of attributes", () => {
  const observed = linkKind.decode(decodeLink(link("rmnet")));
  expect(observed).toMatchObject({ index: 7, name: "other0", kind: "rmnet", settings: null });
});

test("that of a kind of ours is", () => {
  expect(() => linkKind.decode(decodeLink(link("vxlan")))).toThrow("link data of kind vxlan");
});
