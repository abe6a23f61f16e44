import { describe, expect, it } from "vitest";
import { type Message, NLM_F } from "../../../src/kernel/netlink/message.ts";
import type { Request } from "../../../src/kernel/netlink/request.ts";
import { RequestSocket } from "../../../src/kernel/netlink/request-socket.ts";
import { systemClock } from "../../../src/runtime/clock.ts";
import {
  acceptAll,
  acknowledge,
  datagram,
  done,
  entry,
  FakeRequests,
  type Queued,
} from "../../support/fake-netlink.ts";

const request = (operation: string, doneErrnos: readonly number[] = []): Request => ({
  operation,
  type: 24,
  flags: 0,
  body: new Uint8Array(12),
  doneErrnos,
});
const requests = (count: number) => Array.from({ length: count }, (_, index) => request(`request ${index}`));
const fake = (answer: (requests: readonly Message[]) => readonly Queued[]) => {
  const transport = new FakeRequests(answer);
  return { transport, socket: new RequestSocket(transport, systemClock) };
};
const firstByte = ({ body }: Message) => body[0] ?? -1;

/** A dump of three entries in two parts, as the kernel sends it. */
const wholeDump = ([asked]: readonly Message[], flags = 0): Uint8Array[] => {
  if (asked === undefined) return [];
  const item = (value: number) => entry(asked, 24, Uint8Array.of(value), flags);
  return [datagram(item(1), item(2)), datagram(item(3)), datagram(done(asked))];
};

describe("a batch", () => {
  it("asks for an acknowledgement of each request, with sequence numbers of its own", async () => {
    const { transport, socket } = fake(acceptAll);
    expect(await socket.execute(requests(3))).toEqual([null, null, null]);
    const [sent = []] = transport.sends;
    expect(sent.map(({ flags }) => flags)).toEqual(new Array(3).fill(NLM_F.request | NLM_F.ack));
    expect(new Set(sent.map(({ sequence }) => sequence)).size).toBe(3);
    expect(sent.every(({ sequence }) => sequence > 0)).toBe(true);
  });

  it("matches acknowledgements by sequence number, in whatever order they come", async () => {
    const { socket } = fake((sent) =>
      sent.map((message, index) => datagram(acknowledge(message, index === 1 ? 17 : 0))).reverse(),
    );
    const outcomes = await socket.execute(requests(3));
    expect(outcomes.map((outcome) => outcome?.code ?? null)).toEqual([null, "EEXIST", null]);
  });

  it("reads several acknowledgements from one datagram", async () => {
    const { socket } = fake((sent) => [datagram(...sent.map((message) => acknowledge(message)))]);
    expect(await socket.execute(requests(5))).toEqual(new Array(5).fill(null));
  });

  it("tells in one error what was tried, which errno came and what the kernel said", async () => {
    const { socket } = fake(([message]) =>
      message === undefined
        ? []
        : [datagram(acknowledge(message, 22, { text: "Nexthop has invalid gateway" }))],
    );
    const [outcome] = await socket.execute([request("put-route 10.1.0.0/24")]);
    expect(outcome).toMatchObject({ code: "EINVAL", operation: "put-route 10.1.0.0/24", retryable: false });
    expect(outcome?.message).toBe(
      "put-route 10.1.0.0/24: Nexthop has invalid gateway: invalid argument (EINVAL)",
    );
  });

  it("says what a refused permission needs", async () => {
    const { socket } = fake((sent) => sent.map((message) => datagram(acknowledge(message, 1))));
    const [outcome] = await socket.execute(requests(1));
    expect(outcome?.message).toContain("CAP_NET_ADMIN");
  });

  it("takes the errno values that a request names for success", async () => {
    const { socket } = fake((sent) => sent.map((message) => datagram(acknowledge(message, 3))));
    const outcomes = await socket.execute([request("delete", [2, 3]), request("put")]);
    expect(outcomes.map((outcome) => outcome?.code ?? null)).toEqual([null, "ESRCH"]);
  });

  it("ignores answers to questions that it did not ask, and a second answer", async () => {
    const { socket } = fake(([message]) =>
      message === undefined
        ? []
        : [
            datagram(acknowledge({ ...message, sequence: 999_999 }, 16)),
            datagram(entry(message, 24, Uint8Array.of(1)), acknowledge(message, 17), acknowledge(message, 1)),
          ],
    );
    const [outcome] = await socket.execute(requests(1));
    expect(outcome?.code).toBe("EEXIST");
  });

  it("throws stale answers away before it asks", async () => {
    const { transport, socket } = fake(acceptAll);
    transport.push(datagram({ type: 2, flags: 0, sequence: 1, body: Uint8Array.of(0xef, 255, 255, 255) }));
    expect(await socket.execute(requests(1))).toEqual([null]);
  });

  it.each(["overrun", "truncated"] as const)(
    "calls only what stayed without an answer lost: %s",
    async (loss) => {
      const { socket } = fake((sent) => [loss, ...acceptAll(sent).slice(1)]);
      const outcomes = await socket.execute(requests(3));
      expect(outcomes[0]).toMatchObject({
        code: "netlink-no-answer",
        retryable: true,
        operation: "request 0",
      });
      expect(outcomes.slice(1)).toEqual([null, null]);
    },
  );

  it("goes out in sends that fit the receive buffer, and lets other work run in between", async () => {
    const { transport, socket } = fake(acceptAll);
    let turns = 0;
    const count = () => {
      turns += 1;
      timer = setImmediate(count);
    };
    let timer = setImmediate(count);
    const outcomes = await socket.execute(requests(1000));
    clearImmediate(timer);
    expect(outcomes).toHaveLength(1000);
    expect(transport.sends.length).toBeGreaterThan(4);
    expect(Math.max(...transport.sends.map((sent) => sent.length))).toBeLessThanOrEqual(256);
    expect(turns).toBeGreaterThanOrEqual(transport.sends.length - 1);
  });

  it("makes requests only as they are sent", async () => {
    const { transport, socket } = fake(acceptAll);
    const sendsWhenMade: number[] = [];
    const lazily = function* () {
      for (let count = 0; count < 600; count++) {
        sendsWhenMade.push(transport.sends.length);
        yield request("request");
      }
    };
    await socket.execute(lazily());
    expect(sendsWhenMade[0]).toBe(0);
    expect(sendsWhenMade.at(-1)).toBe(transport.sends.length - 1);
  });

  it("of nothing sends nothing", async () => {
    const { transport, socket } = fake(acceptAll);
    expect(await socket.execute([])).toEqual([]);
    expect(transport.sends).toEqual([]);
  });
});

describe("a dump", () => {
  it("collects the entries of all parts and drops those that are not wanted", async () => {
    const { transport, socket } = fake(wholeDump);
    const odd = await socket.dump(request("list"), (message) =>
      firstByte(message) % 2 === 1 ? firstByte(message) : null,
    );
    expect(odd).toEqual([1, 3]);
    expect(transport.sends[0]?.[0]?.flags).toBe(NLM_F.request | NLM_F.dump);
  });

  it("takes nothing from what answers another request", async () => {
    const { socket } = fake((sent) => {
      const [asked] = sent;
      if (asked === undefined) return [];
      const other = { ...asked, sequence: asked.sequence + 1000 };
      const stray = entry(other, 24, Uint8Array.of(9), NLM_F.dumpInterrupted);
      return [datagram(stray), datagram(acknowledge(other, 17), done(other, 22)), ...wholeDump(sent)];
    });
    expect(await socket.dump(request("list"), firstByte)).toEqual([1, 2, 3]);
  });

  it("starts over when it was interrupted", async () => {
    const { transport, socket } = fake((sent) =>
      wholeDump(sent, transport.sends.length < 3 ? NLM_F.dumpInterrupted : 0),
    );
    expect(await socket.dump(request("list"), firstByte)).toEqual([1, 2, 3]);
    expect(transport.sends).toHaveLength(3);
  });

  it("starts over when only its end says that it was interrupted", async () => {
    const { transport, socket } = fake((sent) => {
      const parts: Queued[] = wholeDump(sent);
      const [asked] = sent;
      if (asked === undefined || transport.sends.length > 1) return parts;
      const end = done(asked);
      return [...parts.slice(0, -1), datagram({ ...end, flags: end.flags | NLM_F.dumpInterrupted })];
    });
    expect(await socket.dump(request("list"), firstByte)).toEqual([1, 2, 3]);
    expect(transport.sends).toHaveLength(2);
  });

  it.each(["overrun", "truncated"] as const)("starts over when a part is lost: %s", async (loss) => {
    const { transport, socket } = fake((sent) => {
      const parts: Queued[] = wholeDump(sent);
      return transport.sends.length === 1 ? [loss, ...parts.slice(1)] : parts;
    });
    expect(await socket.dump(request("list"), firstByte)).toEqual([1, 2, 3]);
  });

  it("gives up on a table that never rests, and says that trying again may help", async () => {
    const { transport, socket } = fake((sent) => wholeDump(sent, NLM_F.dumpInterrupted));
    await expect(socket.dump(request("list routes"), firstByte)).rejects.toMatchObject({
      code: "netlink-interrupted",
      operation: "list routes",
      retryable: true,
    });
    expect(transport.sends.length).toBeLessThan(20);
    await expect(socket.dump(request("list routes"), firstByte)).rejects.toThrow(/during each of \d+ dumps/);
  });

  it("fails with the kernel's error, be it at once or at the end", async () => {
    const atOnce = fake(([asked]) => (asked === undefined ? [] : [datagram(acknowledge(asked, 95))]));
    await expect(atOnce.socket.dump(request("list"), firstByte)).rejects.toMatchObject({
      code: "EOPNOTSUPP",
    });
    const atTheEnd = fake(([asked]) => (asked === undefined ? [] : [datagram(done(asked, 22))]));
    await expect(atTheEnd.socket.dump(request("list"), firstByte)).rejects.toMatchObject({ code: "EINVAL" });
  });

  it("is empty where the kernel's error says that there is no such table", async () => {
    const { socket } = fake(([asked]) => (asked === undefined ? [] : [datagram(done(asked, 2))]));
    expect(await socket.dump(request("list", [2]), firstByte)).toEqual([]);
  });

  it("fails when it breaks off", async () => {
    const { socket } = fake((sent) => wholeDump(sent).slice(0, -1));
    await expect(socket.dump(request("list"), firstByte)).rejects.toMatchObject({
      code: "netlink-no-answer",
    });
  });

  it("that was given up leaves nothing behind for the next", async () => {
    const { socket } = fake(wholeDump);
    const refuse = () => {
      throw new Error("no good");
    };
    await expect(socket.dump(request("list"), refuse)).rejects.toThrow("no good");
    expect(await socket.dump(request("list"), firstByte)).toEqual([1, 2, 3]);
  });

  it("takes its turn with others on the socket", async () => {
    const { transport, socket } = fake(wholeDump);
    const dumps = [1, 2, 3].map(() => socket.dump(request("list"), firstByte));
    expect(await Promise.all(dumps)).toEqual(new Array(3).fill([1, 2, 3]));
    expect(transport.sends).toHaveLength(3);
  });
});

describe("a question", () => {
  it("gets its one answer", async () => {
    const { socket } = fake(([asked]) =>
      asked === undefined ? [] : [datagram({ ...entry(asked, 24, Uint8Array.of(7)), flags: 0 })],
    );
    expect(await socket.get(request("find"), firstByte)).toBe(7);
  });

  it("takes no answer to another", async () => {
    const { socket } = fake(([asked]) => {
      if (asked === undefined) return [];
      const other = { ...asked, sequence: asked.sequence + 1000 };
      const stray = entry(other, 24, Uint8Array.of(9));
      return [datagram(stray), datagram(stray, entry(asked, 24, Uint8Array.of(7)))];
    });
    expect(await socket.get(request("find"), firstByte)).toBe(7);
  });

  it("fails with the kernel's error", async () => {
    const { socket } = fake(([asked]) => (asked === undefined ? [] : [datagram(acknowledge(asked, 19))]));
    await expect(socket.get(request("find"), firstByte)).rejects.toMatchObject({ code: "ENODEV" });
  });

  it("is asked again when the answer did not fit", async () => {
    const { transport, socket } = fake(([asked]) =>
      asked === undefined || transport.sends.length === 1
        ? ["truncated"]
        : [datagram(entry(asked, 24, Uint8Array.of(7)))],
    );
    expect(await socket.get(request("find"), firstByte)).toBe(7);
  });

  it("fails when nobody answers", async () => {
    const { socket } = fake(() => []);
    await expect(socket.get(request("find"), firstByte)).rejects.toMatchObject({ retryable: true });
  });

  it("fails alone: the next in line is served", async () => {
    let asked = 0;
    const { socket } = fake(([message]) => {
      asked += 1;
      if (message === undefined) return [];
      return [datagram(asked === 1 ? acknowledge(message, 19) : entry(message, 24, Uint8Array.of(7)))];
    });
    const [first, second] = await Promise.allSettled([
      socket.get(request("find"), firstByte),
      socket.get(request("find"), firstByte),
    ]);
    expect(first.status).toBe("rejected");
    expect(second).toEqual({ status: "fulfilled", value: 7 });
  });
});
