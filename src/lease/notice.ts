/** Something that an operator should know of this node, where a store has a place for it. */
export interface Notice {
  /** One word in upper camel case, for programs to match: "NetworkConfigRefused". */
  readonly reason: string;
  /** For people. */
  readonly message: string;
}
