/** Something in what a node published that no other node may have. Its backend names it, the lease layer judges. */
export interface ConflictKey {
  /** Why a lease is refused whose value another one holds. */
  readonly code: "duplicate-mac";
  /** Equal for equal things, whatever way they were written. */
  readonly value: string;
}
