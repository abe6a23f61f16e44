/** What the worker does when the kernel refuses: on a kernel that is a table of answers, and a lane that is a list. */
import { beforeEach, describe, expect, it } from "vitest";
import type { Lane, LaneOffloads } from "../../../backends/udp/lane.ts";
import type { LossCounters } from "../../../backends/udp/loss-counters.ts";
import { PacketIo, type WorkerCalls } from "../../../backends/udp/packet-io.ts";
import type { WorkerReport, WorkerTask } from "../../../backends/udp/worker-task.ts";

const EIO = 5;
const EINVAL = 22;
const EBADFD = 77;
const EMSGSIZE = 90;
const ALL: LaneOffloads = { sendRuns: true, joinTcp4: true, joinTcp6: true, joinUdp: true };
/** Native addresses of the lane's things. */
const MESSAGES = 1000;
const WRITES = 2000;
const UNJOINED = 3000;

/** errno of each call, 0 for success; what is not told succeeds. */
let answers: { readonly send?: (message: number) => number; readonly write?: (address: number) => number };
let errno: number;
let sent: number[];
let written: number[];
let lost: { sends: number; writes: number };
let reports: WorkerReport[];
let offloads: LaneOffloads;
let lane: { messages: number; writes: number; parts: number };

beforeEach(() => {
  answers = {};
  errno = 0;
  sent = [];
  written = [];
  lost = { sends: 0, writes: 0 };
  reports = [];
  lane = { messages: 0, writes: 0, parts: 3 };
});

function open(): PacketIo {
  const calls: WorkerCalls = {
    read: () => -1,
    recvmmsg: () => -1,
    poll: () => 0,
    usleep: () => 0,
    prctl: () => 0,
    errno: () => errno,
    sendmmsg(_fd, address, count) {
      for (let done = 0; done < count; done++) {
        errno = answers.send?.(address - MESSAGES + done) ?? 0;
        if (errno !== 0) return done > 0 ? done : -1;
        sent.push(address - MESSAGES + done);
      }
      return count;
    },
    writev(_fd, address) {
      errno = answers.write?.(address) ?? 0;
      if (errno !== 0) return -1;
      written.push(address);
      return 1;
    },
  };
  const task = { tunFd: 3, sockets: { v4: 4, v6: null }, isBatching: true, offloads: ALL };
  const fakeLane = {
    setOffloads: (next: LaneOffloads) => {
      offloads = next;
    },
    messageCount: () => lane.messages,
    messageAddress: (_family: number, index: number) => MESSAGES + index,
    splitMessages: (_family: number, first: number) => first + (lane.messages - first) * 2,
    writeCount: () => lane.writes,
    writeAddress: (index: number) => WRITES + index,
    writeLength: () => 2,
    unjoinWrite: () => lane.parts,
    unjoinedAddress: (part: number) => UNJOINED + part,
  };
  const losses = {
    countSend: () => {
      lost.sends += 1;
    },
    countWrites: (packets: number) => {
      lost.writes += packets;
    },
  };
  return new PacketIo(
    calls,
    task as unknown as WorkerTask,
    fakeLane as unknown as Lane,
    losses as unknown as LossCounters,
    (report) => reports.push(report),
  );
}

describe("sending", () => {
  it("goes on behind a message that the kernel does not take, and counts it", () => {
    lane.messages = 4;
    answers = { send: (message) => (message === 1 ? 1 : 0) };
    open().flush(0);
    expect(sent).toEqual([0, 2, 3]);
    expect(lost.sends).toBe(1);
  });

  it("sends the parts of a run that does not fit the path, and tells of the path once in 100 ms", () => {
    lane.messages = 2;
    let refused = false;
    answers = {
      send: () => {
        refused = !refused;
        return refused ? EMSGSIZE : 0;
      },
    };
    const io = open();
    for (let nowMs = 0; nowMs < 50; nowMs++) io.flush(nowMs);
    expect(reports).toEqual([{ kind: "path-too-small" }]);
    io.flush(100);
    expect(reports).toHaveLength(2);
    expect(offloads).toEqual(ALL);
    expect(lost.sends).toBe(0);
  });

  it("steps down when a refusal goes on, and not by a burst", () => {
    lane.messages = 1;
    let turn = 0;
    answers = { send: () => (turn++ % 3 === 0 ? EINVAL : 0) };
    const io = open();
    for (let times = 0; times < 50; times++) io.flush(5);
    expect(offloads).toEqual(ALL);
    for (let nowMs = 100; nowMs <= 800; nowMs += 100) io.flush(nowMs);
    expect(offloads).toEqual({ ...ALL, sendRuns: false });
    expect(reports.filter(({ kind }) => kind === "stepped-down")).toEqual([
      { kind: "stepped-down", offload: "sendRuns", code: "EINVAL" },
    ]);
  });

  it("steps down at once where the device cannot do it at all", () => {
    lane.messages = 1;
    let turn = 0;
    answers = { send: () => (turn++ === 0 ? EIO : 0) };
    open().flush(0);
    expect(offloads.sendRuns).toBe(false);
    expect(lost.sends).toBe(0);
  });
});

describe("writing", () => {
  const refuseJoined = (address: number) => (address < UNJOINED ? EINVAL : 0);

  it("writes the parts of what may not be joined, and steps down when that goes on", () => {
    lane.writes = 1;
    answers = { write: refuseJoined };
    const io = open();
    io.flush(0);
    expect(written).toEqual([UNJOINED, UNJOINED + 1, UNJOINED + 2]);
    expect(lost.writes).toBe(0);
    for (let nowMs = 100; nowMs <= 700; nowMs += 100) io.flush(nowMs);
    expect(offloads).toEqual({ ...ALL, joinTcp4: false, joinTcp6: false, joinUdp: false });
    expect(reports.map((report) => report.kind)).toEqual(["stepped-down", "stepped-down", "stepped-down"]);
  });

  it("learns nothing of joining from a device that is down", () => {
    lane.writes = 1;
    answers = { write: () => EIO };
    const io = open();
    for (let nowMs = 0; nowMs <= 2000; nowMs += 100) io.flush(nowMs);
    expect(offloads).toEqual(ALL);
    expect(reports).toEqual([]);
    expect(lost.writes).toBe(21 * 3);
  });

  it("counts a single packet that is refused", () => {
    lane.writes = 2;
    lane.parts = 0;
    answers = { write: (address) => (address === WRITES ? EINVAL : 0) };
    open().flush(0);
    expect(lost.writes).toBe(1);
    expect(written).toEqual([WRITES + 1]);
  });

  it("ends when the device is gone", () => {
    lane.writes = 1;
    answers = { write: () => EBADFD };
    expect(() => open().flush(0)).toThrow(expect.objectContaining({ code: "EBADFD" }));
  });
});
