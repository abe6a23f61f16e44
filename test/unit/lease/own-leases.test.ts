/** Whose lease it is: by identity, by machine after a reboot, and by address where there is neither. */
import { describe, expect, it } from "vitest";
import { planClaim } from "../../../src/lease/claim-plan.ts";
import type { HostIdentity } from "../../../src/lease/host-identity.ts";
import { NO_DISPUTE, withoutFormerLeases } from "../../../src/lease/own-leases.ts";
import type { LeaseRequest } from "../../../src/lease/store.ts";
import type { StoredLease } from "../../../src/lease/stored-lease.ts";
import { systemRandom } from "../../../src/runtime/random.ts";
import {
  content,
  hostIdentity,
  lease,
  request,
  subnets,
  TWENTY_DUAL,
  V4,
} from "../../support/lease-fixtures.ts";

const US = "192.0.2.1";
const KEY = "10.5.7.0-24";
/** Of each lease as it is in the store. */
const VERSION = 7n;
const self = hostIdentity({ hostName: "us" });
const stranger = hostIdentity({ hostName: "them" });
const rebooted = { ...self, id: hostIdentity().id, boot: hostIdentity().boot, netns: hostIdentity().netns };
const ignorant = { machineId: null, product: null } as const;

function stored(
  key: string,
  ip: string,
  identity: HostIdentity | null,
  changes: Partial<StoredLease> = {},
): StoredLease {
  const known = identity === null ? {} : { identity };
  return { ...lease(key, 5, content(ip)), isReservation: false, ...known, ...changes };
}
const ask = (changes: Partial<LeaseRequest> = {}): LeaseRequest => ({
  ...request(V4, content(US)),
  identity: self,
  ...changes,
});
const plan = (leases: readonly StoredLease[], asked = ask()) =>
  planClaim(asked, { leases, unreadable: [], versionOf: () => VERSION }, 0, systemRandom);

it("after a reboot this machine's lease goes before an older one at the same address that names no machine", () => {
  const nameless = stored("10.5.3.0-24", US, null, { claimedAt: 1n });
  const ours = stored(KEY, US, rebooted);
  expect(plan([nameless, ours]).reuse?.key).toBe(KEY);
});

describe("a lease with a subnet that an older one has under another key, so that peers refuse it", () => {
  const DUAL_KEY = "10.5.7.0-24&fc00:0:0:7::-64";
  const dual = (key: string, ip: string, identity: HostIdentity | null, claimedAt: bigint) =>
    stored(key, ip, identity, { claimedAt });
  const older = dual(KEY, "192.0.2.66", null, 1n);
  const asked = ask({ config: TWENTY_DUAL });

  it.each<[string, HostIdentity | null, readonly string[]]>([
    ["named by this node's address alone", null, []],
    ["of this node", self, [DUAL_KEY]],
  ])("is not used, %s", (_whose, identity, stale) => {
    const planned = plan([dual(DUAL_KEY, US, identity, 5n), older], asked);
    expect([planned.reuse, planned.stale.map(({ key }) => key)]).toEqual([null, stale]);
    expect(planned.claim().subnets.v4).not.toBe("10.5.7.0/24");
  });

  it.each<[string, StoredLease]>([
    ["the other is younger", dual(KEY, "192.0.2.66", null, 9n)],
    ["the other is this node's own of another network", dual(KEY, US, self, 1n)],
  ])("is used where %s", (_what, other) => {
    expect(plan([dual(DUAL_KEY, US, self, 5n), other], asked).reuse?.key).toBe(DUAL_KEY);
  });
});

describe("a live lease", () => {
  const held = stored(KEY, US, stranger);
  it.each<[string, StoredLease, Partial<LeaseRequest>, "own" | "other" | "none"]>([
    ["of this identity at this address", stored(KEY, US, self), {}, "own"],
    ["of this identity at an address from before", stored(KEY, "192.0.2.9", self), {}, "own"],
    ["of another identity at this address", stored(KEY, US, stranger), {}, "other"],
    ["of another identity with the subnet of before", held, { previousSubnets: subnets(KEY) }, "other"],
    ["of another identity at another address", stored(KEY, "192.0.2.9", stranger), {}, "none"],
    ["of this machine before a reboot", stored(KEY, US, rebooted), {}, "own"],
    ["of this machine before a reboot, elsewhere", stored(KEY, "192.0.2.9", rebooted), {}, "none"],
    [
      "of a clone with the same machine id",
      stored(KEY, US, { ...stranger, machineId: self.machineId }),
      {},
      "other",
    ],
    ["of a host that tells nothing of its machine", stored(KEY, US, { ...stranger, ...ignorant }), {}, "own"],
    [
      "of another namespace of this machine",
      stored(KEY, US, { ...rebooted, boot: self.boot, netns: stranger.netns }),
      {},
      "other",
    ],
    [
      "of this namespace, whose run directory was lost",
      stored(KEY, US, { ...stranger, boot: self.boot, netns: self.netns }),
      {},
      "own",
    ],
    ["of flannel at this address", stored(KEY, US, null), {}, "own"],
    ["of flannel at another address", stored(KEY, "192.0.2.9", null), {}, "none"],
    ["that an operator reserved for this address", { ...held, isReservation: true }, {}, "own"],
    ["that was lost to another", held, { dispute: { ...NO_DISPUTE, lost: held } }, "own"],
    [
      "that was claimed anew after it was lost",
      held,
      { dispute: { ...NO_DISPUTE, lost: { ...held, claimedAt: 4n } } },
      "other",
    ],
    [
      "that its owner has taken back",
      stored(KEY, US, rebooted),
      { dispute: { ...NO_DISPUTE, takenFrom: new Map([[rebooted.id, VERSION - 1n]]) } },
      "other",
    ],
    [
      "that a restored store has again as it was taken",
      stored(KEY, US, rebooted),
      { dispute: { ...NO_DISPUTE, takenFrom: new Map([[rebooted.id, VERSION]]) } },
      "own",
    ],
    // The simulator found a node without a lease, seed 7, history 32.
    [
      "that a restored store has as it was before it was taken",
      stored(KEY, US, rebooted),
      { dispute: { ...NO_DISPUTE, takenFrom: new Map([[rebooted.id, VERSION + 1n]]) } },
      "own",
    ],
    [
      "that was claimed when another one was lost",
      held,
      { dispute: { ...NO_DISPUTE, lost: { ...held, key: "10.5.8.0-24" } } },
      "other",
    ],
    ["that this node holds under its former address", held, { held: { ...held, identity: self } }, "other"],
  ])("%s", (_what, found, changes, whose) => {
    const { reuse, stale, claim } = plan([found], ask(changes));
    expect(reuse?.key ?? null).toBe(whose === "own" ? KEY : null);
    expect(stale).toEqual([]);
    if (whose === "other") expect(claim).toThrow(expect.objectContaining({ code: "lease-conflict" }));
    if (whose === "none") expect(claim().subnets).not.toEqual(found.subnets);
  });
});

describe("a node that only its address identifies", () => {
  const { identity: _, ...nameless } = ask();
  const former = "192.0.2.9";

  it("owns what has its address, whoever wrote it, and says whose it was", () => {
    const { reuse, takenFrom } = plan([stored(KEY, US, stranger)], nameless);
    expect([reuse?.key, takenFrom?.id]).toEqual([KEY, stranger.id]);
    expect(plan([stored(KEY, former, stranger)], nameless).reuse).toBeNull();
  });

  it.each([
    ["of flannel", stored(KEY, former, null), KEY],
    ["of a node with an identity", stored(KEY, former, stranger), KEY],
    ["with another address than it published", stored(KEY, "192.0.2.8", null), undefined],
    ["with another key", stored("10.5.8.0-24", former, null), undefined],
  ])("owns what it holds under its former address: a lease %s", (_what, found, key) => {
    const held = stored(KEY, former, null);
    expect(plan([found], { ...nameless, held }).reuse?.key).toBe(key);
  });
});

describe("of several leases", () => {
  const ours = stored("10.5.3.0-24", US, self, { claimedAt: 1n });

  it("the held one goes before one of its identity", () => {
    const held = stored(KEY, "192.0.2.9", null);
    expect(plan([ours, held], ask({ held })).reuse?.key).toBe(KEY);
    expect(plan([held, ours], ask({ held })).reuse?.key).toBe(KEY);
  });

  it("the held one goes before the previous one", () => {
    const held = stored(KEY, US, self);
    expect(plan([ours, held], ask({ held, previousSubnets: ours.subnets })).reuse?.key).toBe(KEY);
    expect(plan([ours, held], ask({ previousSubnets: ours.subnets })).reuse?.key).toBe(ours.key);
  });

  it("one of this machine goes before an older one that tells nothing of its machine", () => {
    const unknown = stored("10.5.3.0-24", US, { ...stranger, ...ignorant }, { claimedAt: 1n });
    expect(plan([unknown, stored(KEY, US, rebooted)]).reuse?.key).toBe(KEY);
  });

  it("the oldest of other nodes is named", () => {
    const rivals = [stored(KEY, US, stranger), stored("10.5.3.0-24", US, stranger, { claimedAt: 1n })];
    for (const list of [rivals, rivals.toReversed()])
      expect(plan(list).claim).toThrow(
        expect.objectContaining({
          operation: "acquire lease",
          retryable: true,
          message: expect.stringContaining("holds lease 10.5.3.0-24"),
        }),
      );
  });
});

describe("a snapshot without this node's former leases", () => {
  const own = lease(KEY, 5, content(US));
  const former = stored("10.5.8.0-24", US, self);
  const others = [stored("10.5.9.0-24", "192.0.2.9", stranger), stored("10.5.10.0-24", US, null)];

  it("has all others, and its own", () => {
    const snapshot = { leases: [{ ...own, identity: self }, former, ...others], junk: [] };
    const { leases } = withoutFormerLeases(snapshot, KEY, self);
    expect(leases.map(({ key }) => key)).toEqual([KEY, "10.5.9.0-24", "10.5.10.0-24"]);
  });

  it("is the same where there are none, and where the node has no identity", () => {
    const snapshot = { leases: [{ ...own, identity: self }, ...others], junk: [] };
    expect(withoutFormerLeases(snapshot, KEY, self)).toBe(snapshot);
    const with_ = { leases: [own, former], junk: [] };
    expect(withoutFormerLeases(with_, KEY, null)).toBe(with_);
  });
});

it("names the other node, its lease and what to do", () => {
  expect(plan([stored(KEY, US, stranger)]).claim).toThrow(
    `them (node ${stranger.id}) holds lease ${KEY} and publishes this node's address ${US}; ` +
      "give each node an address of its own with --iface or --public-ip, " +
      `or, if that node is gone for good, delete its lease with: tweed store release ${KEY}`,
  );
});

it("keeps the lease of its identity though another node has its address", () => {
  const own = stored("10.5.8.0-24", "192.0.2.9", self);
  expect(plan([stored(KEY, US, stranger), own]).reuse).toBe(own);
});

it("deletes what it has beside the lease that it keeps, and nothing that only has its address", () => {
  const [one, two] = [stored("10.5.8.0-24", "192.0.2.8", self), stored("10.5.9.0-24", US, self)];
  const flannels = stored(KEY, US, null);
  const { reuse, stale } = plan([flannels, one, two], ask({ previousSubnets: subnets("10.5.9.0-24") }));
  expect(reuse).toBe(two);
  expect(stale).toEqual([one]);
});

it("says whose lease it was that it takes", () => {
  expect(plan([stored(KEY, US, rebooted)]).takenFrom).toEqual({ id: rebooted.id, version: VERSION });
  for (const identity of [self, null]) expect(plan([stored(KEY, US, identity)]).takenFrom).toBeNull();
});
