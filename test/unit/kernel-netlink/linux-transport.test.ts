import { describe, expect, it } from "vitest";
import type { Libc } from "../../../src/kernel/libc/libc.ts";
import type { ReadWaiter } from "../../../src/kernel/libc/poll.ts";
import { LinuxTransport } from "../../../src/kernel/netlink/linux-transport.ts";

/** What recvfrom finds next: an errno, or a datagram and the port that sent it. */
type Arrival = number | { readonly bytes: Uint8Array; readonly port: number };

const FD = 42;
const SO_RCVBUF = 8;
const SO_RCVBUFFORCE = 33;

/** A C library with one socket, which fills it as told and records what is done to it. */
function fakeLibc(
  options: { arrivals?: Arrival[]; refusedOptions?: number[]; refuse?: "socket" | "bind" } = {},
) {
  const arrivals = options.arrivals ?? [];
  const closed: number[] = [];
  const sockopts = new Map<number, number>();
  const bound: Uint8Array[] = [];
  const rooms: number[] = [];
  let errno = 0;
  let wake: () => void = () => {};
  const fail = (code: number) => {
    errno = code;
    return -1;
  };
  const waiter: ReadWaiter = {
    wait: () =>
      new Promise((resolve) => {
        wake = resolve;
      }),
    cancel: () => wake(),
    close: () => closed.push(-1),
  };
  const libc: Libc = {
    sockets: {
      connect: () => 0,
      socket: () => (options.refuse === "socket" ? fail(97) : FD),
      sendto: () => fail(95),
      bind: (_, address) => {
        bound.push(address);
        return options.refuse === "bind" ? fail(1) : 0;
      },
      setsockopt: (_fd, _level, option, value) => {
        if (options.refusedOptions?.includes(option) === true) return fail(1);
        sockopts.set(option, new DataView(value.buffer, value.byteOffset).getInt32(0, true));
        return 0;
      },
      send: (fd) => (fd === FD ? 1 : fail(9)),
      recvfrom: (fd, bytes, room, _flags, sender) => {
        if (fd !== FD) return fail(9);
        const arrival = arrivals.shift() ?? 11;
        if (typeof arrival === "number") return fail(arrival);
        rooms.push(room);
        new DataView(sender.buffer).setUint32(4, arrival.port, true);
        bytes.set(arrival.bytes.subarray(0, room));
        return arrival.bytes.length;
      },
      close: (fd) => {
        closed.push(fd);
        return 0;
      },
    },
    polling: { readWaiter: () => waiter },
    ioctls: { ioctl: () => 0, ioctlValue: () => 0 },
    errno: () => errno,
  };
  return { libc, closed, sockopts, bound, rooms, wake: () => wake() };
}

const open = (libc: Libc) => LinuxTransport.open(libc, { groups: 0x455, receiveBufferBytes: 1 << 20 });
const fromKernel = (bytes: Uint8Array): Arrival => ({ bytes, port: 0 });

describe("opening", () => {
  it("binds to the groups and asks for extended acknowledgements and strict checking", () => {
    const { libc, sockopts, bound } = fakeLibc();
    open(libc);
    expect([...(bound[0] ?? [])]).toEqual([16, 0, 0, 0, 0, 0, 0, 0, 0x55, 4, 0, 0]);
    expect([10, 11, 12].map((option) => sockopts.get(option))).toEqual([1, 1, 1]);
    expect(sockopts.get(SO_RCVBUFFORCE)).toBe(1 << 20);
  });

  it("does with what an old kernel or a plain user gets", () => {
    const { libc, sockopts } = fakeLibc({ refusedOptions: [10, 11, 12, SO_RCVBUFFORCE] });
    open(libc);
    expect(sockopts.get(SO_RCVBUF)).toBe(1 << 20);
  });

  it("fails with the errno, and leaves nothing open", () => {
    expect(() => open(fakeLibc({ refuse: "socket" }).libc)).toThrow(
      expect.objectContaining({ code: "EAFNOSUPPORT", operation: "open netlink socket" }),
    );
    const { libc, closed } = fakeLibc({ refuse: "bind" });
    expect(() => open(libc)).toThrow(expect.objectContaining({ code: "EPERM" }));
    expect(closed).toEqual([FD]);
  });
});

describe("receiving", () => {
  it("hands over datagrams until there are none", () => {
    const { libc } = fakeLibc({ arrivals: [fromKernel(Uint8Array.of(1, 2, 3))] });
    const transport = open(libc);
    expect(transport.receive()).toEqual({ kind: "datagram", bytes: Uint8Array.of(1, 2, 3) });
    expect(transport.receive()).toEqual({ kind: "empty" });
  });

  it("does not hear other processes", () => {
    const { libc } = fakeLibc({
      arrivals: [{ bytes: Uint8Array.of(6, 6, 6), port: 4711 }, fromKernel(Uint8Array.of(1))],
    });
    expect(open(libc).receive()).toEqual({ kind: "datagram", bytes: Uint8Array.of(1) });
  });

  it("tells of an overrun, and goes on after a signal", () => {
    const { libc } = fakeLibc({ arrivals: [105, 4, fromKernel(Uint8Array.of(1))] });
    const transport = open(libc);
    expect(transport.receive()).toEqual({ kind: "overrun" });
    expect(transport.receive().kind).toBe("datagram");
  });

  it("tells that a datagram did not fit, and makes room for the next of its size", () => {
    const large = new Uint8Array(100_000).fill(7);
    const { libc, rooms } = fakeLibc({ arrivals: [fromKernel(large), fromKernel(large)] });
    const transport = open(libc);
    expect(transport.receive()).toEqual({ kind: "truncated" });
    const second = transport.receive();
    expect(second.kind === "datagram" && second.bytes.length).toBe(100_000);
    expect(rooms).toEqual([65_536, 131_072]);
  });

  it("fails with any other errno", () => {
    const { libc } = fakeLibc({ arrivals: [12] });
    expect(() => open(libc).receive()).toThrow(expect.objectContaining({ code: "ENOMEM", retryable: true }));
  });
});

describe("waiting", () => {
  it("ends when there is something to read", async () => {
    const { libc, wake } = fakeLibc();
    const waiting = open(libc).readable(new AbortController().signal);
    wake();
    await waiting;
  });

  it("ends with the signal's reason", async () => {
    const { libc } = fakeLibc();
    const abort = new AbortController();
    const waiting = open(libc).readable(abort.signal);
    abort.abort(new Error("stop"));
    await expect(waiting).rejects.toThrow("stop");
    await expect(open(libc).readable(abort.signal)).rejects.toThrow("stop");
  });
});

describe("closing", () => {
  it("frees everything once, and later calls meet EBADF and no other's descriptor", async () => {
    const { libc, closed, wake } = fakeLibc();
    const transport = open(libc);
    const waiting = transport.readable(new AbortController().signal);
    wake();
    await waiting;
    transport.close();
    transport.close();
    expect(closed).toEqual([-1, FD]);
    expect(() => transport.send(new Uint8Array(16))).toThrow(expect.objectContaining({ code: "EBADF" }));
    expect(() => transport.receive()).toThrow(expect.objectContaining({ code: "EBADF" }));
  });
});
