/**
 * The kinds of objects that operations are about. A new kind is a file in this folder and a line in {@link
 * KINDS}.
 */
import type { Operation } from "../operation.ts";
import { addressKind } from "./address.ts";
import { blackholeKind } from "./blackhole.ts";
import { fdbKind } from "./fdb.ts";
import { linkKind } from "./link.ts";
import { neighbourKind } from "./neighbour.ts";
import type { OperationKind } from "./object-kind.ts";
import { routeKind } from "./route.ts";
import { sysctlKind } from "./sysctl.ts";

const KINDS: readonly OperationKind<Operation>[] = [
  linkKind,
  addressKind,
  fdbKind,
  neighbourKind,
  routeKind,
  blackholeKind,
  sysctlKind,
];

const BY_OPERATION = Object.fromEntries(
  KINDS.flatMap((kind) => kind.operations.map((op) => [op, kind])),
) as Readonly<Record<Operation["op"], OperationKind<Operation>>>;

export function kindOf({ op }: Operation): OperationKind<Operation> {
  return BY_OPERATION[op];
}

/** One line of text in iproute2's syntax: "delete route 10.244.2.0/24 via 10.244.2.0 dev flannel.1". */
export function describeOperation(operation: Operation): string {
  return BY_OPERATION[operation.op].describe(operation);
}
