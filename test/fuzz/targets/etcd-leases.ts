/** Keys and values below `subnets/` in etcd. */
import { readEtcdLease } from "../../../src/lease/etcd/claimant.ts";
import { readEntry, withoutValue } from "../../../src/lease/etcd/entry.ts";
import { LeaseTable } from "../../../src/lease/lease-table.ts";
import { silentLog } from "../../../src/runtime/log.ts";
import { entry, partsOfRecords, readEntries, writeRecords } from "../records.ts";
import { type FuzzTarget, invariant, NEVER } from "../target.ts";
import { checkSnapshot } from "./lease-checks.ts";
import { LEASE_KEYS, LEASE_VALUES, LEASE_WORDS, VXLAN_VALUE } from "./lease-samples.ts";

const PREFIX = "/coreos.com/network/subnets/";
const MAX_ENTRIES = 24;

/** Records of a key and a value. */
export const etcdLeases: FuzzTarget = {
  name: "etcd-leases",
  grammar: "json",
  seeds: [
    ...LEASE_VALUES.map((value) => writeRecords(entry("10.244.7.0-24&fd00:10:244:7::-64", value))),
    ...LEASE_KEYS.map((key) => writeRecords(entry(key, VXLAN_VALUE))),
    writeRecords(...LEASE_VALUES.map((value, index) => entry(`10.244.${20 + index}.0-24`, value))),
  ],
  words: LEASE_WORDS,
  refusals: NEVER,
  parts: (input) => partsOfRecords(input, MAX_ENTRIES),
  run(input) {
    const table = new LeaseTable(silentLog);
    for (const [index, { name, value }] of readEntries(input, MAX_ENTRIES).entries()) {
      const stored = readEntry(
        {
          key: Buffer.concat([Buffer.from(PREFIX), name]),
          value: Buffer.from(value),
          ...{
            create_revision: String(index + 2),
            mod_revision: String(index + 9),
            version: "1",
            lease: "0",
          },
        },
        PREFIX,
      );
      // As a node that looks for a free subnet reads them, which includes the way of the table's followers.
      table.put(stored.key, () => {
        const { modRevision, leaseId, isReservation, ...lease } = readEtcdLease(stored);
        invariant(
          isReservation && leaseId === "0" && modRevision > 0n,
          "a key without a lease is a reservation",
        );
        return lease;
      });
      if (index % 7 === 6) table.put(`large ${stored.key}`, () => readEtcdLease(withoutValue(stored)));
    }
    checkSnapshot(table.snapshot(), "leased");
    return undefined;
  },
};
