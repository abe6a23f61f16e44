/** The flags of `tweed run`: flannel's, with its names and defaults, then ours. */
import { cniConfFlag } from "./cni-options.ts";
import {
  booleanFlag,
  choiceFlag,
  type FlagText,
  integerFlag,
  ipFlag,
  ipv4Flag,
  ipv6Flag,
  pathFlag,
  repeatedFlag,
  stringFlag,
} from "./flag.ts";
import { KLOG_FLAGS } from "./klog-flags.ts";
import { exclusionsFlag } from "./masquerade-exclusions.ts";
import { parseRe2Pattern } from "./re2-pattern.ts";

const ETCD_FLAGS = {
  "etcd-endpoints": stringFlag(
    "http://127.0.0.1:4001,http://127.0.0.1:2379",
    "etcd endpoints, separated by commas; the scheme of the first decides whether TLS is used",
    "urls",
  ),
  "etcd-prefix": stringFlag("/coreos.com/network", "prefix of all keys in etcd"),
  "etcd-keyfile": stringFlag("", "private key of the etcd client certificate, PEM", "path"),
  "etcd-certfile": stringFlag("", "etcd client certificate, PEM", "path"),
  "etcd-cafile": stringFlag("", "certificate authority to verify etcd's certificate, PEM", "path"),
  "etcd-username": stringFlag("", "etcd user name"),
  "etcd-password": stringFlag("", "etcd password; better set as FLANNELD_ETCD_PASSWORD"),
  // A lease lasts 24 h: the margin must leave at least a minute on either side.
  "subnet-lease-renew-margin": integerFlag(
    { min: 1, max: 1439 },
    60,
    "minutes before expiry at which the etcd lease is renewed",
  ),
};

const KUBERNETES_FLAGS = {
  "kube-subnet-mgr": booleanFlag(false, "take leases from the Kubernetes API instead of etcd"),
  "kube-api-url": stringFlag("", "URL of the API server; overrides the kubeconfig's", "url"),
  "kube-annotation-prefix": stringFlag("flannel.alpha.coreos.com", "prefix of the annotations on nodes"),
  "kubeconfig-file": stringFlag(
    "",
    "kubeconfig; without it and --kube-api-url the pod's service account",
    "path",
  ),
  "net-config-path": pathFlag("/etc/kube-flannel/net-conf.json", "network configuration in Kubernetes mode"),
  "set-node-network-unavailable": booleanFlag(
    true,
    "set the node condition NetworkUnavailable to False once the network is up",
  ),
};

const INTERFACE_FLAGS = {
  iface: repeatedFlag("name|address", parseIface, "interface for traffic between hosts, tried in order"),
  "iface-regex": repeatedFlag(
    "pattern",
    parseRe2Pattern,
    "pattern for the interface's address, else its name; tried after every --iface",
  ),
  "iface-can-reach": ipFlag("use the interface through which the kernel would reach this address"),
  "public-ip": ipv4Flag("IPv4 address to publish to peers"),
  "public-ipv6": ipv6Flag("IPv6 address to publish to peers"),
};

const FIREWALL_FLAGS = {
  "ip-masq": booleanFlag(false, "masquerade traffic that leaves the overlay"),
  "ip-masq-fully-random-disable": booleanFlag(false, "do not randomise ports fully when masquerading"),
  "iptables-forward-rules": booleanFlag(true, "accept forwarding to and from the overlay"),
  // flannel accepts 0 and less, and then loops without a pause.
  "iptables-resync": integerFlag({ min: 1, max: 86_400 }, 5, "seconds between two checks of the rules"),
  "ip-masq-exclude": exclusionsFlag(
    "destinations never masqueraded, separated by commas, or @ and a file of them that is watched",
  ),
  "forged-packet-filter": choiceFlag(
    ["on", "off", "log"],
    "drop forged packets (on), accept (off) or only log them (default on where nftables exists)",
  ),
  "ip-blackhole-route": booleanFlag(
    false,
    "drop packets for addresses of the node's subnet that have no route of their own",
  ),
};

const HEALTH_FLAGS = {
  "healthz-ip": ipFlag("address on which /healthz and /readyz are served (default 0.0.0.0)"),
  "healthz-port": integerFlag({ min: 0, max: 65_535 }, 0, "port of /healthz and /readyz; 0 serves neither"),
};

const OWN_FLAGS = {
  store: choiceFlag(
    ["etcd", "kubernetes", "file"],
    "where leases live; without it etcd, or kubernetes with --kube-subnet-mgr",
  ),
  "store-path": stringFlag("", "directory of the file store", "path"),
  "cni-conf": cniConfFlag(
    "where the CNI configuration is written (default /etc/cni/net.d/10-tweed.conflist with Kubernetes, else none)",
  ),
  "cni-conf-template": stringFlag(
    "",
    "file with the list of CNI plugins to write in place of the built-in one",
    "path",
  ),
  "udp-queues": integerFlag({ min: 1, max: 32 }, 1, "queues of the udp backend, with two threads each"),
  "udp-offload": choiceFlag(
    ["auto", "off"],
    "batches and segmentation offload of the udp backend (default auto)",
  ),
};

export const DAEMON_FLAGS = {
  ...ETCD_FLAGS,
  ...KUBERNETES_FLAGS,
  ...INTERFACE_FLAGS,
  ...FIREWALL_FLAGS,
  ...HEALTH_FLAGS,
  ...OWN_FLAGS,
  "subnet-file": pathFlag("/run/flannel/subnet.env", "where the node's subnet is written for CNI plugins"),
  version: booleanFlag(false, "print the version and exit"),
  ...KLOG_FLAGS,
};

function parseIface(text: string): FlagText<string> {
  return text === "" ? { expected: "the name or an address of an interface" } : { value: text };
}
