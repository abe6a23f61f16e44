/**
 * The forwarding table. There are two in shared memory; one is in force, the builder fills the other and puts it in
 * force with one store. A lane pins the table that it reads, and the builder does not write a pinned table, so no
 * lookup takes a lock or sees half an update.
 *
 * **Remote**: a peer's socket address, and its second source address if it has one. **Route**: a prefix of inner
 * addresses and the remote behind which it is. Both are in hash tables with open addressing. A route lookup probes once
 * for each prefix length in use, the longest first; nearly always there is only one. So the cost does not depend on the
 * number of peers, and PROBES_MAX bounds it whatever addresses peers choose.
 */
import { same } from "./address";
import { IPV4, IPV6 } from "./headers";
import { table } from "./lane";
import {
  ACTIVE_TABLE_AT,
  ADDRESS_ARGUMENT_AT,
  HOSTS_MAX,
  LANES_MAX,
  PINS_AT,
  PIN_BYTES,
  PROBES_MAX,
  REMOTE_BYTES,
  SLOT_BYTES,
  TABLES_AT,
  TABLE_HEADER_BYTES,
  TABLE_HOSTS_AT,
  TABLE_LENGTHS_AT,
  TABLE_LENGTH_BYTES,
} from "./layout";

@unmanaged class Table {
  seed: u64;
  routes: usize;
  routeSlots: u32;
  senders: usize;
  senderSlots: u32;
  records: usize;
  recordCount: u32;
  /** Number of prefix lengths in use for IPv4; those of IPv6 follow them. */
  lengths4: u32;
  lengths6: u32;
  hosts: u32;
}
// Addresses of the node, in a table's header behind its numbers. A mask of zero: the family is off.
const NETWORK4_AT: usize = 64;
const MASK4_AT: usize = 80;
const NETWORK6_AT: usize = 96;
const MASK6_AT: usize = 112;
const TUN4_AT: usize = 128;
const TUN6_AT: usize = 144;

/** A hash slot: 16 bytes of address, a tag that must match too (a prefix length or a port), and the remote's record. */
@unmanaged class Slot {
  low: u64;
  high: u64;
  tag: u32;
  /** Address of the Remote; 0 in an empty slot. */
  remote: usize;
}

@unmanaged export class Remote {
  /** struct sockaddr_in or sockaddr_in6, 28 bytes. */
  name0: u64;
  name1: u64;
  name2: u64;
  name3: u32;
  nameLength: u32;
  /** Largest inner packet that fits the path to it. */
  mtu: u32;
  /** Family of the outer address: 4 or 6. */
  family: u32;
  /** Second source address, with the same port; zero without one. */
  source0: u64;
  source1: u64;
}
// Offsets in a Remote: of its port, and of `source0`.
const PORT_AT: usize = 2;
const SOURCE_AT: usize = 40;

// Lookups, by lanes.

/** The remote behind which `address` lies, or null. */
export function routeTo(address: v128, family: u32): Remote | null {
  const t = changetype<Table>(table);
  let length = table + TABLE_LENGTHS_AT;
  let left = t.lengths4;
  if (family == IPV6) {
    length += left * TABLE_LENGTH_BYTES;
    left = t.lengths6;
  }
  for (; left != 0; left--, length += TABLE_LENGTH_BYTES) {
    const found = find(
      t.routes,
      t.routeSlots,
      t.seed,
      v128.and(address, v128.load(length)),
      load<u32>(length, 16),
    );
    if (found != null) return found;
  }
  return null;
}

/**
 * The remote that sends from this address and port (network order), or null; of several the first whose socket address
 * it is.
 */
export function remoteAt(address: v128, port: u16): Remote | null {
  const t = changetype<Table>(table);
  return find(t.senders, t.senderSlots, t.seed, address, port);
}

/** Whether this is the remote's second source address, which another remote may have too. */
export function hasSource(remote: Remote, address: v128, port: u16): bool {
  const at = changetype<usize>(remote);
  return same(v128.load(at, SOURCE_AT), address) && load<u16>(at, PORT_AT) == port;
}

export function isInOwnSubnet(address: v128, family: u32): bool {
  const network = table + (family == IPV4 ? NETWORK4_AT : NETWORK6_AT);
  const mask = v128.load(network, 16);
  return v128.any_true(mask) && same(v128.and(address, mask), v128.load(network));
}

/** In our subnet, or another address of this host. */
export function isOurs(address: v128, family: u32): bool {
  if (isInOwnSubnet(address, family)) return true;
  let host = table + TABLE_HOSTS_AT;
  for (let left = changetype<Table>(table).hosts; left != 0; left--, host += 16) {
    if (same(address, v128.load(host))) return true;
  }
  return false;
}

/** The TUN's address, from which ICMP errors come; all zero if it has none of this family. */
export function tunAddress(family: u32): v128 {
  return v128.load(table + (family == IPV4 ? TUN4_AT : TUN6_AT));
}

function find(slots: usize, count: u32, seed: u64, key: v128, tag: u32): Remote | null {
  if (count == 0) return null;
  const low = u64(i64x2.extract_lane(key, 0));
  const high = u64(i64x2.extract_lane(key, 1));
  let index = hash(low, high, tag, seed, count);
  for (let probe: u32 = 0; probe < <u32>PROBES_MAX; probe++, index++) {
    const slot = changetype<Slot>(slots + (index & (count - 1)) * SLOT_BYTES);
    if (slot.remote == 0) return null;
    if (slot.low == low && slot.high == high && slot.tag == tag) return changetype<Remote>(slot.remote);
  }
  return null;
}

/**
 * Multiply-shift hashing: the top bits of a product with a random odd number. Peers choose addresses but cannot know
 * the seed. `count` is a power of two.
 */
@inline function hash(low: u64, high: u64, tag: u32, seed: u64, count: u32): u32 {
  const mixed = (low ^ seed) * 0xbf58476d1ce4e5b9;
  const key = mixed ^ (mixed >> 32) ^ high ^ (u64(tag) << 8);
  return u32((key * (seed | 1)) >> (clz<u64>(count) + 1));
}

// Building, by the only thread that publishes.

let draft: usize = 0;
let draftIndex: u32 = 0;

/**
 * Starts an empty table with these numbers of hash slots (powers of two). False while a lane still reads the inactive
 * table: retry soon.
 */
export function beginDraft(tableBytes: usize, seed: u64, routeSlots: u32, senderSlots: u32): bool {
  draftIndex = 1 - atomic.load<u32>(ACTIVE_TABLE_AT);
  for (let lane: u32 = 0; lane < <u32>LANES_MAX; lane++) {
    if (atomic.load<u32>(PINS_AT + lane * PIN_BYTES) == draftIndex + 1) return false;
  }
  draft = <usize>TABLES_AT + usize(draftIndex) * tableBytes;
  memory.fill(draft, 0, TABLE_HEADER_BYTES + (routeSlots + senderSlots) * SLOT_BYTES);
  const t = changetype<Table>(draft);
  t.seed = seed;
  t.routes = draft + TABLE_HEADER_BYTES;
  t.routeSlots = routeSlots;
  t.senders = t.routes + routeSlots * SLOT_BYTES;
  t.senderSlots = senderSlots;
  t.records = t.senders + senderSlots * SLOT_BYTES;
  return true;
}

/**
 * Adds a remote: its address is the argument, its port in network order. Returns its record, or 0 on too many
 * collisions.
 */
export function draftRemote(family: u32, port: u16, mtu: u32): usize {
  const t = changetype<Table>(draft);
  const record = t.records + t.recordCount * REMOTE_BYTES;
  memory.fill(record, 0, REMOTE_BYTES);
  const remote = changetype<Remote>(record);
  remote.mtu = mtu;
  remote.family = family;
  store<u16>(record, port, PORT_AT);
  if (family == IPV4) {
    store<u16>(record, 2); // AF_INET
    store<u32>(record, load<u32>(ADDRESS_ARGUMENT_AT, 12), 4);
    remote.nameLength = 16;
  } else {
    store<u16>(record, 10); // AF_INET6
    v128.store(record, v128.load(ADDRESS_ARGUMENT_AT), 8);
    remote.nameLength = 28;
  }
  if (!insert(t.senders, t.senderSlots, t.seed, port, record)) return 0;
  t.recordCount++;
  return record;
}

/**
 * Adds a second source address, the argument, to the remote of this record. Call after all remotes are added, so that
 * it takes no remote's own socket address. False on too many collisions.
 */
export function draftSource(record: usize): bool {
  const t = changetype<Table>(draft);
  const address = v128.load(ADDRESS_ARGUMENT_AT);
  const port = load<u16>(record, PORT_AT);
  v128.store(record, address, SOURCE_AT);
  if (find(t.senders, t.senderSlots, t.seed, address, port) != null) return true;
  return insert(t.senders, t.senderSlots, t.seed, port, record);
}

/**
 * Adds a route: the prefix's address is the argument; `length` is out of 128 bits, also for IPv4. False on too many
 * collisions.
 */
export function draftRoute(length: u32, record: usize): bool {
  const t = changetype<Table>(draft);
  return insert(t.routes, t.routeSlots, t.seed, length, record);
}

/** Adds a prefix length in use: all of IPv4 first, longest first, then all of IPv6. */
export function draftLength(family: u32, length: u32): void {
  const t = changetype<Table>(draft);
  const at = draft + TABLE_LENGTHS_AT + (t.lengths4 + t.lengths6) * TABLE_LENGTH_BYTES;
  v128.store(at, v128.load(ADDRESS_ARGUMENT_AT));
  store<u32>(at, length, 16);
  if (family == IPV4) t.lengths4++;
  else t.lengths6++;
}

/** Sets the network address of our own subnet; `draftOwnMask` sets its mask. */
export function draftOwnNetwork(family: u32): void {
  v128.store(draft + (family == IPV4 ? NETWORK4_AT : NETWORK6_AT), v128.load(ADDRESS_ARGUMENT_AT));
}

export function draftOwnMask(family: u32): void {
  v128.store(draft + (family == IPV4 ? MASK4_AT : MASK6_AT), v128.load(ADDRESS_ARGUMENT_AT));
}

export function draftTun(family: u32): void {
  v128.store(draft + (family == IPV4 ? TUN4_AT : TUN6_AT), v128.load(ADDRESS_ARGUMENT_AT));
}

/** Adds another address of this host. */
export function draftHost(): void {
  const t = changetype<Table>(draft);
  if (t.hosts == <u32>HOSTS_MAX) return;
  v128.store(draft + TABLE_HOSTS_AT + t.hosts * 16, v128.load(ADDRESS_ARGUMENT_AT));
  t.hosts++;
}

/** Puts the draft in force. */
export function commitDraft(): void {
  atomic.store<u32>(ACTIVE_TABLE_AT, draftIndex);
}

function insert(slots: usize, count: u32, seed: u64, tag: u32, remote: usize): bool {
  const low = load<u64>(ADDRESS_ARGUMENT_AT);
  const high = load<u64>(ADDRESS_ARGUMENT_AT, 8);
  let index = hash(low, high, tag, seed, count);
  for (let probe: u32 = 0; probe < <u32>PROBES_MAX; probe++, index++) {
    const slot = changetype<Slot>(slots + (index & (count - 1)) * SLOT_BYTES);
    if (slot.remote != 0) continue;
    slot.low = low;
    slot.high = high;
    slot.tag = tag;
    slot.remote = remote;
    return true;
  }
  return false;
}
