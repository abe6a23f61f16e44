/** The programs of the guest's initramfs, in one file that needs no library. */
import { access } from "node:fs/promises";
import { join } from "node:path";
import { cached } from "../support/cache-directory.ts";
import { unpackPackage } from "./debian-package.ts";

/** Path of Debian's busybox. */
export async function obtainBusybox(): Promise<string> {
  const directory = await cached("busybox", (empty) => unpackPackage("busybox-static", empty));
  const [older, newer] = [join(directory, "bin/busybox"), join(directory, "usr/bin/busybox")];
  return access(newer).then(
    () => newer,
    () => older,
  );
}
