/** One of `--etcd-endpoints`, as etcd's own client accepts it: the URL of a host or a unix socket, or only a host. */

export interface EtcdEndpoint {
  readonly scheme: "http" | "https" | "unix" | "unixs" | null;
  /** As gRPC names it: "192.0.2.7:2379", "[2001:db8::7]:2379", "unix:/run/etcd.sock". */
  readonly target: string;
}

const HOST = /^(?:(https?):\/\/)?((?:\[[\da-f:.]+\]|[^\s/:@[\]]+)(?::\d+)?)\/?$/i;
const SOCKET = /^(unixs?):\/\/(\S+)$/i;

/** @returns a fault when the endpoint is invalid; never quotes one that may contain a password */
export function parseEtcdEndpoint(text: string): EtcdEndpoint | { readonly fault: string } {
  const endpoint = text.trim();
  if (endpoint.includes("@")) return { fault: "contains credentials, expected them in --etcd-username" };
  const socket = SOCKET.exec(endpoint);
  const match = socket ?? HOST.exec(endpoint);
  const [, scheme, address] = match ?? [];
  if (address === undefined)
    return { fault: `is ${JSON.stringify(endpoint)}, expected a URL such as https://192.0.2.7:2379` };
  return {
    scheme: scheme === undefined ? null : (scheme.toLowerCase() as EtcdEndpoint["scheme"]),
    target: socket === null ? address : `unix:${address}`,
  };
}
