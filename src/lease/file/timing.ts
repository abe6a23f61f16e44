/** How long things last; the defaults are for production, a test passes shorter ones. */
export interface FileStoreTiming {
  readonly leaseTtlMs: number;
  /** How long before its expiry a lease is renewed. */
  readonly renewMarginMs: number;
  /** How often everything is looked at, whatever the kernel reported. */
  readonly pollMs: number;
}

/** As flannel's leases in etcd. */
export const FILE_STORE_TIMING: FileStoreTiming = {
  leaseTtlMs: 86_400_000,
  renewMarginMs: 3_600_000,
  pollMs: 5_000,
};
