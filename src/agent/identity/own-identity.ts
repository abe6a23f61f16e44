/** Who this node is: an id in the run directory, beside what the machine and its kernel tell of themselves. */
import { createHmac } from "node:crypto";
import { type HostIdentity, isIdentityMark, tryHostName } from "../../lease/host-identity.ts";
import { replaceFile } from "../../runtime/atomic-file.ts";
import { messageOf } from "../../runtime/error.ts";
import { type Files, readText } from "../../runtime/files.ts";
import type { Log } from "../../runtime/log.ts";
import type { Random } from "../../runtime/random.ts";

/** Where a host tells of itself; a test has files of its own. */
export interface IdentitySources {
  /** machine-id(5): random at installation, the same in every clone of an image. */
  readonly machineId: string;
  /** Of the mainboard or the virtual machine, which hypervisors make anew for a clone; for root only. */
  readonly product: string;
  readonly boot: string;
  /** A link such as `net:[4026531840]`; numbers are given again, so it tells something only while the host is up. */
  readonly netns: string;
  readonly hostName: string;
}

export const HOST_SOURCES: IdentitySources = {
  machineId: "/etc/machine-id",
  product: "/sys/class/dmi/id/product_uuid",
  boot: "/proc/sys/kernel/random/boot_id",
  netns: "/proc/self/ns/net",
  hostName: "/proc/sys/kernel/hostname",
};

/** machine-id(5) asks not to show the id itself: what leaves the host is a hash that is of use here only. */
const APPLICATION = "tweed node identity 3f1c7f0e";

/** What mainboards say whose maker did not say anything. */
const NO_PRODUCT = /^(?:0+|f+|03000200040005000006000700080009)$/;

/** An id takes 33, a host name 65. */
const MAX_BYTES = 1024;

/** Beside subnet.env, so that a reboot forgets, and named after it: two daemons on one host may share a directory. */
export function identityFile(subnetFile: string): string {
  return `${subnetFile}.identity`;
}

/** A directory that cannot be written costs nothing before the next restart, and then only where the host tells nothing. */
export async function readOwnIdentity(
  path: string,
  { files, random, log }: { readonly files: Files; readonly random: Random; readonly log: Log },
  sources: IdentitySources = HOST_SOURCES,
): Promise<HostIdentity> {
  /** null where there is nothing to read; each source may be missing. */
  const lineOf = async (file: string) =>
    readText(files, file, MAX_BYTES).then(
      (text) => text.trim(),
      () => null,
    );
  const [stored, machineId, product, boot, netns, name] = await Promise.all([
    lineOf(path),
    lineOf(sources.machineId),
    lineOf(sources.product),
    lineOf(sources.boot),
    files.readLink(sources.netns).catch(() => null),
    lineOf(sources.hostName),
  ]);
  const marks = {
    machineId: machineId === null || !isIdentityMark(machineId) ? null : hash("machine", machineId),
    product: product === null ? null : hashOfProduct(product),
    boot: boot === null ? null : hash("boot", boot),
    netns: boot === null || netns === null ? null : hash("netns", `${boot} ${netns}`),
  };
  const hostName = name === null ? null : tryHostName(name);
  if (stored !== null && isIdentityMark(stored)) return { id: stored, hostName, ...marks };
  const id = Buffer.from(random.bytes(16)).toString("hex");
  try {
    await replaceFile(files, path, `${id}\n`, { mode: 0o600 });
  } catch (error) {
    const fields = { op: "write-identity", path, reason: messageOf(error) };
    log.warn(fields, "identity not saved, the next daemon of this host will have another one");
  }
  return { id, hostName, ...marks };
}

function hashOfProduct(text: string): string | null {
  const digits = text.toLowerCase().replaceAll("-", "");
  return /^[0-9a-f]{32}$/.test(digits) && !NO_PRODUCT.test(digits) ? hash("product", digits) : null;
}

function hash(kind: string, text: string): string {
  return createHmac("sha256", text).update(`${APPLICATION} ${kind}`).digest("hex").slice(0, 32);
}
