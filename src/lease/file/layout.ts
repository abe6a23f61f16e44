/** The paths in a file store's directory. */
import { join } from "node:path";
import { leaseFileName } from "./lease-file.ts";

/** Prefix of files that are not leases: the lock, and temporary files. */
export const PRIVATE = ".tweed-";
export const TEMPORARY = `${PRIVATE}tmp-`;

export class Layout {
  readonly directory: string;
  readonly config: string;
  readonly subnets: string;
  readonly lock: string;
  /** Path prefix of temporary files; outside `subnets`, which is watched. */
  readonly temporaryPrefix: string;

  constructor(directory: string) {
    this.directory = directory;
    this.config = join(directory, "config.json");
    this.subnets = join(directory, "subnets");
    this.lock = join(directory, `${PRIVATE}lock`);
    this.temporaryPrefix = join(directory, TEMPORARY);
  }

  lease(key: string): string {
    return join(this.subnets, leaseFileName(key));
  }
}
