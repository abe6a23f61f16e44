/** A log goes on whatever becomes of the descriptor that it writes to. */
import { closeSync, openSync } from "node:fs";
import { expect, test } from "vitest";
import { daemonLog } from "../../../src/cli/daemon-log.ts";
import { LogOutput } from "../../../src/cli/log-output.ts";

const failure = (code: string) => Object.assign(new Error(code), { code });

/** A descriptor with room for so many bytes, which then fails with this code, until it is given more. */
function descriptor(room: number, code: string) {
  const disk = { text: "", room, attempts: 0 };
  const output = new LogOutput(
    2,
    (lines, why) => `(${lines} lost: ${why})\n`,
    (_fd, bytes) => {
      disk.attempts += 1;
      if (disk.room === 0) throw failure(code);
      const part = Buffer.from(bytes).subarray(0, disk.room);
      disk.text += part.toString();
      disk.room -= part.length;
      return part.length;
    },
  );
  return { disk, output };
}

test("a full disk costs lines, and nothing else", () => {
  // The kernel's own: every write to it fails with ENOSPC.
  const full = openSync("/dev/full", "w");
  try {
    const log = daemonLog("info", full);
    for (let line = 0; line < 3; line++) log.info({ op: "try" }, "said into nothing");
  } finally {
    closeSync(full);
  }
});

test.each(["ENOSPC", "EPIPE", "EIO"])("what was lost by %s is told when there is room again", (code) => {
  const { disk, output } = descriptor(6, code);
  for (const line of ["first\n", "second\n", "third\n"]) output.write(line);
  expect(disk.text).toBe("first\n");
  disk.room = 1000;
  for (const line of ["fourth\n", "fifth\n"]) output.write(line);
  expect(disk.text).toBe(`first\n(2 lost: ${code})\nfourth\nfifth\n`);
});

test("a line that was cut off spoils no other", () => {
  const { disk, output } = descriptor(9, "ENOSPC");
  for (const line of ["first\n", "second\n"]) output.write(line);
  disk.room = 1000;
  output.write("third\n");
  expect(disk.text).toBe("first\nsec\n(1 lost: ENOSPC)\nthird\n");
});

test("a reader that is stuck is waited for once, and not with every line", () => {
  const { disk, output } = descriptor(0, "EAGAIN");
  output.write("first\n");
  const { attempts } = disk;
  expect(attempts).toBeGreaterThan(1);
  output.write("second\n");
  expect(disk.attempts).toBe(attempts + 1);
  disk.room = 1000;
  output.write("third\n");
  expect(disk.text).toBe("(2 lost: EAGAIN)\nthird\n");
});
