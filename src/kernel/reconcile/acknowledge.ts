import type { Prefix } from "../../net/index.ts";
import type { ObservedLink, ObservedRoute } from "../observed.ts";
import type { Operation } from "../operation.ts";
import { BLACKHOLE_METRIC, type LinkState, ROUTE_PROTOCOL } from "../state.ts";
import { KERNEL_VXLAN_PORT } from "./link-change.ts";
import { type Picture, UNKNOWN_INDEX } from "./picture.ts";
import {
  addressPlace,
  blackholePlace,
  defaultMetric,
  desiredRoutePlace,
  fdbPlace,
  neighbourPlace,
  observedRoutePlace,
} from "./place.ts";

/** Draws into the picture what the kernel did when it carried the operation out. */
export function acknowledge(picture: Picture, operation: Operation): void {
  switch (operation.op) {
    case "create-link":
      picture.links.set(operation.link.name, newLink(picture, operation.link));
      picture.created.add(operation.link.name);
      return;
    case "set-link":
      acknowledgeSetLink(picture, operation);
      return;
    case "delete-link":
      picture.removeDevice(operation.name);
      return;
    case "write-sysctl":
      picture.sysctls.set(operation.sysctl.path, operation.sysctl.value);
      return;
    case "add-address":
      picture.addresses.set(addressPlace(operation.address), {
        ...operation.address,
        isLinkLocal: false,
        isPermanent: true,
        isTemporary: false,
        isSecondary: false,
        isDeprecated: false,
        isTentative: false,
      });
      return;
    case "delete-address":
      picture.addresses.delete(addressPlace(operation.address));
      return;
    case "put-fdb":
      picture.fdb.set(fdbPlace(operation.entry), { ...operation.entry, isPermanent: true });
      return;
    case "delete-fdb":
      picture.fdb.delete(fdbPlace(operation.entry));
      return;
    case "put-neighbour": {
      const { entry } = operation;
      picture.neighbours.set(neighbourPlace(entry.iface, entry.ip), { ...entry, isPermanent: true });
      return;
    }
    case "delete-neighbour":
      picture.neighbours.delete(neighbourPlace(operation.entry.iface, operation.entry.ip));
      return;
    case "put-route": {
      const { route } = operation;
      const metric = defaultMetric(route.dst);
      picture.routes.set(desiredRoutePlace(route), { ...route, metric, source: null });
      return;
    }
    case "delete-route":
      picture.routes.delete(
        observedRoutePlace({ ...operation.route, metric: operation.metric, source: null }),
      );
      return;
    case "put-blackhole":
      picture.routes.set(blackholePlace(operation.dst), blackhole(operation.dst));
      return;
    case "delete-blackhole":
      picture.routes.delete(blackholePlace(operation.dst));
      return;
    default:
      operation satisfies never;
  }
}

function acknowledgeSetLink(picture: Picture, change: Extract<Operation, { op: "set-link" }>): void {
  const link = picture.links.get(change.name);
  if (link === undefined) return;
  const { mac = link.mac, mtuBytes = link.mtuBytes, up: isUp = link.isUp } = change;
  const vxlan = link.vxlan && {
    ...link.vxlan,
    learning: change.learning ?? link.vxlan.learning,
    local: change.local ?? link.vxlan.local,
  };
  picture.links.set(change.name, { ...link, mac, mtuBytes, isUp, vxlan });
  // A device that changes its MAC drops all its neighbours, permanent ones too (neigh_changeaddr).
  if (mac !== link.mac) picture.removeNeighboursOf(change.name);
}

function newLink(picture: Picture, link: LinkState): ObservedLink {
  return {
    index: UNKNOWN_INDEX,
    name: link.name,
    kind: link.kind,
    mac: link.kind === "vxlan" ? link.mac : null,
    mtuBytes: link.mtuBytes,
    isUp: false,
    hasCarrier: false,
    isLoopback: false,
    vxlan:
      link.kind === "vxlan"
        ? {
            vni: link.vni,
            parentIndex: picture.links.get(link.parent)?.index ?? null,
            local: link.local,
            group: null,
            port: link.port ?? KERNEL_VXLAN_PORT,
            learning: link.learning,
            gbp: link.gbp,
            l2miss: false,
          }
        : null,
    tun: link.kind === "tun" ? { isPersistent: false, multiQueue: true } : null,
  };
}

function blackhole(dst: Prefix): ObservedRoute {
  return {
    dst,
    via: null,
    iface: null,
    onlink: false,
    protocol: ROUTE_PROTOCOL.tweed,
    metric: BLACKHOLE_METRIC,
    mtuBytes: null,
    source: null,
  };
}
