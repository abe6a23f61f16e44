/** Names and texts of files in the directory of the file store. */
import { isExpired, keyOfFile, parseLeaseFile } from "../../../src/lease/file/lease-file.ts";
import { LeaseTable } from "../../../src/lease/lease-table.ts";
import { silentLog } from "../../../src/runtime/log.ts";
import { entry, partsOfRecords, readEntries, writeRecords } from "../records.ts";
import { type FuzzTarget, invariant, NEVER, textOf } from "../target.ts";
import { checkSnapshot } from "./lease-checks.ts";
import { LEASE_KEYS, LEASE_VALUES, LEASE_WORDS } from "./lease-samples.ts";

const MAX_FILES = 24;
const NOW_MS = 1_790_000_000_000;
const OURS = '"Owner":"00112233","ClaimedAt":"1789999999999","ExpiresAt":"2026-09-21T19:06:40.000Z"}';

const values = LEASE_VALUES.flatMap((value) => [value, value.replace(/\}$/, `,${OURS}`)]);

/** Records of a name and a text. */
export const fileLeases: FuzzTarget = {
  name: "file-leases",
  grammar: "json",
  seeds: [
    ...values.map((value) => writeRecords(entry("10.244.7.0-24&fd00:10:244:7::-64.json", value))),
    writeRecords(...LEASE_KEYS.map((key, index) => entry(`${key}.json`, values[index] ?? ""))),
  ],
  words: [
    ...LEASE_WORDS,
    ".json",
    ".tweed-lock",
    "Owner",
    "ClaimedAt",
    "ExpiresAt",
    "1789999999999",
    "1e20",
    "0",
  ],
  refusals: NEVER,
  parts: (input) => partsOfRecords(input, MAX_FILES),
  run(input) {
    const table = new LeaseTable(silentLog);
    for (const { name, value } of readEntries(input, MAX_FILES)) {
      const key = keyOfFile(textOf(name));
      if (key === null) continue;
      table.put(key, () => {
        const { owner, expiresAtWallMs, isReservation, ...lease } = parseLeaseFile(key, value, NOW_MS + 0.5);
        invariant(lease.claimedAt >= BigInt(NOW_MS), "a claim is no older than its file");
        invariant(isReservation === (expiresAtWallMs === null), "a reservation does not expire");
        invariant(typeof owner === "string", "an owner is text");
        isExpired({ ...lease, owner, expiresAtWallMs, isReservation }, NOW_MS);
        return lease;
      });
    }
    checkSnapshot(table.snapshot(), "leased");
    return undefined;
  },
};
