/** Errors of requests, as gRPC's client words them. */

/** https://grpc.github.io/grpc/core/md_doc_statuscodes.html */
const CODES = {
  CANCELLED: 1,
  UNKNOWN: 2,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  OUT_OF_RANGE: 11,
  UNAVAILABLE: 14,
  UNAUTHENTICATED: 16,
} as const;

export type RpcStatus = keyof typeof CODES;

export class RpcError extends Error {
  readonly code: number;
  readonly details: string;

  constructor(status: RpcStatus, details: string) {
    super(`${CODES[status]} ${status}: ${details}`);
    this.code = CODES[status];
    this.details = details;
  }
}

/** As Go's gRPC prints an error: "rpc error: code = PermissionDenied desc = …". */
export function inGoWords({ code, details }: RpcError): string {
  const status = Object.entries(CODES).find(([, number]) => number === code)?.[0] ?? "UNKNOWN";
  const name = status.toLowerCase().replace(/(?:^|_)([a-z])/g, (_, letter: string) => letter.toUpperCase());
  return `rpc error: code = ${name} desc = ${details}`;
}

const etcd = (status: RpcStatus, text: string) => () => new RpcError(status, `etcdserver: ${text}`);

/** etcd's own, from api/v3rpc/rpctypes/error.go of 3.4. */
export const ETCD_ERRORS = {
  emptyKey: etcd("INVALID_ARGUMENT", "key is not provided"),
  tooManyOperations: etcd("INVALID_ARGUMENT", "too many operations in txn request"),
  duplicateKey: etcd("INVALID_ARGUMENT", "duplicate key given in txn request"),
  requestTooLarge: etcd("INVALID_ARGUMENT", "request is too large"),
  compacted: etcd("OUT_OF_RANGE", "mvcc: required revision has been compacted"),
  futureRevision: etcd("OUT_OF_RANGE", "mvcc: required revision is a future revision"),
  leaseNotFound: etcd("NOT_FOUND", "requested lease not found"),
  leaseExists: etcd("FAILED_PRECONDITION", "lease already exists"),
  leaseTtlTooLarge: etcd("OUT_OF_RANGE", "too large lease TTL"),
  authNotEnabled: etcd("FAILED_PRECONDITION", "authentication is not enabled"),
  authFailed: etcd("INVALID_ARGUMENT", "authentication failed, invalid user ID or password"),
  noUser: etcd("INVALID_ARGUMENT", "user name is empty"),
  permissionDenied: etcd("PERMISSION_DENIED", "permission denied"),
  invalidToken: etcd("UNAUTHENTICATED", "invalid auth token"),
  noLeader: etcd("UNAVAILABLE", "no leader"),
} as const;
