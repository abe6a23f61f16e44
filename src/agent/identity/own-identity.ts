/** The identity of this node: an id in the run directory, and marks of the machine and its kernel. */
import { createHmac } from "node:crypto";
import { type HostIdentity, isIdentityMark, tryHostName } from "../../lease/host-identity.ts";
import { replaceFile } from "../../runtime/atomic-file.ts";
import { messageOf } from "../../runtime/error.ts";
import { type Files, readText } from "../../runtime/files.ts";
import type { Log } from "../../runtime/log.ts";
import type { Random } from "../../runtime/random.ts";

/** The files that identify a host; a test passes its own. */
export interface IdentitySources {
  /** machine-id(5): random at installation, the same in every clone of an image. */
  readonly machineId: string;
  /** Of the mainboard or the virtual machine; hypervisors generate a new one for a clone. Readable by root only. */
  readonly product: string;
  readonly boot: string;
  /** A link like `net:[4026531840]`. The kernel reuses numbers, so it identifies a namespace only within one boot. */
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

/** machine-id(5) asks not to disclose the id itself: only a hash that is specific to Tweed leaves the host. */
const APPLICATION = "tweed node identity 3f1c7f0e";

/** Placeholders of mainboards whose maker did not set a value. */
const NO_PRODUCT = /^(?:0+|f+|03000200040005000006000700080009)$/;

/** An id takes 33, a host name 65. */
const MAX_BYTES = 1024;

/** Beside subnet.env, so that a reboot removes it. Named after it, as two daemons on a host may share a directory. */
export function identityFile(subnetFile: string): string {
  return `${subnetFile}.identity`;
}

/** A directory that cannot be written matters only at the next restart, and then only on a host without any marks. */
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
    log.warn(fields, "identity not saved, the next daemon of this host gets a new one");
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
