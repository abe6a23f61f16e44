/** The network between hosts and etcd, with its faults and those of the server that look like its. */
import type { Random } from "../../../src/runtime/random.ts";
import type { SimulatedTime } from "../../support/simulated-time.ts";
import type { Connection } from "./connection.ts";
import type { SimulatedEtcd } from "./simulated-etcd.ts";

export class EtcdNetwork {
  readonly time: SimulatedTime;
  readonly random: Random;
  readonly server: SimulatedEtcd;
  /** A larger answer fails at its receiver. */
  maxAnswerBytes = 64 * 1024 * 1024;
  readonly #connections = new Set<Connection>();
  readonly #cut = new Set<string>();
  readonly #silent = new Set<string>();
  readonly #watchDelaysMs = new Map<string, number>();
  /** Hosts whose processes do not run, with what happens to them when they do. */
  readonly #paused = new Map<string, (() => void)[]>();
  #isAway = false;
  #isHanging = false;
  /** Counts the starts of the server: what was sent to an earlier one is lost. */
  #run = 1;

  constructor(time: SimulatedTime, random: Random, server: SimulatedEtcd) {
    this.time = time;
    this.random = random;
    this.server = server;
  }

  get run(): number {
    return this.#run;
  }

  get isAway(): boolean {
    return this.#isAway;
  }

  isBlocked(host: string): boolean {
    return this.#isHanging || this.#cut.has(host);
  }

  isSilent(host: string): boolean {
    return this.#silent.has(host);
  }

  watchDelayMs(host: string): number {
    return this.#watchDelaysMs.get(host) ?? 0;
  }

  latencyMs(): number {
    return this.random.below(4);
  }

  add(connection: Connection): void {
    this.#connections.add(connection);
  }

  remove(connection: Connection): void {
    this.#connections.delete(connection);
  }

  /** @param whileAway runs after the server has stopped, before it starts */
  restart(whileAway = () => {}): void {
    const wasAway = this.#isAway;
    this.setAway(true);
    whileAway();
    if (!wasAway) this.setAway(false);
  }

  setAway(isAway: boolean): void {
    if (isAway === this.#isAway) return;
    this.#isAway = isAway;
    if (isAway) {
      this.#run += 1;
      this.server.stop();
      for (const connection of this.#connections) connection.onServerGone();
    } else this.server.start();
  }

  hang(isHanging: boolean): void {
    this.#isHanging = isHanging;
    this.#update();
  }

  partition(host: string, isCut: boolean): void {
    if (isCut) this.#cut.add(host);
    else this.#cut.delete(host);
    this.#update();
  }

  /** The processes of this host stop, as of a virtual machine that is suspended. */
  pause(host: string): void {
    if (!this.#paused.has(host)) this.#paused.set(host, []);
  }

  resume(host: string): void {
    const due = this.#paused.get(host) ?? [];
    this.#paused.delete(host);
    for (const act of due) act();
  }

  isPaused(host: string): boolean {
    return this.#paused.has(host);
  }

  /** What code on this host does, at once or when its processes run again. */
  whenRunning(host: string, act: () => void): void {
    const due = this.#paused.get(host);
    if (due === undefined) act();
    else due.push(act);
  }

  delayWatch(host: string, ms: number): void {
    this.#watchDelaysMs.set(host, ms);
  }

  silenceWatch(host: string, isSilent: boolean): void {
    if (isSilent) this.#silent.add(host);
    else this.#silent.delete(host);
    this.#update();
  }

  setLeader(hasLeader: boolean): void {
    this.server.setLeader(hasLeader);
    if (!hasLeader) for (const connection of this.#connections) connection.onNoLeader();
  }

  breakWatches(): void {
    for (const connection of this.#connections) connection.onStreamsBroken();
  }

  #update(): void {
    for (const connection of this.#connections) connection.onReachabilityChange();
  }
}
