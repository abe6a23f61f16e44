/** Where things are in a file store's directory. */
import { join } from "node:path";
import { leaseFileName } from "./lease-file.ts";

export class Layout {
  readonly directory: string;
  readonly config: string;
  readonly subnets: string;

  constructor(directory: string) {
    this.directory = directory;
    this.config = join(directory, "config.json");
    this.subnets = join(directory, "subnets");
  }

  lease(key: string): string {
    return join(this.subnets, leaseFileName(key));
  }
}
