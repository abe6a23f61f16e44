/** A message about this node for the operator, in stores that can show one. */
export interface Notice {
  /** One word in upper camel case, for programs to match: "NetworkConfigRefused". */
  readonly reason: string;
  /** For display. */
  readonly message: string;
}
