/** Datagrams of rtnetlink: answers and notifications of links, addresses, routes, neighbours, FDB entries and rules. */
import { isDeepStrictEqual } from "node:util";
import { readAcknowledgement } from "../../../src/kernel/netlink/acknowledgement.ts";
import { decodeAddress, encodeAddress, RTM_ADDRESS } from "../../../src/kernel/netlink/address.ts";
import { Attributes } from "../../../src/kernel/netlink/attributes.ts";
import { ChangeReader } from "../../../src/kernel/netlink/change-reader.ts";
import { decodeLink, encodeLink, RTM_LINK } from "../../../src/kernel/netlink/link.ts";
import { type Message, NLMSG, readMessages } from "../../../src/kernel/netlink/message.ts";
import { decodeNeighbour, encodeNeighbour, RTM_NEIGHBOUR } from "../../../src/kernel/netlink/neighbour.ts";
import { diverting } from "../../../src/kernel/netlink/observe-rules.ts";
import { decodeRoute, encodeRoute, RTM_ROUTE } from "../../../src/kernel/netlink/route.ts";
import { decodeRule, RTM_RULE } from "../../../src/kernel/netlink/rule.ts";
import { LINK_KINDS } from "../../../src/kernel/objects/kinds.ts";
import { TweedError } from "../../../src/runtime/error.ts";
import { expectPlain } from "../plain-data.ts";
import { type FuzzTarget, invariant } from "../target.ts";
import { DATAGRAMS, LINKS, NETLINK_WORDS } from "./netlink-samples.ts";

interface Codec {
  decode(body: Uint8Array): unknown;
  encode(value: unknown): Uint8Array;
}
function codec<T>(decode: (body: Uint8Array) => T, encode: (value: T) => Uint8Array): Codec {
  return { decode, encode: (value) => encode(value as T) };
}
const LINK = codec(decodeLink, encodeLink);
const ADDRESS = codec(decodeAddress, encodeAddress);
const ROUTE = codec(decodeRoute, encodeRoute);
const NEIGHBOUR = codec(decodeNeighbour, encodeNeighbour);
const CODECS: ReadonlyMap<number, Codec> = new Map([
  [RTM_LINK.new, LINK],
  [RTM_LINK.delete, LINK],
  [RTM_ADDRESS.new, ADDRESS],
  [RTM_ADDRESS.delete, ADDRESS],
  [RTM_ROUTE.new, ROUTE],
  [RTM_ROUTE.delete, ROUTE],
  [RTM_NEIGHBOUR.new, NEIGHBOUR],
  [RTM_NEIGHBOUR.delete, NEIGHBOUR],
]);

export const netlinkMessages: FuzzTarget = {
  name: "netlink-messages",
  grammar: "bytes",
  seeds: DATAGRAMS,
  words: NETLINK_WORDS,
  refusals: /^netlink-malformed$/,
  // The receive buffers of the sockets are no larger.
  maxBytes: 64 * 1024,
  run(input) {
    const reader = new ChangeReader();
    reader.relist(LINKS);
    for (const message of readMessages(input)) {
      invariant(message.body.length <= input.length, "a body is a part of its datagram");
      ifWellFormed(() => checkMessage(message));
      ifWellFormed(() => expectPlain(reader.read(message)));
    }
    return undefined;
  },
};

function checkMessage(message: Message): void {
  const { type, body } = message;
  if (type === NLMSG.error || type === NLMSG.done) {
    const { errno, text } = readAcknowledgement(message);
    invariant(
      Number.isInteger(errno) && text.length <= body.length,
      "an acknowledgement has a number and its own text",
    );
  }
  if (type === RTM_RULE.new) {
    const rule = decodeRule(body);
    expectPlain(rule);
    diverting([rule, rule]);
  }
  const known = CODECS.get(type);
  if (known === undefined) {
    for (const { decode } of Object.values(LINK_KINDS))
      ifWellFormed(() => expectPlain(decode(new Attributes(body, "fuzz"))));
    return;
  }
  const value = known.decode(body);
  expectPlain(value);
  invariant(
    isDeepStrictEqual(known.decode(known.encode(value)), value),
    "an object that is encoded again is the same",
  );
}

/** One message does not keep the others from being read. */
function ifWellFormed(read: () => void): void {
  try {
    read();
  } catch (error) {
    if (!(error instanceof TweedError && error.code === "netlink-malformed")) throw error;
  }
}
