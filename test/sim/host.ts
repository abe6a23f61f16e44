/** A host of the simulated cluster. Kernel, disks and packet filter outlive its daemons; a reboot empties the kernel. */
import { ROUTE_PROTOCOL } from "../../src/kernel/state.ts";
import type { LeaseStore } from "../../src/lease/store.ts";
import {
  type Ipv4,
  type Ipv4Prefix,
  parseIpv4,
  parseIpv4Prefix,
  tryParsePrefix,
} from "../../src/net/index.ts";
import type { Random } from "../../src/runtime/random.ts";
import { FakeKernel } from "../support/fake-kernel.ts";
import { FakeUdpSessions } from "../support/fake-udp-sessions.ts";
import { MemoryDisk } from "../support/memory-disk.ts";
import { MemoryFiles } from "../support/memory-files.ts";
import { seededRandom } from "../support/seeded-random.ts";
import { NodeClock, type SimulatedTime } from "../support/simulated-time.ts";
import { RUN_DIRECTORY, SimulatedDaemon, SUBNET_FILE } from "./daemon.ts";
import { SimulatedFirewall } from "./firewall.ts";
import { HostLog } from "./host-log.ts";
import { Life } from "./life.ts";
import { LifeClock } from "./life-clock.ts";
import { LifeFiles } from "./life-files.ts";
import { LifeKernel } from "./life-kernel.ts";
import type { Replacements } from "./replacements.ts";
import type { StoreHost } from "./store.ts";

export const UNDERLAY = "eth0";
const UNDERLAY_LENGTH = 24;
const ROUTER = parseIpv4("192.0.2.254");
const BRIDGE = "cni0";
/** As systemd's RestartSec in the shipped unit. */
const RESTART_MS = 2000;

export interface HostOptions {
  readonly name: string;
  readonly ip: Ipv4;
  /** rp_filter of the underlay is 1. */
  readonly checksReversePath: boolean;
  readonly flags: readonly string[];
  openStore(host: StoreHost): Promise<LeaseStore>;
}

/** The end of a daemon that nobody asked for. */
export interface UnexpectedEnd {
  readonly host: string;
  readonly error: unknown;
}

export class SimulatedHost {
  readonly name: string;
  readonly clock: NodeClock;
  readonly disk: MemoryDisk;
  readonly firewall: SimulatedFirewall;
  readonly log: HostLog;
  readonly checksReversePath: boolean;
  kernel: FakeKernel;
  sessions: FakeUdpSessions;
  ip: Ipv4;
  /** False while its cable is cut. */
  isConnected = true;
  isPoweredOn = true;
  daemon: SimulatedDaemon | null = null;
  /** Subnet of the pods that run here; null before the first one. */
  podSubnet: Ipv4Prefix | null = null;
  /** How late the kernel's notifications are. */
  eventDelayMs = 0;
  /** Grows with each change of what packets depend on. */
  version = 0;
  /** Grows with each change of where the host is reached. */
  places = 0;
  onDirty: () => void = () => {};
  onUnexpectedEnd: (end: UnexpectedEnd) => void = () => {};
  readonly #time: SimulatedTime;
  readonly #random: Random;
  readonly #options: HostOptions;
  readonly #replacements: Replacements;
  #lifeKernel: LifeKernel | null = null;
  #clockOfLife: LifeClock | null = null;
  #boots = 0;
  #runs = 0;

  constructor(options: HostOptions, time: SimulatedTime, random: Random, replacements: Replacements = {}) {
    this.#replacements = replacements;
    this.name = options.name;
    this.ip = options.ip;
    this.checksReversePath = options.checksReversePath;
    this.#options = options;
    this.#time = time;
    this.#random = random;
    this.clock = new NodeClock(time);
    this.disk = new MemoryDisk(
      () => this.clock.wallMs(),
      () => this.clock.nowMs(),
    );
    this.firewall = new SimulatedFirewall(time);
    this.firewall.onWritten = () => this.onChange();
    this.log = new HostLog(() => time.nowMs);
    this.kernel = this.#bootKernel();
    this.sessions = this.#newSessions();
    this.#boot();
  }

  /** To be called after something that packets depend on has changed. */
  onChange(): void {
    this.version += 1;
    this.onDirty();
  }

  get isRunning(): boolean {
    return this.daemon !== null && !this.daemon.life.isOver;
  }

  get isReady(): boolean {
    return this.isRunning && this.daemon?.life.isPaused === false && this.daemon.readiness.isReady();
  }

  /** Timers of the daemon. */
  get sleepers(): number {
    return this.#clockOfLife?.sleepers ?? 0;
  }

  start(): void {
    if (this.isRunning || !this.isPoweredOn) return;
    const life = new Life();
    const clock = new LifeClock(this.clock, this.#time, life);
    const kernel = new LifeKernel(this.kernel, life, this.#time);
    kernel.delayMs = this.eventDelayMs;
    this.#lifeKernel = kernel;
    this.#clockOfLife = clock;
    this.#runs += 1;
    life.onEnd(() => this.#processEnded(kernel));
    const daemon = new SimulatedDaemon({
      ...{ name: this.name, ip: this.ip, life, clock },
      kernel: this.#replacements.kernel?.(kernel, this.name) ?? kernel,
      random: seededRandom(this.#random.below(2 ** 32)),
      files: new LifeFiles(new MemoryFiles(this.disk), life),
      log: this.log,
      sessions: this.sessions,
      flags: this.#options.flags,
      onReadiness: () => this.onChange(),
      readSysctl: (path) => this.#readSysctl(path),
      openStore: (host) => this.#options.openStore(host),
      openFirewall: (life) => {
        const firewall = this.firewall.open(life);
        return this.#replacements.firewall?.(firewall) ?? firewall;
      },
    });
    this.daemon = daemon;
    void daemon.ended.then((error) => {
      if (life.isOver) return;
      life.end();
      if (error !== null) this.onUnexpectedEnd({ host: this.name, error });
    });
  }

  /** As by SIGKILL. */
  kill(): void {
    this.daemon?.life.end();
  }

  /** Starts it again once it has ended, as systemd does. */
  startSoon(afterMs = RESTART_MS): void {
    this.#time.wakeAt(this.#time.nowMs + afterMs, () => this.start());
  }

  setEventDelay(ms: number): void {
    this.eventDelayMs = ms;
    if (this.#lifeKernel !== null) this.#lifeKernel.delayMs = ms;
  }

  /** The power fails, or it is shut down. */
  powerOff(): void {
    this.places += 1;
    this.kill();
    this.isPoweredOn = false;
    this.podSubnet = null;
    this.onChange();
  }

  /** @param keepsRunDirectory false as with /run in memory */
  powerOn(keepsRunDirectory: boolean): void {
    if (this.isPoweredOn) return;
    this.places += 1;
    const { isReadOnly, freeBytes } = this.disk;
    // What the kernel itself provides below /proc and /sys needs no disk.
    Object.assign(this.disk, { isReadOnly: false, freeBytes: Number.POSITIVE_INFINITY });
    this.disk.failPower(this.#random);
    if (!keepsRunDirectory) {
      for (const name of this.disk.namesIn(RUN_DIRECTORY))
        this.disk.change([[`${RUN_DIRECTORY}/${name}`, null]], "unlink");
    }
    this.isPoweredOn = true;
    this.kernel = this.#bootKernel();
    this.sessions = this.#newSessions();
    this.firewall.filter = null;
    this.#boot();
    Object.assign(this.disk, { isReadOnly, freeBytes });
    this.onChange();
  }

  /** The host gets another address, as from DHCP. */
  changeAddress(ip: Ipv4): void {
    this.places += 1;
    if (ip === this.ip) return;
    const { kernel } = this;
    const former = { iface: UNDERLAY, ip: this.ip, length: UNDERLAY_LENGTH };
    this.ip = ip;
    // In this order, as an address of the same prefix would go with the one before it.
    kernel.execute({ op: "delete-address", address: former });
    kernel.execute({ op: "add-address", address: { ...former, ip } });
    this.#putDefaultRoute();
    this.onChange();
  }

  /** The interface goes down, and its IPv4 routes with it. */
  setLink(isUp: boolean): void {
    this.places += 1;
    this.kernel.execute({ op: "set-link", name: UNDERLAY, up: isUp });
    // As the host's network manager does it.
    if (isUp) this.#putDefaultRoute();
    this.onChange();
  }

  setCable(isConnected: boolean): void {
    this.places += 1;
    this.isConnected = isConnected;
    this.kernel.alterLink(UNDERLAY, (link) => ({ ...link, hasCarrier: isConnected }));
    this.onChange();
  }

  #processEnded(kernel: LifeKernel): void {
    this.sessions.closeAll();
    const { kernel: host } = this;
    // After the last operations of the process have taken effect.
    queueMicrotask(() => {
      for (const name of kernel.tuns) {
        if (host.links.get(name)?.kind === "tun") host.execute({ op: "delete-link", name });
      }
      this.#replacements.onDaemonEnd?.(host);
      this.onChange();
    });
    this.onChange();
  }

  #bootKernel(): FakeKernel {
    const kernel = new FakeKernel();
    kernel.addDevice("lo");
    kernel.alterLink("lo", (link) => ({ ...link, isLoopback: true, mac: null, mtuBytes: 65_536 }));
    kernel.addDevice(UNDERLAY);
    kernel.addDevice("eth1");
    kernel.alterLink(UNDERLAY, (link) => ({ ...link, hasCarrier: this.isConnected }));
    kernel.execute({
      op: "add-address",
      address: { iface: UNDERLAY, ip: this.ip, length: UNDERLAY_LENGTH },
    });
    const apply = kernel.apply.bind(kernel);
    kernel.apply = (operations) => {
      if (operations.length > 0) this.onChange();
      return apply(operations);
    };
    return kernel;
  }

  #newSessions(): FakeUdpSessions {
    const sessions = new FakeUdpSessions(this.kernel, this.clock);
    sessions.onChange = () => this.onChange();
    return sessions;
  }

  #putDefaultRoute(): void {
    const dst = parseIpv4Prefix("0.0.0.0/0");
    const fields = { iface: UNDERLAY, onlink: false, protocol: ROUTE_PROTOCOL.boot, mtuBytes: null };
    this.kernel.putObservedRoute({ dst, via: ROUTER, ...fields, metric: 0, source: null });
  }

  #boot(): void {
    this.#putDefaultRoute();
    this.#boots += 1;
    const files = new MemoryFiles(this.disk);
    const put = (path: string, text: string, kind?: "link") => {
      if (files.text(path) !== null) this.disk.change([[path, null]], "unlink");
      files.put(path, text, kind);
    };
    put("/etc/machine-id", `${hexOf(this.name)}\n`);
    put("/sys/class/dmi/id/product_uuid", `${hexOf(`product ${this.name}`)}\n`);
    put("/proc/sys/kernel/random/boot_id", `${hexOf(`boot ${this.#boots} ${this.name}`)}\n`);
    put("/proc/sys/kernel/hostname", `${this.name}\n`);
    put("/proc/self/ns/net", "net:[4026531840]", "link");
    if (files.text(RUN_DIRECTORY) === null) put(`${RUN_DIRECTORY}/.boot`, "");
    this.disk.watch(RUN_DIRECTORY, {
      onChange: (name) => {
        if (`${RUN_DIRECTORY}/${name}` === SUBNET_FILE) this.#startPods();
      },
      onError: () => {},
    });
    this.#startPods();
  }

  /** The bridge plugin gives each new pod an address of subnet.env. */
  #startPods(): void {
    if (!this.isPoweredOn) return;
    const text = new MemoryFiles(this.disk).text(SUBNET_FILE);
    const gateway = /^FLANNEL_SUBNET=(\S+)$/m.exec(text ?? "")?.[1];
    const subnet = gateway === undefined ? null : tryParsePrefix(gateway.replace(/\.\d+\//, ".0/"));
    if (gateway === undefined || subnet === null || subnet === this.podSubnet) return;
    const { kernel, podSubnet: former } = this;
    this.podSubnet = subnet as Ipv4Prefix;
    // The pods of the former subnet are deleted, and the bridge with the last of them.
    if (former !== null) kernel.execute({ op: "delete-link", name: BRIDGE });
    if (!kernel.links.has(BRIDGE)) kernel.addDevice(BRIDGE, { kind: "bridge" });
    const ip = parseIpv4(gateway.replace(/\/.*/, ""));
    kernel.execute({ op: "add-address", address: { iface: BRIDGE, ip, length: 24 } });
    this.onChange();
  }

  #readSysctl(path: string): string | null {
    if (path === "net/ipv4/conf/all/rp_filter") return "0";
    if (path === `net/ipv4/conf/${UNDERLAY}/rp_filter`) return this.checksReversePath ? "1" : "0";
    if (path.endsWith("ip_forward") || path.endsWith("/forwarding")) return "1";
    return this.kernel.sysctls.get(path) ?? null;
  }
}

/** 32 hexadecimal digits that derive from the text. */
function hexOf(text: string): string {
  let seed = 0x811c9dc5;
  for (const byte of Buffer.from(text)) seed = Math.imul(seed ^ byte, 0x01000193);
  return Buffer.from(seededRandom(seed).bytes(16)).toString("hex");
}
