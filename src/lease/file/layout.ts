/** Where things are in a file store's directory. */
import { join } from "node:path";
import { leaseFileName } from "./lease-file.ts";

/** Names that begin with this are nobody's data: the lock, and files that are still being written. */
export const PRIVATE = ".tweed-";
export const TEMPORARY = `${PRIVATE}tmp-`;

export class Layout {
  readonly directory: string;
  readonly config: string;
  readonly subnets: string;
  readonly lock: string;
  /** What the paths of files that are being written begin with; outside `subnets`, which is watched. */
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
