/**
 * `--etcd-endpoints` the way etcd's own client reads it: the scheme of the first endpoint decides for all of
 * them whether TLS is used, and one without a scheme (or unix://) uses TLS when there is something to use it with.
 */
import { type EtcdEndpoint, parseEtcdEndpoint } from "../../config/etcd-endpoint.ts";
import { TweedError } from "../../runtime/error.ts";

export interface Endpoints {
  /** At least one: "192.0.2.7:2379", "[2001:db8::7]:2379", "unix:/run/etcd.sock". */
  readonly targets: readonly [string, ...string[]];
  readonly isTls: boolean;
}

/** @throws TweedError `invalid-endpoint`, which never quotes an endpoint that may hold a password */
export function parseEndpoints(endpoints: readonly string[], hasTlsFiles: boolean): Endpoints {
  const parsed = endpoints.map(parseEndpoint);
  const [first] = parsed;
  if (first === undefined)
    return refuse("there is none, expected at least one such as https://192.0.2.7:2379");
  const isTls =
    first.scheme === "https" || first.scheme === "unixs" || (first.scheme !== "http" && hasTlsFiles);
  return { targets: [first.target, ...parsed.slice(1).map((endpoint) => endpoint.target)], isTls };
}

function parseEndpoint(text: string): EtcdEndpoint {
  const parsed = parseEtcdEndpoint(text);
  return "fault" in parsed ? refuse(`one ${parsed.fault}`) : parsed;
}

function refuse(reason: string): never {
  throw new TweedError({ code: "invalid-endpoint", operation: "read etcd endpoints", reason });
}
