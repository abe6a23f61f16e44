/** A complete backend of minimal size: the route table of a cloud carries the packets, without any kernel state. */
import type { Backend } from "../../backends/backend.ts";
import { EMPTY_STATE } from "../../src/kernel/state.ts";
import { Fields } from "../../src/runtime/fields.ts";
import { isJsonObject } from "../../src/runtime/json.ts";

interface CloudOptions {
  /** Both ends must use the same one. */
  readonly table: string;
}

interface CloudData {
  readonly machine: string;
  readonly table: string;
}

/** Subnets of peers by the machine that receives their packets. */
export type CloudRoutes = Readonly<Record<string, string>>;

export const cloud: Backend<CloudOptions, CloudData, CloudRoutes> = {
  type: "cloud",
  optionKeys: ["Table"],
  identities: [],
  parseOptions: (raw) => ({ table: new Fields(raw, "Backend").string("Table", "main") }),
  channel: ({ table }) => `cloud ${table}`,
  refuseHost: ({ iface }) =>
    iface.ips.v4 === null ? "a machine without an IPv4 address is not routed to" : null,
  publish: ({ publicIps, iface: { mtuBytes } }, { table }) => ({
    data: { v4: { Machine: `machine-${publicIps.v4}`, Table: table }, v6: null },
    podMtuBytes: mtuBytes,
    carrierMtuBytes: { v4: mtuBytes, v6: mtuBytes },
  }),
  parseData(json) {
    const { Machine: machine, Table: table } = isJsonObject(json) ? json : {};
    const isRead = typeof machine === "string" && typeof table === "string";
    return isRead ? { machine, table } : "it names no machine";
  },
  isOnChannel: (data, options) => data.table === options.table,
  channelOf: ({ table }) => `cloud ${table}`,
  refuse: (_node, { subnets }) => (subnets.v6 === null ? null : "the table has IPv4 routes alone"),
  conflictKeys: () => [],
  plan: (_node, _options, { carried }) => ({
    state: EMPTY_STATE,
    standby: EMPTY_STATE,
    origins: { arrivesBare: true, tunnels: [] },
    effect: Object.fromEntries(
      carried.flatMap(({ subnets, data }) =>
        subnets.v4 === null || data.v4 === null ? [] : [[subnets.v4, data.v4.machine]],
      ),
    ),
  }),
};
