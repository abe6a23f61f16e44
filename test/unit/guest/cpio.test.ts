import { expect, test } from "vitest";
import { archive, directory, file, link } from "../../guest/cpio.ts";

/** One member as the kernel's init/initramfs.c reads it: thirteen numbers of eight hexadecimal digits behind the magic. */
function readMembers(bytes: Buffer) {
  const members = [];
  const aligned = (at: number) => Math.ceil(at / 4) * 4;
  for (let at = 0; at < bytes.length; ) {
    expect(bytes.toString("latin1", at, at + 6)).toBe("070701");
    const number = (index: number) =>
      Number.parseInt(bytes.toString("latin1", at + 6 + index * 8, at + 14 + index * 8), 16);
    const [inode, mode, size, nameSize] = [number(0), number(1), number(6), number(11)];
    const name = bytes.toString("latin1", at + 110, at + 110 + nameSize);
    expect(name.endsWith("\0")).toBe(true);
    const start = aligned(at + 110 + nameSize);
    members.push({
      inode,
      mode: mode.toString(8),
      name: name.slice(0, -1),
      content: bytes.toString("latin1", start, start + size),
    });
    at = aligned(start + size);
  }
  return members;
}

test("members come in order, with their type, permissions and content, and a trailer ends them", () => {
  const bytes = archive([directory("bin"), file("bin/sh", "abcde", 0o755), link("init", "/bin/sh")]);
  expect(readMembers(bytes)).toEqual([
    { inode: 1, mode: "40755", name: "bin", content: "" },
    { inode: 2, mode: "100755", name: "bin/sh", content: "abcde" },
    { inode: 3, mode: "120777", name: "init", content: "/bin/sh" },
    { inode: 0, mode: "0", name: "TRAILER!!!", content: "" },
  ]);
});

test.each([0, 1, 2, 3, 4, 5])(
  "names and contents of any length are filled up to four bytes: %i",
  (length) => {
    const content = "x".repeat(length);
    const bytes = archive([file(`name${content}`, content), file("next", "!")]);
    expect(readMembers(bytes).map(({ name }) => name)).toEqual([`name${content}`, "next", "TRAILER!!!"]);
  },
);
