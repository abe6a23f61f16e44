import { describe, expect, it } from "vitest";
import { BodyWriter } from "../../../src/kernel/netlink/body-writer.ts";
import { BLANK_LINK } from "../../../src/kernel/netlink/link.ts";
import { LinkTable } from "../../../src/kernel/netlink/link-table.ts";
import type { Message } from "../../../src/kernel/netlink/message.ts";
import { diverting, observeRules } from "../../../src/kernel/netlink/observe-rules.ts";
import { RequestSocket } from "../../../src/kernel/netlink/request-socket.ts";
import { encodeRoute, type RouteMessage, RTM_ROUTE } from "../../../src/kernel/netlink/route.ts";
import { RTM_RULE, type RuleMessage } from "../../../src/kernel/netlink/rule.ts";
import { type Ip, parseIp, parsePrefix, prefixAddress, prefixLength } from "../../../src/net/index.ts";
import { acknowledge, datagram, done, entry, FakeRequests } from "../../support/fake-netlink.ts";
import { routeMessage } from "../../support/route-message.ts";

const TO_TABLE = 1;
const MAIN = 254;

function rule(fields: Partial<RuleMessage> = {}): RuleMessage {
  return {
    family: "v4",
    priority: 1000,
    action: TO_TABLE,
    table: 100,
    source: null,
    destination: null,
    inputDevice: null,
    hasOtherSelectors: false,
    isInverted: false,
    suppressedLength: null,
    ...fields,
  };
}

const local = rule({ priority: 0, table: 255 });
const main = rule({ priority: 32766, table: MAIN });
const standard = rule({ priority: 32767, table: 253 });
const source = parsePrefix("10.244.0.0/16");

describe("the rules that may divert pods' packets", () => {
  const prioritiesOf = (...rules: RuleMessage[]) => diverting(rules).map(({ priority }) => priority);

  it("are none of the kernel's own three", () => {
    expect(prioritiesOf(local, main, standard)).toEqual([]);
  });

  it("come in order of priority, and end with the main table's", () => {
    const late = rule({ priority: 32800 });
    expect(prioritiesOf(late, rule({ priority: 20 }), main, rule({ priority: 10 }), local)).toEqual([10, 20]);
  });

  it.each([
    ["leads to another table", {}],
    ["drops", { action: 6, table: 0 }],
    ["calls unreachable", { action: 7, table: 0 }],
    ["prohibits", { action: 8, table: 0 }],
    ["is for some sources", { source }],
    ["is for some destinations", { destination: source }],
    ["is for the pods' bridge", { inputDevice: "cni0" }],
    ["is for this host's own packets", { inputDevice: "lo" }],
    ["is for all packets without a mark", { isInverted: true, hasOtherSelectors: true }],
    ["is for all devices but one", { isInverted: true, inputDevice: "eth0" }],
  ])("are those of which one %s", (_, fields) => {
    expect(prioritiesOf(rule(fields))).toEqual([1000]);
  });

  it.each([
    ["jumps to another rule", { action: 2, table: 0 }],
    ["leads to the local table", { table: 255 }],
    ["leads to the main table for some", { table: MAIN, source }],
    ["is for a mark", { hasOtherSelectors: true }],
    ["is for a mark, and drops", { hasOtherSelectors: true, action: 6 }],
    ["is for another device", { inputDevice: "eth0" }],
  ])("are none of which one %s", (_, fields) => {
    expect(prioritiesOf(rule(fields))).toEqual([]);
  });

  it.each([
    ["is for all", {}, []],
    ["suppresses only default routes", { suppressedLength: 0 }, []],
    ["suppresses more", { suppressedLength: 1 }, [2000]],
    ["is inverted", { isInverted: true }, [2000]],
    ["is for a mark", { hasOtherSelectors: true }, [2000]],
    ["is for a device", { inputDevice: "cni0" }, [2000]],
    ["is for some sources", { source }, [2000]],
    ["is for some destinations", { destination: source }, [2000]],
  ])("stop at one that leads to the main table and %s: %s", (_, fields, expected) => {
    expect(prioritiesOf(rule({ table: MAIN, ...fields }), rule({ priority: 2000 }))).toEqual(expected);
  });
});

describe("rules as observed", () => {
  const links = new LinkTable();
  links.put({ ...BLANK_LINK, index: 5, name: "wg0" });
  const toWg0 = { dst: parsePrefix("10.244.0.0/16"), index: 5 };

  function socketWith(rules: readonly Uint8Array[], routes: readonly Partial<RouteMessage>[], errno = 0) {
    const requests = new FakeRequests(([asked]) => {
      if (asked === undefined) return [];
      if (errno !== 0) return [datagram(acknowledge(asked, errno))];
      return [datagram(...answersTo(asked), done(asked))];
    });
    const answersTo = (asked: Message) => {
      const isV4 = asked.body[0] === 2;
      if (asked.type === RTM_RULE.get)
        return isV4 ? rules.map((body) => entry(asked, RTM_RULE.new, body)) : [];
      return routes.map((each) => entry(asked, RTM_ROUTE.new, encodeRoute(route(each))));
    };
    return { requests, socket: new RequestSocket(requests, { turn: () => Promise.resolve() }) };
  }

  it("carry the routes of their table", async () => {
    const { requests, socket } = socketWith(
      [ruleBytes({ table: 100, priority: 10, source: "10.244.3.0/24", destination: "10.0.0.0/8" })],
      [
        toWg0,
        { dst: parsePrefix("0.0.0.0/0"), index: 9 },
        { dst: parsePrefix("10.0.0.0/8"), type: 9 },
        { dst: parsePrefix("10.1.0.0/16"), type: 6, index: 5 },
        { dst: parsePrefix("10.2.0.0/16"), type: 2, index: 5 },
        { dst: parsePrefix("10.3.0.0/16"), table: 101, index: 5 },
      ],
    );
    expect(await observeRules(socket, links)).toEqual([
      {
        family: "v4",
        priority: 10,
        table: 100,
        source: "10.244.3.0/24",
        destination: "10.0.0.0/8",
        routes: [
          { dst: "10.244.0.0/16", iface: "wg0", isThrow: false },
          { dst: "0.0.0.0/0", iface: null, isThrow: false },
          { dst: "10.0.0.0/8", iface: null, isThrow: true },
          { dst: "10.1.0.0/16", iface: null, isThrow: false },
        ],
      },
    ]);
    expect(requests.sends.map(([asked]) => [asked?.type, asked?.body[0], asked?.body[4]])).toEqual([
      [RTM_RULE.get, 2, 0],
      [RTM_ROUTE.get, 2, 100],
      [RTM_RULE.get, 10, 0],
    ]);
  });

  it("leave out the routes that a rule suppresses", async () => {
    const { socket } = socketWith(
      [ruleBytes({ table: 100, suppressed: 8 })],
      [{ dst: parsePrefix("10.0.0.0/8"), index: 5 }, { dst: parsePrefix("10.0.0.0/9"), index: 5 }, toWg0],
    );
    const [observed] = await observeRules(socket, links);
    expect(observed?.routes?.map(({ dst }) => dst)).toEqual(["10.0.0.0/9", "10.244.0.0/16"]);
  });

  it("have neither table nor routes where they refuse, and no ends where they are inverted", async () => {
    const { requests, socket } = socketWith(
      [
        ruleBytes({ action: 7, priority: 1 }),
        ruleBytes({
          table: 100,
          priority: 2,
          source: "10.244.3.0/24",
          destination: "10.0.0.0/8",
          isInverted: true,
        }),
      ],
      [],
    );
    const ends = { source: null, destination: null };
    expect(await observeRules(socket, links)).toEqual([
      { family: "v4", priority: 1, table: null, ...ends, routes: null },
      { family: "v4", priority: 2, table: 100, ...ends, routes: [] },
    ]);
    expect(requests.sends).toHaveLength(3);
  });

  it("leave out what cannot be decoded, and what is of another family", async () => {
    const other = ruleBytes({ table: 100 });
    other[0] = 10;
    const { socket } = socketWith(
      [Uint8Array.of(2, 99), ruleBytes({ table: 100, priority: 3 }), other],
      [toWg0],
    );
    expect((await observeRules(socket, links)).map(({ priority }) => priority)).toEqual([3]);
  });

  it.each([2, 95, 97])(
    "are none where the kernel has none of them, which it says by errno %i",
    async (errno) => {
      expect(await observeRules(socketWith([], [], errno).socket, links)).toEqual([]);
    },
  );

  it("fail where the kernel fails, saying at what", async () => {
    await expect(observeRules(socketWith([], [], 12).socket, links)).rejects.toThrow("list IPv4 rules");
  });
});

function route(fields: Partial<RouteMessage>): RouteMessage {
  return routeMessage({ dst: parsePrefix("10.244.0.0/16"), table: 100, ...fields });
}

interface RuleFields {
  readonly priority?: number;
  readonly action?: number;
  readonly table?: number;
  readonly source?: string;
  readonly destination?: string;
  readonly suppressed?: number;
  readonly isInverted?: boolean;
}

function ruleBytes(fields: RuleFields): Uint8Array {
  const { source: from, destination: to } = fields;
  const lengthOf = (text: string | undefined) => (text === undefined ? 0 : prefixLength(parsePrefix(text)));
  const addressOf = (text: string | undefined): Ip | null =>
    text === undefined ? null : parseIp(prefixAddress(parsePrefix(text) as never));
  const writer = new BodyWriter(12, (struct) => {
    struct.setUint8(0, 2);
    struct.setUint8(1, lengthOf(to));
    struct.setUint8(2, lengthOf(from));
    struct.setUint8(4, fields.table ?? 0);
    struct.setUint8(7, fields.action ?? TO_TABLE);
    struct.setUint32(8, fields.isInverted ? 2 : 0, true);
  });
  return writer
    .ip(1, addressOf(to))
    .ip(2, addressOf(from))
    .u32(6, fields.priority ?? 1000)
    .u32(14, fields.suppressed ?? null)
    .finish();
}
