import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { SdNotify } from "../../../src/agent/reports/sd-notify.ts";
import { openLibrary } from "../../../src/kernel/libc/library.ts";
import { bindSocketCalls, MSG_DONTWAIT } from "../../../src/kernel/libc/socket.ts";
import { AF_UNIX, encodeUnixAddress, SOCK_DGRAM } from "../../../src/kernel/libc/unix-datagram.ts";
import { type Log, silentLog } from "../../../src/runtime/log.ts";

/** A socket that listens as systemd does. */
class Receiver {
  readonly #calls;
  readonly #fd: number;

  private constructor(calls: ReturnType<typeof bindSocketCalls>, fd: number) {
    this.#calls = calls;
    this.#fd = fd;
  }

  static async bind(path: string): Promise<Receiver> {
    const calls = bindSocketCalls(await openLibrary());
    const fd = calls.socket(AF_UNIX, SOCK_DGRAM, 0);
    const address = encodeUnixAddress(path);
    if (fd < 0 || calls.bind(fd, address, address.length) !== 0) throw new Error(`cannot bind ${path}`);
    return new Receiver(calls, fd);
  }

  /** The oldest message not read yet, or null. */
  next(): string | null {
    const bytes = new Uint8Array(4096);
    const sender = new Uint8Array(110);
    const length = this.#calls.recvfrom(
      this.#fd,
      bytes,
      bytes.length,
      MSG_DONTWAIT,
      sender,
      new Uint32Array([110]),
    );
    return length < 0 ? null : new TextDecoder().decode(bytes.subarray(0, Number(length)));
  }

  close(): void {
    this.#calls.close(this.#fd);
  }
}

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "tw-sd-notify-"));
});
afterEach(async () => {
  await rm(directory, { recursive: true, force: true });
});

describe.each(["path", "abstract name"])("to a socket with a %s", (kind) => {
  it("sends what sd_notify(3) defines", async () => {
    const path = kind === "path" ? join(directory, "notify") : `@tw-sd-notify-${process.pid}`;
    const receiver = await Receiver.bind(path);
    try {
      const notify = await SdNotify.open(path, silentLog);
      notify.status("waiting for\netcd");
      notify.ready("lease 10.244.3.0/24, 4 peers");
      notify.stopping();
      expect(receiver.next()).toBe("STATUS=waiting for etcd");
      expect(receiver.next()).toBe("READY=1\nSTATUS=lease 10.244.3.0/24, 4 peers");
      expect(receiver.next()).toBe("STOPPING=1");
      expect(receiver.next()).toBeNull();
    } finally {
      receiver.close();
    }
  });
});

describe("without a receiver", () => {
  function recordingLog(): { log: Log; warnings: unknown[] } {
    const warnings: unknown[] = [];
    return { log: { ...silentLog, warn: (fields) => warnings.push(fields) }, warnings };
  }

  it("does nothing when there is no socket", async () => {
    const { log, warnings } = recordingLog();
    const notify = await SdNotify.open(null, log);
    notify.ready("");
    expect(warnings).toEqual([]);
  });

  it.each([
    ["missing", "ENOENT"],
    ["relative/path", "expected an absolute path or @name"],
    ["@", "expected an absolute path or @name"],
    [`/${"x".repeat(108)}`, "at most 107 bytes"],
  ])("warns once of the socket %s", async (name, reason) => {
    const { log, warnings } = recordingLog();
    const notify = await SdNotify.open(name === "missing" ? join(directory, name) : name, log);
    notify.ready("");
    notify.stopping();
    expect(warnings).toEqual([expect.objectContaining({ reason: expect.stringContaining(reason) })]);
  });

  it("does not wait for a receiver that reads nothing", async () => {
    const path = join(directory, "full");
    const receiver = await Receiver.bind(path);
    try {
      const { log, warnings } = recordingLog();
      const notify = await SdNotify.open(path, log);
      // net.unix.max_dgram_qlen is 10 by default and 512 on most distributions; send buffers end sooner.
      for (let count = 0; count < 5000; count++) notify.status("x".repeat(1000));
      expect(warnings).toEqual([expect.objectContaining({ reason: expect.stringContaining("EAGAIN") })]);
    } finally {
      receiver.close();
    }
  });
});
