/** Files, clock, randomness, processes and sockets reach the code through what is passed in, so that a test can own them. */
import { describe, expect, test } from "vitest";
import { seamUses } from "../../support/seam-use.ts";
import { sourceFiles } from "../../support/source-tree.ts";

/** Where everything is put together, and programs that work on real hosts. */
const ROOTS = /^src\/(?:main\.ts|cli\/|lab\/|probe\/)/;

/** The host itself, each behind an interface; with what it is. */
const ADAPTERS: Readonly<Record<string, string>> = {
  "src/runtime/clock.ts": "the clock",
  "src/runtime/random.ts": "randomness",
  "src/runtime/node-files.ts": "the file system",
  "src/runtime/regular-file.ts": "the file system, where others may write",
  "src/runtime/program.ts": "processes",
  "src/kernel/libc/event-fd.ts": "the C library",
  "src/kernel/libc/library.ts": "the C library",
  "src/kernel/libc/network-namespace.ts": "the C library",
  "src/kernel/libc/poll.ts": "the C library",
  "src/kernel/linux-kernel.ts": "the kernel",
  "src/kernel/sysctl.ts": "/proc/sys, which shows the namespace of the thread that looks",
  "src/kernel/tun.ts": "descriptors of TUN devices",
  "src/kernel/tun-device.ts": "descriptors of TUN devices",
  "src/kernel/tun-queue.ts": "descriptors of TUN devices",
  "src/kernel/firewall/access.ts": "the firewall's programs and sockets",
  "src/kernel/firewall/programs.ts": "which programs there are",
  "src/kernel/firewall/iptables/legacy-use.ts":
    "/proc/net, which shows the namespace of the thread that looks",
  "src/lease/etcd/client.ts": "connections to etcd",
  "src/lease/kubernetes/node-http.ts": "connections to the API server",
  "src/lease/kubernetes/kubeconfig.ts":
    "the client library, which runs credential plugins and reads their files",
  "backends/udp/compiled-fast-path.ts": "the fast path as it was built",
  "backends/udp/session.ts": "queues, sockets and threads of the UDP data plane",
  "backends/udp/worker.ts": "a thread of the UDP data plane, and what it is made of",
  "backends/udp/worker-thread.ts": "threads",
};

const files = (await sourceFiles()).filter(({ path }) => !ROOTS.test(path));
const usesIn = (text: string) => seamUses(text).map(({ line, reason }) => `line ${line} ${reason}`);

describe("nothing goes round what is passed in", () => {
  test.each(files.filter(({ path }) => ADAPTERS[path] === undefined))("$path", ({ text }) => {
    expect(usesIn(text)).toEqual([]);
  });

  test.each(Object.keys(ADAPTERS))("%s is there and an adapter", (path) => {
    expect(usesIn(files.find((file) => file.path === path)?.text ?? "")).not.toEqual([]);
  });
});

describe("what is found", () => {
  test.each([
    'import { readFile } from "node:fs/promises";',
    'import * as fs from "node:fs";',
    'import net from "node:net";',
    'import { type Socket, connect } from "node:net";',
    'const { request } = await import("node:https");',
    'import { hostname } from "node:os";',
    'import { randomBytes } from "node:crypto";',
    'import { execute } from "../runtime/program.ts";',
    'import { type Clock, systemClock } from "../runtime/clock.ts";',
    'import { KubeConfig } from "@kubernetes/client-node";',
    "const timer = setTimeout(act, 10);",
    "const now = Date.now();",
    "const now = new Date();",
    "const host = process.env.HOST;",
    "const signal = AbortSignal.timeout(10);",
    "const share = Math.random();",
  ])("%s", (text) => {
    expect(usesIn(text)).toHaveLength(1);
  });

  test.each([
    'import type { Server } from "node:http";',
    'import { type Socket } from "node:net";',
    'import { createHash } from "node:crypto";',
    'import { endianness } from "node:os";',
    'import type { ProgramResult } from "../runtime/program.ts";',
    'import { join } from "node:path";',
    "const time = new Date(wallMs);",
    "await clock.sleep(10, signal);",
    "sent.setTimeout(afterMs);",
  ])("not %s", (text) => {
    expect(usesIn(text)).toEqual([]);
  });
});
