/**
 * The profile that container engines apply for a pod with RuntimeDefault, from the file that Debian ships for its
 * engines. It lists system calls by the container's capabilities and the machine's architecture.
 */
import { readFile } from "node:fs/promises";
import { installPackages } from "../../../src/lab/requirements.ts";

const FILE = "/usr/share/containers/seccomp.json";
const PACKAGE = "golang-github-containers-common";

/** The names of libseccomp and Go for this machine's architecture. */
const ARCHITECTURES: Readonly<Record<string, { readonly seccomp: string; readonly go: string }>> = {
  x64: { seccomp: "SCMP_ARCH_X86_64", go: "amd64" },
  arm64: { seccomp: "SCMP_ARCH_AARCH64", go: "arm64" },
};

interface Conditions {
  readonly arches?: readonly string[];
  readonly caps?: readonly string[];
}

interface ProfileFile {
  readonly defaultAction: string;
  readonly defaultErrnoRet: number;
  readonly archMap: readonly {
    readonly architecture: string;
    readonly subArchitectures: readonly string[];
  }[];
  readonly syscalls: readonly {
    readonly names: readonly string[];
    readonly action: string;
    readonly errnoRet?: number;
    readonly args?: readonly unknown[] | null;
    readonly includes?: Conditions;
    readonly excludes?: Conditions;
  }[];
}

export class SeccompProfile {
  readonly #file: ProfileFile;

  private constructor(file: ProfileFile) {
    this.#file = file;
  }

  static async read(): Promise<SeccompProfile> {
    const text = await readFile(FILE, "utf8").catch(async () => {
      await installPackages([PACKAGE], (line) => console.log(line));
      return readFile(FILE, "utf8");
    });
    return new SeccompProfile(JSON.parse(text) as ProfileFile);
  }

  /** As `linux.seccomp` of an OCI configuration. @param capabilities as "CAP_NET_ADMIN" */
  forCapabilities(capabilities: readonly string[]): Readonly<Record<string, unknown>> {
    const machine = ARCHITECTURES[process.arch];
    if (machine === undefined) throw new Error(`what is ${process.arch} to seccomp?`);
    const { defaultAction, defaultErrnoRet, archMap, syscalls } = this.#file;
    const has = ({ arches = [], caps = [] }: Conditions) =>
      arches.includes(machine.go) || caps.some((name) => capabilities.includes(name));
    const isEmpty = ({ arches = [], caps = [] }: Conditions) => arches.length + caps.length === 0;
    return {
      defaultAction,
      defaultErrnoRet,
      architectures: archMap
        .filter(({ architecture }) => architecture === machine.seccomp)
        .flatMap(({ architecture, subArchitectures }) => [architecture, ...subArchitectures]),
      syscalls: syscalls
        .filter(({ includes = {}, excludes = {} }) => (isEmpty(includes) || has(includes)) && !has(excludes))
        .map(({ names, action, errnoRet, args }) => ({
          names,
          action,
          ...(errnoRet === undefined ? {} : { errnoRet }),
          ...(args ? { args } : {}),
        })),
    };
  }
}
