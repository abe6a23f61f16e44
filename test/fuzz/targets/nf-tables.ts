/** Messages of nf_tables: chains and rules of all programs, counters, elements of sets, generations, notifications. */
import { forwardBlockers } from "../../../src/agent/firewall/forward-blockers.ts";
import { countsOf, readCounter } from "../../../src/kernel/firewall/nftables/counters.ts";
import {
  forwardChain,
  readForwardChain,
  readForwardRule,
} from "../../../src/kernel/firewall/nftables/forward-chains.ts";
import { readSources } from "../../../src/kernel/firewall/nftables/refused-sources.ts";
import { readGeneration, readRulesetEvent } from "../../../src/kernel/firewall/nftables/ruleset-message.ts";
import { type Message, readMessages, writeMessages } from "../../../src/kernel/netlink/message.ts";
import { parsePrefix } from "../../../src/net/index.ts";
import { TweedError } from "../../../src/runtime/error.ts";
import { expectPlain } from "../plain-data.ts";
import { type FuzzTarget, invariant } from "../target.ts";
import { rawBytes } from "./netlink-samples.ts";

const NETWORKS = { v4: parsePrefix("10.244.0.0/16"), v6: parsePrefix("fd00:10:244::/48") };
const SUBSYSTEM = 10 << 8;

/** An attribute: numbers are big-endian, text ends in NUL, a list is a nest. */
function attribute(type: number, value: Uint8Array | string | readonly Uint8Array[]): Uint8Array {
  const body =
    typeof value === "string"
      ? Buffer.from(`${value}\0`)
      : value instanceof Uint8Array
        ? value
        : Buffer.concat([...value]);
  const bytes = Buffer.alloc((4 + body.length + 3) & ~3);
  bytes.writeUInt16LE(4 + body.length, 0);
  bytes.writeUInt16LE(type, 2);
  bytes.set(body, 4);
  return bytes;
}
const number = (value: number) => Buffer.from(Int32Array.of(value).buffer).swap32();
const large = (value: bigint) => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(value);
  return bytes;
};
const message = (type: number, family: number, ...attributes: readonly Uint8Array[]): Message => ({
  type: SUBSYSTEM | type,
  flags: 2,
  sequence: 1,
  body: new Uint8Array(Buffer.concat([Buffer.of(family, 0, 0, 0), ...attributes])),
});
const expression = (name: string, ...data: readonly Uint8Array[]) =>
  attribute(1, [attribute(1, name), attribute(2, data)]);

const CHAIN = message(
  3,
  2,
  attribute(1, "filter"),
  attribute(3, "FORWARD"),
  attribute(4, [attribute(1, number(2)), attribute(2, number(0))]),
  attribute(5, number(0)),
);
const rule = (...expressions: readonly Uint8Array[]) =>
  message(6, 2, attribute(1, "filter"), attribute(2, "FORWARD"), attribute(4, expressions));
const verdict = (code: number, chain?: string) =>
  expression(
    "immediate",
    attribute(1, number(0)),
    attribute(2, [
      attribute(2, [attribute(1, number(code)), ...(chain === undefined ? [] : [attribute(2, chain)])]),
    ]),
  );
const SAMPLES: readonly Message[] = [
  CHAIN,
  rule(
    expression("meta", attribute(2, number(15))),
    expression("cmp", attribute(2, number(0)), attribute(3, [attribute(1, Uint8Array.of(2))])),
    expression("payload", attribute(2, number(1)), attribute(3, number(12)), attribute(4, number(4))),
    expression("bitwise"),
    expression("cmp", attribute(2, number(0)), attribute(3, [attribute(1, Uint8Array.of(10, 244, 0, 0))])),
    expression("counter"),
    verdict(1),
  ),
  rule(expression("match", attribute(1, "comment")), verdict(-3, "FLANNEL-FWD")),
  rule(expression("target", attribute(1, "REJECT"))),
  rule(expression("reject")),
  rule(expression("lookup"), expression("log"), verdict(-5)),
  message(
    18,
    1,
    attribute(1, "tweed-packet-filter"),
    attribute(2, "unknown-peer"),
    attribute(4, [attribute(1, large(1n << 60n)), attribute(2, large(7n))]),
  ),
  message(
    12,
    1,
    attribute(1, "tweed-packet-filter"),
    attribute(2, "sources"),
    attribute(3, [attribute(1, [attribute(1, [attribute(1, Uint8Array.of(192, 0, 2, 7))])])]),
  ),
  message(15, 0, attribute(1, number(1234))),
  message(0, 1, attribute(1, "flannel-ipv4")),
];

export const nfTables: FuzzTarget = {
  name: "nf-tables",
  grammar: "bytes",
  seeds: [...SAMPLES.map((each) => writeMessages([each])), writeMessages(SAMPLES)],
  words: [
    ...[
      "filter",
      "FORWARD",
      "immediate",
      "payload",
      "cmp",
      "meta",
      "match",
      "target",
      "bitwise",
      "lookup",
      "comment",
    ],
    ...[
      "DROP",
      "REJECT",
      "FLANNEL-FWD",
      "\0\0\0\x02",
      "\xff\xff\xff\xfd",
      "\x08\0\x01\0",
      "\x0c\0\x02\0",
      "\x0a\xf4",
    ],
  ].map(rawBytes),
  refusals: /^(?:netlink-malformed|invalid-address)$/,
  maxBytes: 64 * 1024,
  run(input) {
    const messages = readMessages(input);
    const chains = messages.flatMap((each) => ifWellFormed(() => readForwardChain(each)) ?? []);
    for (const chain of chains.slice(0, 8)) {
      const rules = messages.flatMap((each) => ifWellFormed(() => readForwardRule(each, chain)) ?? []);
      invariant(rules.length <= messages.length, "a message has one rule at most");
      expectPlain(rules);
      expectPlain(forwardBlockers([forwardChain(chain, rules)], NETWORKS));
    }
    const counters = messages.flatMap((each) => {
      const counter = ifWellFormed(() => readCounter(each));
      return counter === null ? [] : [counter];
    });
    for (const { packets, bytes } of Object.values(countsOf(counters)))
      invariant(packets >= 0 && bytes >= 0, "a counter is a number");
    for (const each of messages) {
      expectPlain(ifWellFormed(() => readSources(each)));
      expectPlain(ifWellFormed(() => readRulesetEvent(each)));
      ifWellFormed(() => readGeneration(each));
    }
    return undefined;
  },
};

function ifWellFormed<T>(read: () => T): T | null {
  try {
    return read();
  } catch (error) {
    if (error instanceof TweedError && nfTables.refusals.test(error.code)) return null;
    throw error;
  }
}
