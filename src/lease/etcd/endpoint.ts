/**
 * Parses `--etcd-endpoints` like etcd's own client: the scheme of the first endpoint decides for all whether TLS
 * is used; without a scheme, or with unix://, TLS is used when TLS files are given.
 */
import { type EtcdEndpoint, parseEtcdEndpoint } from "../../config/etcd-endpoint.ts";
import { TweedError } from "../../runtime/error.ts";

export interface Endpoints {
  /** At least one: "192.0.2.7:2379", "[2001:db8::7]:2379", "unix:/run/etcd.sock". */
  readonly targets: readonly [string, ...string[]];
  readonly isTls: boolean;
}

/** @throws TweedError `invalid-endpoint`, which never quotes an endpoint that may contain a password */
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
