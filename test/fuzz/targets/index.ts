import type { FuzzTarget } from "../target.ts";
import { cni } from "./cni.ts";
import { etcdLeases } from "./etcd-leases.ts";
import { fileLeases } from "./file-leases.ts";
import { firewallText } from "./firewall-text.ts";
import { healthRequests } from "./health-requests.ts";
import { keptFiles } from "./kept-files.ts";
import { kubeconfig } from "./kubeconfig.ts";
import { kubernetesNodes } from "./kubernetes-nodes.ts";
import { kubernetesStatus } from "./kubernetes-status.ts";
import { netlinkDumps } from "./netlink-dumps.ts";
import { netlinkMessages } from "./netlink-messages.ts";
import { networkConfig } from "./network-config.ts";
import { nfTables } from "./nf-tables.ts";
import { savedForwarding } from "./saved-forwarding.ts";
import { subnetEnv } from "./subnet-env.ts";
import { udpPackets } from "./udp-packets.ts";

/** The quickest first. */
export const TARGETS: readonly FuzzTarget[] = [
  ...[subnetEnv, kubernetesStatus, netlinkMessages, nfTables, networkConfig, cni, savedForwarding],
  ...[firewallText, etcdLeases, fileLeases, netlinkDumps, keptFiles, udpPackets, kubernetesNodes],
  ...[kubeconfig, healthRequests],
];
