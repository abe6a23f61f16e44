import type { Operation } from "../operation.ts";
import type { LinkState, RouteState } from "../state.ts";
import { defaultMetric } from "./place.ts";

/** One line for people, in the words of iproute2: "delete route 10.244.2.0/24 via 10.244.2.0 dev flannel.1". */
export function describeOperation(operation: Operation): string {
  switch (operation.op) {
    case "create-link":
      return `create link ${describeLink(operation.link)}`;
    case "set-link":
      return `set link ${operation.name} ${describeSetting(operation)}`;
    case "delete-link":
      return `delete link ${operation.name}`;
    case "write-sysctl":
      return `write sysctl ${operation.sysctl.path} = ${operation.sysctl.value}`;
    case "add-address":
    case "delete-address": {
      const { ip, length, iface } = operation.address;
      return `${verbOf(operation)} address ${ip}/${length} dev ${iface}`;
    }
    case "put-fdb":
    case "delete-fdb": {
      const { mac, remote, iface } = operation.entry;
      return `${verbOf(operation)} fdb ${mac} dst ${remote} dev ${iface}`;
    }
    case "put-neighbour":
    case "delete-neighbour": {
      const { ip, mac, iface } = operation.entry;
      return `${verbOf(operation)} neighbour ${ip} lladdr ${mac} dev ${iface}`;
    }
    case "put-route":
      return `put route ${describeRoute(operation.route)}`;
    case "delete-route": {
      const { route, metric } = operation;
      const rank = metric === defaultMetric(route.dst) ? "" : ` metric ${metric}`;
      return `delete route ${describeRoute(route)}${rank}`;
    }
    case "put-blackhole":
    case "delete-blackhole":
      return `${verbOf(operation)} route blackhole ${operation.dst}`;
  }
}

function verbOf(operation: Operation): string {
  return operation.op.slice(0, operation.op.indexOf("-"));
}

function describeLink(link: LinkState): string {
  if (link.kind === "tun") return `${link.name} type tun`;
  return `${link.name} type vxlan id ${link.vni} dev ${link.parent} local ${link.local}`;
}

function describeRoute(route: RouteState): string {
  const { dst, via, iface, alsoFrom } = route;
  const bare = alsoFrom === undefined ? "" : `, also from ${alsoFrom.via} dev ${alsoFrom.iface}`;
  return `${dst}${via === null ? "" : ` via ${via}`} dev ${iface}${bare}`;
}

function describeSetting(change: Extract<Operation, { op: "set-link" }>): string {
  const words: string[] = [];
  if (change.mtuBytes !== undefined) words.push(`mtu ${change.mtuBytes}`);
  if (change.mac !== undefined) words.push(`address ${change.mac}`);
  if (change.learning !== undefined) words.push(change.learning ? "learning" : "nolearning");
  if (change.local !== undefined) words.push(`local ${change.local}`);
  if (change.up !== undefined) words.push(change.up ? "up" : "down");
  return words.join(" ");
}
