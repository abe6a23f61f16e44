/**
 * A file store whose daemons share the leases while each has its own configuration, as the hosts of a cluster do for
 * the seconds until a change has reached all of them:
 *
 *     DIRECTORY/subnets/            the leases
 *     DIRECTORY/node1/config.json   node1's configuration
 *     DIRECTORY/node1/subnets       a link to the leases
 */
import { mkdir, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll } from "vitest";
import { type LabFamilies, type LabSpec, labNetworkConfig } from "../../src/lab/topology.ts";
import { replaceFile } from "../../src/runtime/atomic-file.ts";
import type { JsonObject } from "../../src/runtime/json.ts";
import { nodeFiles } from "../../src/runtime/node-files.ts";

export class OwnConfigs {
  readonly #directory: string;
  readonly #families: LabFamilies;

  constructor(directory: string, families: LabFamilies) {
    this.#directory = directory;
    this.#families = families;
  }

  async create(nodes: number, backend: JsonObject): Promise<void> {
    await mkdir(this.leases, { recursive: true });
    for (let number = 1; number <= nodes; number++) {
      await mkdir(this.#storeOf(number), { recursive: true });
      await symlink(this.leases, join(this.#storeOf(number), "subnets"));
      await this.configure(number, backend);
    }
  }

  get leases(): string {
    return join(this.#directory, "subnets");
  }

  /** For {@link useLab}. */
  nodeFlags(nodes: number): Readonly<Record<string, readonly string[]>> {
    const numbers = Array.from({ length: nodes }, (_, index) => index + 1);
    return Object.fromEntries(
      numbers.map((number) => [`node${number}`, [`--store-path=${this.#storeOf(number)}`]]),
    );
  }

  configure(number: number, backend: JsonObject): Promise<void> {
    return this.write(number, JSON.stringify(labNetworkConfig({ families: this.#families, backend })));
  }

  /** Any text. */
  write(number: number, text: string): Promise<void> {
    return replaceFile(nodeFiles, join(this.#storeOf(number), "config.json"), text, { mode: 0o644 });
  }

  #storeOf(number: number): string {
    return join(this.#directory, `node${number}`);
  }
}

/** Call before {@link useLab}, which starts the daemons on it. */
export function useOwnConfigs({ name, nodes, backend, families }: LabSpec): OwnConfigs {
  const directory = join(tmpdir(), `tw-${name}-configs`);
  const configs = new OwnConfigs(directory, families);
  beforeAll(async () => {
    await rm(directory, { recursive: true, force: true });
    await configs.create(nodes, backend);
  });
  afterAll(() => rm(directory, { recursive: true, force: true }));
  return configs;
}
