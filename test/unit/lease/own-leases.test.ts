/** Whose lease it is: by identity, by machine after a reboot, and by address where there is neither. */
import { describe, expect, it } from "vitest";
import { planClaim } from "../../../src/lease/claim-plan.ts";
import type { HostIdentity } from "../../../src/lease/host-identity.ts";
import { NO_DISPUTE } from "../../../src/lease/own-leases.ts";
import type { LeaseRequest } from "../../../src/lease/store.ts";
import type { StoredLease } from "../../../src/lease/stored-lease.ts";
import { systemRandom } from "../../../src/runtime/random.ts";
import { content, hostIdentity, lease, request, subnets, V4 } from "../../support/lease-fixtures.ts";

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
    ["that this node holds under its former address", held, { held: { ...held, identity: self } }, "other"],
  ])("%s", (_what, found, changes, whose) => {
    const { reuse, stale, claim } = plan([found], ask(changes));
    expect(reuse?.key ?? null).toBe(whose === "own" ? KEY : null);
    expect(stale).toEqual([]);
    if (whose === "other") expect(claim).toThrow(expect.objectContaining({ code: "lease-conflict" }));
    if (whose === "none") expect(claim().subnets).not.toEqual(found.subnets);
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
