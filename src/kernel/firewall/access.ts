/** The host's packet filter programs, and the kernel's events of its tables. No shell: fixed argument lists. */
import { FAMILIES, type Family, type Ip } from "../../net/index.ts";
import { systemClock } from "../../runtime/clock.ts";
import { TweedError } from "../../runtime/error.ts";
import { execute, type ProgramResult, run } from "../../runtime/program.ts";
import type { Libc } from "../libc/libc.ts";
import { LinuxTransport, NETLINK } from "../netlink/linux-transport.ts";
import { ReopeningTransport } from "../netlink/reopening-transport.ts";
import { RequestSocket } from "../netlink/request-socket.ts";
import type { EventTransport } from "../netlink/transport.ts";
import type { ForwardChain } from "./forward-chain.ts";
import {
  findInstallations,
  type Installation,
  IPTABLES_PROGRAMS,
  type Kind,
} from "./iptables/installation.ts";
import { inUseFirst } from "./iptables/rules-in-use.ts";
import type { IptablesAccess } from "./iptables/writer.ts";
import { COUNTERS_REQUEST, countsOf, type RefusalCounts, readCounter } from "./nftables/counters.ts";
import {
  CHAINS_REQUEST,
  forwardChain,
  readForwardChain,
  readForwardRule,
  rulesRequest,
} from "./nftables/forward-chains.ts";
import { readSources, sourcesRequest } from "./nftables/refused-sources.ts";
import { GENERATION_REQUEST, RULESET_GROUP, readGeneration } from "./nftables/ruleset-message.ts";
import type { NftablesAccess } from "./nftables/writer.ts";
import type { HostPrograms } from "./programs.ts";
import { findPrograms } from "./programs.ts";
import type { Refusal } from "./refusal.ts";
import { iptablesRefusal, nftRefusal } from "./refused-program.ts";

/** The side effects that a firewall needs. */
export interface FirewallAccess extends NftablesAccess, IptablesAccess {
  programs(): Promise<HostPrograms>;
  /** @throws TweedError where the kernel has no nftables */
  openEvents(): EventTransport;
  /** @throws TweedError where the kernel has no nftables */
  refusalCounts(): Promise<RefusalCounts>;
  /** Sources of packets refused recently for this reason; a sample where there are many. */
  refusedSources(reason: Refusal): Promise<readonly Ip[]>;
  /** Forward chains of nftables, of all programs. @throws TweedError where the kernel has no nftables */
  forwardChains(): Promise<readonly ForwardChain[]>;
}

const PROGRAM_TIMEOUT_MS = 20_000;
/** How long iptables-restore waits for the lock that all users of iptables-legacy share. */
const LOCK_SECONDS = 5;
/** Enough for the events of 5,000 peers that are programmed at once. */
const EVENT_BUFFER_BYTES = 16 * 1024 * 1024;
const REQUEST_BUFFER_BYTES = 64 * 1024;

export class LinuxFirewall implements FirewallAccess {
  readonly #libc: Libc;
  readonly #path: string;
  readonly #versions = new Map<string, string>();
  readonly #preferred = new Map<Family, Kind>();
  #requests: RequestSocket | null = null;

  /**
   * Programs run, and sockets open, in the network namespace of the main thread.
   * @param path directories of programs, in the format of $PATH
   */
  constructor(libc: Libc, path: string) {
    this.#libc = libc;
    this.#path = path;
  }

  async programs(): Promise<HostPrograms> {
    const programs = await findPrograms(["nft", ...IPTABLES_PROGRAMS], this.#path);
    const broken = new Map<string, string>();
    const versionOf = (program: string) =>
      this.#versionOf(program).catch((error) => {
        broken.set(program, reasonOf(error));
        return null;
      });
    const installations = async (family: Family) =>
      this.#inUseFirst(family, await findInstallations(family, programs, versionOf));
    const nft = programs.has("nft") ? versionOf("nft") : null;
    const [v4, v6] = await Promise.all(FAMILIES.map(installations));
    return { hasNft: (await nft) !== null, iptables: { v4: v4 ?? [], v6: v6 ?? [] }, broken };
  }

  async run(script: string, signal: AbortSignal): Promise<void> {
    const result = await this.#execute("nft", ["-f", "-"], signal, script);
    if (result.exitCode !== 0) throw nftRefusal(result);
  }

  generation(): Promise<number> {
    return this.#ask().get(GENERATION_REQUEST, readGeneration);
  }

  openEvents(): EventTransport {
    return LinuxTransport.open(this.#libc, {
      protocol: NETLINK.netfilter,
      groups: RULESET_GROUP,
      receiveBufferBytes: EVENT_BUFFER_BYTES,
    });
  }

  async save(installation: Installation, signal: AbortSignal): Promise<string> {
    const result = await this.#execute(installation.save, [], signal);
    if (result.exitCode !== 0) throw iptablesRefusal(installation.save, result);
    return result.stdout;
  }

  async restore(installation: Installation, input: string, signal: AbortSignal): Promise<void> {
    const wait = installation.isModern ? ["-w", String(LOCK_SECONDS)] : [];
    const result = await this.#execute(installation.restore, ["--noflush", ...wait], signal, input);
    if (result.exitCode !== 0) throw iptablesRefusal(installation.restore, result);
  }

  /** Tables of nftables as "family name". */
  async tables(signal: AbortSignal): Promise<readonly string[]> {
    const result = await this.#execute("nft", ["list", "tables"], signal);
    if (result.exitCode !== 0) throw nftRefusal(result);
    return result.stdout.split("\n").map((line) => line.replace(/^table /, "").trim());
  }

  async refusalCounts(): Promise<RefusalCounts> {
    return countsOf(await this.#ask().dump(COUNTERS_REQUEST, readCounter));
  }

  async refusedSources(reason: Refusal): Promise<readonly Ip[]> {
    const requests = this.#ask();
    const sources: Ip[] = [];
    for (const family of FAMILIES) {
      sources.push(...(await requests.dump(sourcesRequest(reason, family), readSources)).flat());
    }
    return sources;
  }

  async forwardChains(): Promise<readonly ForwardChain[]> {
    const requests = this.#ask();
    const chains: ForwardChain[] = [];
    for (const id of await requests.dump(CHAINS_REQUEST, readForwardChain)) {
      const rules = await requests.dump(rulesRequest(id), (message) => readForwardRule(message, id));
      chains.push(forwardChain(id, rules));
    }
    return chains;
  }

  close(): void {
    this.#requests?.close();
    this.#requests = null;
  }

  /** Decided once. To follow a program that comes later could make two daemons chase each other. */
  async #inUseFirst(family: Family, found: readonly Installation[]): Promise<readonly Installation[]> {
    const signal = AbortSignal.timeout(PROGRAM_TIMEOUT_MS);
    const known = this.#preferred.get(family);
    if (known !== undefined) return found.toSorted((a, b) => rank(a, known) - rank(b, known));
    // A program that fails to save reports its error when it is used.
    const ordered = await inUseFirst(found, (each) => this.save(each, signal)).catch(() => found);
    if (ordered[0] !== undefined) this.#preferred.set(family, ordered[0].kind);
    return ordered;
  }

  #ask(): RequestSocket {
    const open = () =>
      LinuxTransport.open(this.#libc, {
        protocol: NETLINK.netfilter,
        groups: 0,
        receiveBufferBytes: REQUEST_BUFFER_BYTES,
      });
    this.#requests ??= new RequestSocket(new ReopeningTransport(open), systemClock);
    return this.#requests;
  }

  async #versionOf(program: string): Promise<string> {
    const known = this.#versions.get(program);
    if (known !== undefined) return known;
    const text = await run(program, ["--version"], this.#options());
    this.#versions.set(program, text);
    return text;
  }

  #execute(
    program: string,
    args: readonly string[],
    signal: AbortSignal,
    input?: string,
  ): Promise<ProgramResult> {
    return execute(program, args, { ...this.#options(), signal, ...(input === undefined ? {} : { input }) });
  }

  /** Messages are parsed, so they must be in English. */
  #options() {
    return { timeoutMs: PROGRAM_TIMEOUT_MS, env: { PATH: this.#path, LC_ALL: "C" } };
  }
}

function rank({ kind }: Installation, preferred: Kind): number {
  return kind === preferred ? 0 : 1;
}

/** Why a program prints no version, without the command line, which the message names anyway. */
function reasonOf(error: unknown): string {
  if (!(error instanceof TweedError)) throw error;
  return error.message.replace(`${error.operation}: `, "");
}
