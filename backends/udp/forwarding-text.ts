/**
 * The forwarding as JSON, for a file that a later process reads. The file is untrusted input: every field is validated.
 */
import {
  type DualIp,
  type DualPrefix,
  type Ip,
  isIpv4,
  isIpv4Prefix,
  isIpv6,
  type Prefix,
  tryParseIp,
  tryParsePrefix,
} from "../../src/net/index.ts";
import { messageOf, TweedError } from "../../src/runtime/error.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "../../src/runtime/json.ts";
import { HOSTS_MAX } from "./assembly/layout.ts";
import type { UdpForwarding } from "./forwarding.ts";
import type { TunnelPath, TunnelPeer } from "./forwarding-table.ts";
import { UDP_DEVICE } from "./options.ts";

export function formatForwarding(forwarding: UdpForwarding): string {
  return `${JSON.stringify(forwarding)}\n`;
}

/** @throws TweedError `invalid-forwarding` that names the field */
export function parseForwarding(text: string): UdpForwarding {
  const top = objectAt(parseJson(text), "the file");
  const view = objectAt(top.view, "view");
  const tunnel = objectAt(top.tunnel, "tunnel");
  if (top.type !== "udp") refuse("type", top.type, '"udp"');
  if (top.device !== UDP_DEVICE) refuse("device", top.device, `"${UDP_DEVICE}"`);
  return {
    type: "udp",
    device: UDP_DEVICE,
    tunnel: {
      mtuBytes: integerAt(tunnel.mtuBytes, "tunnel.mtuBytes", 1, 65_535),
      networks: dualPrefixAt(tunnel.networks, "tunnel.networks"),
      subnets: dualPrefixAt(tunnel.subnets, "tunnel.subnets"),
    },
    localIps: dualIpAt(top.localIps, "localIps"),
    port: integerAt(top.port, "port", 1, 65_535),
    view: {
      subnets: dualPrefixAt(view.subnets, "view.subnets"),
      tun: dualIpAt(view.tun, "view.tun"),
      hosts: listAt(view.hosts, "view.hosts", HOSTS_MAX).map((host, index) =>
        ipAt(host, `view.hosts[${index}]`),
      ),
      peers: listAt(view.peers, "view.peers", Number.MAX_SAFE_INTEGER).map((peer, index) =>
        peerAt(peer, `view.peers[${index}]`),
      ),
    },
  };
}

function parseJson(text: string): JsonValue {
  try {
    return JSON.parse(text) as JsonValue;
  } catch (error) {
    throw new TweedError({
      code: "invalid-forwarding",
      operation: "read forwarding",
      reason: messageOf(error),
      cause: error,
    });
  }
}

function peerAt(value: JsonValue, place: string): TunnelPeer {
  const paths = listAt(objectAt(value, place).paths, `${place}.paths`, 2);
  return { paths: paths.map((path, index) => pathAt(path, `${place}.paths[${index}]`)) };
}

function pathAt(value: JsonValue, place: string): TunnelPath {
  const path = objectAt(value, place);
  const remote = objectAt(path.remote, `${place}.remote`);
  return {
    subnet: prefixAt(path.subnet, `${place}.subnet`),
    remote: {
      ip: ipAt(remote.ip, `${place}.remote.ip`),
      port: integerAt(remote.port, `${place}.remote.port`, 1, 65_535),
      mtuBytes: integerAt(remote.mtuBytes, `${place}.remote.mtuBytes`, 1, 65_535),
      ...(remote.source === undefined ? {} : { source: ipAt(remote.source, `${place}.remote.source`) }),
    },
  };
}

function dualIpAt(value: JsonValue | undefined, place: string): DualIp {
  const { v4 = null, v6 = null } = objectAt(value, place);
  const ip4 = v4 === null ? null : ipAt(v4, `${place}.v4`);
  const ip6 = v6 === null ? null : ipAt(v6, `${place}.v6`);
  if (ip4 !== null && !isIpv4(ip4)) return refuse(`${place}.v4`, v4, "an IPv4 address");
  if (ip6 !== null && !isIpv6(ip6)) return refuse(`${place}.v6`, v6, "an IPv6 address");
  return { v4: ip4, v6: ip6 };
}

function dualPrefixAt(value: JsonValue | undefined, place: string): DualPrefix {
  const { v4 = null, v6 = null } = objectAt(value, place);
  const prefix4 = v4 === null ? null : prefixAt(v4, `${place}.v4`);
  const prefix6 = v6 === null ? null : prefixAt(v6, `${place}.v6`);
  if (prefix4 !== null && !isIpv4Prefix(prefix4)) return refuse(`${place}.v4`, v4, "an IPv4 prefix");
  if (prefix6 !== null && isIpv4Prefix(prefix6)) return refuse(`${place}.v6`, v6, "an IPv6 prefix");
  return { v4: prefix4, v6: prefix6 };
}

function ipAt(value: JsonValue | undefined, place: string): Ip {
  const ip = typeof value === "string" ? tryParseIp(value) : null;
  return ip ?? refuse(place, value, "an IP address");
}

function prefixAt(value: JsonValue | undefined, place: string): Prefix {
  const prefix = typeof value === "string" ? tryParsePrefix(value) : null;
  return prefix ?? refuse(place, value, "a prefix");
}

function integerAt(value: JsonValue | undefined, place: string, min: number, max: number): number {
  const isValid = typeof value === "number" && Number.isInteger(value) && value >= min && value <= max;
  return isValid ? value : refuse(place, value, `a whole number from ${min} to ${max}`);
}

function objectAt(value: JsonValue | undefined, place: string): JsonObject {
  return value !== undefined && isJsonObject(value) ? value : refuse(place, value, "an object");
}

function listAt(value: JsonValue | undefined, place: string, max: number): readonly JsonValue[] {
  const isValid = Array.isArray(value) && value.length <= max;
  return isValid ? (value as readonly JsonValue[]) : refuse(place, value, `a list of at most ${max}`);
}

function refuse(place: string, value: JsonValue | undefined, accepted: string): never {
  const text = JSON.stringify(value) ?? "missing";
  throw new TweedError({
    code: "invalid-forwarding",
    operation: "read forwarding",
    reason: `${place} is ${text.length > 80 ? `${text.slice(0, 77)}…` : text}, expected ${accepted}`,
  });
}
