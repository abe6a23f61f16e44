/** A host of the simulated cluster. Kernel, disks and packet filter outlive its daemons; a reboot empties the kernel. */
import { ROUTE_PROTOCOL } from "../../src/kernel/state.ts";
import type { LeaseStore } from "../../src/lease/store.ts";
import {
  addressBits,
  containsIp,
  type Family,
  type Ip,
  type Ipv4,
  type Ipv4Prefix,
  type Ipv6,
  type Ipv6Prefix,
  isIpv4,
  type Prefix,
  parseIpv4,
  parseIpv6,
  parsePrefix,
  prefixOf,
  tryParseCidr,
} from "../../src/net/index.ts";
import type { Random } from "../../src/runtime/random.ts";
import { FakeKernel } from "../support/fake-kernel.ts";
import { FakeUdpSessions } from "../support/fake-udp-sessions.ts";
import { MemoryDisk } from "../support/memory-disk.ts";
import { MemoryFiles } from "../support/memory-files.ts";
import { seededRandom } from "../support/seeded-random.ts";
import { NodeClock, type SimulatedTime } from "../support/simulated-time.ts";
import { RUN_DIRECTORY, SimulatedDaemon, SUBNET_FILE } from "./daemon.ts";
import { TLS_TEXTS } from "./etcd/tls-files.ts";
import { SimulatedFirewall } from "./firewall.ts";
import { HostLog } from "./host-log.ts";
import { type HostTraits, putExtraAddresses } from "./host-traits.ts";
import { Life } from "./life.ts";
import { LifeClock } from "./life-clock.ts";
import { LifeFiles } from "./life-files.ts";
import { LifeKernel } from "./life-kernel.ts";
import type { Replacements } from "./replacements.ts";
import type { StoreHost } from "./store.ts";

export const UNDERLAY = "eth0";
const UNDERLAY_LENGTH = { v4: 24, v6: 64 } as const;
const ROUTERS = { v4: parseIpv4("192.0.2.254"), v6: parseIpv6("fd00:192:0:2::fe") } as const;
const DEFAULT_ROUTES = { v4: parsePrefix("0.0.0.0/0"), v6: parsePrefix("::/0") } as const;
const BRIDGE = "cni0";
/** Of a subnet that no node of the cluster gets, from the time before. */
const OLD_GATEWAY = parseIpv4("10.244.251.1");
/** The kubelet's next attempt to start a pod. */
const POD_RETRY_MS = 700;
/** As systemd's RestartSec in the shipped unit. */
const RESTART_MS = 2000;

export interface HostOptions {
  readonly name: string;
  readonly ip: Ipv4;
  /** null for a host without IPv6. */
  readonly ip6: Ipv6 | null;
  /** rp_filter of the underlay is 1. */
  readonly checksReversePath: boolean;
  readonly flags: readonly string[];
  readonly traits: HostTraits;
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
  readonly traits: HostTraits;
  kernel: FakeKernel;
  sessions: FakeUdpSessions;
  ip: Ipv4;
  ip6: Ipv6 | null;
  /** False while its cable is cut. */
  isConnected = true;
  isPoweredOn = true;
  daemon: SimulatedDaemon | null = null;
  /** Subnet of the pods that run here; null before the first one. */
  podSubnet: Ipv4Prefix | null = null;
  podSubnet6: Ipv6Prefix | null = null;
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
    this.ip6 = options.ip6;
    this.checksReversePath = options.checksReversePath;
    this.traits = options.traits;
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
    const files = new MemoryFiles(this.disk);
    for (const [path, text] of Object.entries({ ...TLS_TEXTS, ...this.traits.files })) files.put(path, text);
    this.disk.sync();
    this.#boot();
  }

  /** null where there is no such file. */
  textOf(path: string): string | null {
    return new MemoryFiles(this.disk).text(path);
  }

  /** As another program does it. @returns the former text; null for no file, which stays so */
  replaceFile(path: string, text: string): string | null {
    const former = this.textOf(path);
    if (former === null) return null;
    const inode = this.disk.inode("file", 0o644, Buffer.from(text));
    const { isReadOnly, freeBytes } = this.disk;
    Object.assign(this.disk, { isReadOnly: false, freeBytes: Number.POSITIVE_INFINITY });
    this.disk.change([[path, inode]], "open");
    Object.assign(this.disk, { isReadOnly, freeBytes });
    return former;
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
      ...{ name: this.name, ip: this.ip, ip6: this.ip6, life, clock },
      kernel: this.#replacements.kernel?.(kernel, this.name) ?? kernel,
      random: seededRandom(this.#random.below(2 ** 32)),
      files: new LifeFiles(new MemoryFiles(this.disk), life),
      log: this.log,
      sessions: this.sessions,
      flags: [...this.#options.flags, ...this.traits.flags],
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
    this.podSubnet6 = null;
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
    // Nothing else of such a host tells the next daemon who it is.
    if (!keepsRunDirectory && this.traits.marks !== "container") {
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

  /** The host gets other addresses, as from DHCP. */
  changeAddress(ip: Ipv4, ip6: Ipv6 | null): void {
    this.places += 1;
    const changes = [
      [this.ip, ip],
      [this.ip6, ip6],
    ] as const;
    this.ip = ip;
    this.ip6 = ip6;
    for (const [former, next] of changes) if (former !== next) this.#replaceAddress(former, next);
    this.#putDefaultRoutes();
    this.onChange();
  }

  ipOf(family: Family): Ip | null {
    return family === "v4" ? this.ip : this.ip6;
  }

  podSubnetOf(family: Family): Prefix | null {
    return family === "v4" ? this.podSubnet : this.podSubnet6;
  }

  /** In this order, as an address of the same prefix would go with the one before it. */
  #replaceAddress(former: Ip | null, next: Ip | null): void {
    if (former !== null) this.kernel.execute({ op: "delete-address", address: this.#placeOf(former) });
    if (next !== null) this.kernel.execute({ op: "add-address", address: this.#placeOf(next) });
  }

  #placeOf(ip: Ip) {
    const family = isIpv4(ip) ? "v4" : "v6";
    if (this.traits.isRouted) return { iface: "lo", ip, length: addressBits(family) };
    return { iface: UNDERLAY, ip, length: UNDERLAY_LENGTH[family] };
  }

  /** The interface goes down, and with it its routes and IPv6 addresses. */
  setLink(isUp: boolean): void {
    this.places += 1;
    this.kernel.execute({ op: "set-link", name: UNDERLAY, up: isUp });
    // As the host's network manager does it.
    if (isUp) {
      const has6 = this.kernel.addresses.some(({ ip }) => ip === this.ip6);
      if (this.ip6 !== null && !has6) this.#replaceAddress(null, this.ip6);
      this.#putDefaultRoutes();
    }
    this.onChange();
  }

  setMtu(mtuBytes: number): void {
    this.kernel.alterLink(UNDERLAY, (link) => ({ ...link, mtuBytes }));
    this.onChange();
  }

  setCable(isConnected: boolean): void {
    this.places += 1;
    this.isConnected = isConnected;
    this.kernel.alterLink(UNDERLAY, (link) => ({ ...link, hasCarrier: isConnected }));
    this.onChange();
  }

  /** The operator follows the daemon's advice on an address of no network of the cluster. */
  removeOldGateway(network: Ipv4Prefix): void {
    const old = this.kernel.addresses.find(({ iface, ip }) => iface === BRIDGE && ip === OLD_GATEWAY);
    if (old === undefined || containsIp(network, OLD_GATEWAY)) return;
    this.kernel.execute({ op: "delete-address", address: old });
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
    for (const ip of [this.ip, this.ip6])
      if (ip !== null) kernel.execute({ op: "add-address", address: this.#placeOf(ip) });
    putExtraAddresses(kernel, UNDERLAY, this.traits.extra);
    if (this.traits.hasOldBridge) {
      kernel.addDevice(BRIDGE, { kind: "bridge" });
      // No pod is attached to it.
      kernel.alterLink(BRIDGE, (link) => ({ ...link, hasCarrier: false }));
      kernel.execute({ op: "add-address", address: { iface: BRIDGE, ip: OLD_GATEWAY, length: 24 } });
    }
    kernel.routeTo = async (ip) => this.#routeTo(kernel, ip);
    const apply = kernel.apply.bind(kernel);
    kernel.apply = (operations) => {
      if (operations.length > 0) this.onChange();
      return apply(operations);
    };
    return kernel;
  }

  /** As the kernel answers: by lo to an address of its own, and with the source that it would use. */
  async #routeTo(kernel: FakeKernel, ip: Ip): ReturnType<FakeKernel["routeTo"]> {
    if (kernel.fault !== null) throw kernel.fault;
    if (kernel.addresses.some((address) => address.ip === ip)) return { iface: "lo", via: null, source: ip };
    const route = kernel.bestRoute(ip);
    if (route === null || route.iface === null) return null;
    const { iface, via } = route;
    const usable = kernel.addresses.filter(
      (address) => address.iface === iface && isIpv4(address.ip) === isIpv4(ip),
    );
    // The extra ones have fewer bits in common with a neighbour, are deprecated, or are secondary.
    const own = usable.find((address) => address.ip === this.ip || address.ip === this.ip6) ?? usable[0];
    return { iface, via, source: route.source ?? own?.ip ?? null };
  }

  #newSessions(): FakeUdpSessions {
    const sessions = new FakeUdpSessions(this.kernel, this.clock);
    sessions.onChange = () => this.onChange();
    return sessions;
  }

  #putDefaultRoutes(): void {
    const fields = { iface: UNDERLAY, onlink: false, protocol: ROUTE_PROTOCOL.boot, mtuBytes: null };
    for (const family of this.ip6 === null ? (["v4"] as const) : (["v4", "v6"] as const)) {
      const metric = family === "v4" ? 0 : 1024;
      const route = { dst: DEFAULT_ROUTES[family], via: ROUTERS[family], ...fields, metric, source: null };
      this.kernel.putObservedRoute(route);
    }
  }

  #boot(): void {
    // A crash may tear what an operator or another program wrote last; the operator's files are put there again.
    for (const [path, text] of Object.entries({ ...TLS_TEXTS, ...this.traits.files }))
      if (!path.startsWith(RUN_DIRECTORY)) this.replaceFile(path, text);
    this.#putDefaultRoutes();
    this.#boots += 1;
    const files = new MemoryFiles(this.disk);
    const put = (path: string, text: string, kind?: "link") => {
      if (files.text(path) !== null) this.disk.change([[path, null]], "unlink");
      files.put(path, text, kind);
    };
    const { marks } = this.traits;
    const product = marks === "placeholder" ? "0".repeat(32) : hexOf(`product ${this.name}`);
    if (marks !== "container" && marks !== "no machine-id") put("/etc/machine-id", `${hexOf(this.name)}\n`);
    if (marks !== "container" && marks !== "no product")
      put("/sys/class/dmi/id/product_uuid", `${product}\n`);
    put("/proc/sys/kernel/random/boot_id", `${hexOf(`boot ${this.#boots} ${this.name}`)}\n`);
    put("/proc/sys/kernel/hostname", `${this.name}\n`);
    if (marks !== "container") put("/proc/self/ns/net", "net:[4026531840]", "link");
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
    const gateway = gatewayOf("FLANNEL_SUBNET", text ?? "");
    const gateway6 = gatewayOf("FLANNEL_IPV6_SUBNET", text ?? "");
    if (gateway === null) return;
    const [subnet, subnet6] = [subnetOf(gateway), gateway6 && subnetOf(gateway6)];
    if (subnet === this.podSubnet && subnet6 === this.podSubnet6) return;
    const { kernel, podSubnet: former } = this;
    // The plugin refuses every pod while the bridge has another address; the kubelet tries again.
    const isRefused = (ip: Ip) => isIpv4(ip) && ip !== gateway.ip;
    if (former === null && kernel.addresses.some(({ iface, ip }) => iface === BRIDGE && isRefused(ip))) {
      this.#time.wakeAt(this.#time.nowMs + POD_RETRY_MS, () => this.#startPods());
      return;
    }
    this.podSubnet = subnet as Ipv4Prefix;
    this.podSubnet6 = subnet6 as Ipv6Prefix | null;
    // The pods of the former subnets are deleted, and the bridge with the last of them.
    if (former !== null) kernel.execute({ op: "delete-link", name: BRIDGE });
    if (!kernel.links.has(BRIDGE)) kernel.addDevice(BRIDGE, { kind: "bridge" });
    kernel.alterLink(BRIDGE, (link) => ({ ...link, hasCarrier: true }));
    for (const address of [gateway, gateway6])
      if (address !== null) kernel.execute({ op: "add-address", address: { iface: BRIDGE, ...address } });
    this.onChange();
  }

  #readSysctl(path: string): string | null {
    if (path === "net/ipv4/conf/all/rp_filter") return "0";
    if (path === `net/ipv4/conf/${UNDERLAY}/rp_filter`) return this.checksReversePath ? "1" : "0";
    const own = this.traits.sysctls[path];
    if (own !== undefined) return own;
    if (path.endsWith("ip_forward") || path.endsWith("/forwarding")) return "1";
    return this.kernel.sysctls.get(path) ?? null;
  }
}

type Gateway = NonNullable<ReturnType<typeof tryParseCidr>>;

function gatewayOf(key: string, text: string): Gateway | null {
  return tryParseCidr(new RegExp(`^${key}=(\\S+)$`, "m").exec(text)?.[1] ?? "");
}

function subnetOf({ ip, length }: Gateway): Prefix {
  return prefixOf(ip, length);
}

/** 32 hexadecimal digits that derive from the text. */
function hexOf(text: string): string {
  let seed = 0x811c9dc5;
  for (const byte of Buffer.from(text)) seed = Math.imul(seed ^ byte, 0x01000193);
  return Buffer.from(seededRandom(seed).bytes(16)).toString("hex");
}
