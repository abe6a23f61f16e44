/** Each store, with a writer of leases of synthetic nodes, in the switch's namespace of a lab. */

import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Etcd3 } from "etcd3";
import { parseNetworkConfig } from "../../src/config/network-config.ts";
import { startEtcd } from "../../src/lab/etcd-process.ts";
import { kubeconfigFile, startKubeApi, tellKubeApi } from "../../src/lab/kube-api-process.ts";
import { labDirectory } from "../../src/lab/topology.ts";
import { createClient } from "../../src/lease/etcd/client.ts";
import { EtcdStore } from "../../src/lease/etcd/store.ts";
import { ETCD_TIMING, type EtcdTiming } from "../../src/lease/etcd/timing.ts";
import { Layout } from "../../src/lease/file/layout.ts";
import { formatLeaseFile } from "../../src/lease/file/lease-file.ts";
import { FileStore } from "../../src/lease/file/store.ts";
import { FILE_STORE_TIMING, type FileStoreTiming } from "../../src/lease/file/timing.ts";
import { completePrefix } from "../../src/lease/kubernetes/annotation-names.ts";
import { NodeHttp } from "../../src/lease/kubernetes/node-http.ts";
import { contentAnnotations } from "../../src/lease/kubernetes/node-lease.ts";
import { KubernetesStore } from "../../src/lease/kubernetes/store.ts";
import { KUBERNETES_TIMING, type KubernetesTiming } from "../../src/lease/kubernetes/timing.ts";
import type { Lease } from "../../src/lease/lease.ts";
import { encodeLeaseValue } from "../../src/lease/lease-value.ts";
import type { LeaseRequest } from "../../src/lease/store.ts";
import { systemClock } from "../../src/runtime/clock.ts";
import { silentLog } from "../../src/runtime/log.ts";
import { nodeFiles } from "../../src/runtime/node-files.ts";
import { systemRandom } from "../../src/runtime/random.ts";
import { NETWORK_CONFIG } from "../control/peers.ts";
import { LAB_NAME, withSwitch } from "./bench-lab.ts";
import type { Bench } from "./group.ts";

const SURROUNDINGS = { clock: systemClock, random: systemRandom, files: nodeFiles, log: silentLog };

/** Another node's side: its lease is in the store when the promise resolves. */
export interface LeaseWriter {
  put(lease: Lease): Promise<void>;
  remove(lease: Lease): Promise<void>;
}

export const ETCD_PREFIX = "/coreos.com/network";
export const ETCD_PORT = 2379;
const ETCD_ENDPOINT = `http://127.0.0.1:${ETCD_PORT}`;

export interface EtcdSite extends LeaseWriter {
  readonly client: Etcd3;
}

export function withEtcd(bench: Bench, use: (site: EtcdSite) => Promise<void>): Promise<void> {
  return withSwitch(bench, "etcd", async (spec) => {
    await startEtcd(spec);
    const client = new Etcd3({ hosts: [ETCD_ENDPOINT] });
    const keyOf = ({ key }: Lease) => `${ETCD_PREFIX}/subnets/${key}`;
    try {
      await use({
        client,
        put: async (lease) => void (await client.put(keyOf(lease)).value(encodeLeaseValue(lease))),
        remove: async (lease) => void (await client.delete().key(keyOf(lease))),
      });
    } finally {
      client.close();
    }
  });
}

export function openEtcdStore(
  timing: Partial<EtcdTiming> = {},
  endpoints: readonly string[] = [ETCD_ENDPOINT],
): EtcdStore {
  const options = {
    kind: "etcd",
    endpoints,
    prefix: ETCD_PREFIX,
    tls: { caFile: null, clientCertificate: null },
    credentials: null,
    renewMarginMs: 3_600_000,
  } as const;
  return new EtcdStore(options, { ...SURROUNDINGS, connect: createClient }, { ...ETCD_TIMING, ...timing });
}

export interface FileSite extends LeaseWriter {
  readonly layout: Layout;
}

export function withFiles(bench: Bench, use: (site: FileSite) => Promise<void>): Promise<void> {
  return withSwitch(bench, "file", async () => {
    const layout = new Layout(join(labDirectory(LAB_NAME), "store"));
    await mkdir(layout.subnets, { recursive: true });
    await use({
      layout,
      async put(lease) {
        const draft = `${layout.directory}/draft`;
        await writeFile(draft, formatLeaseFile(lease, "bench", null));
        await rename(draft, layout.lease(lease.key));
      },
      remove: ({ key }) => rm(layout.lease(key)),
    });
  });
}

export function openFileStore({ layout }: FileSite, timing: Partial<FileStoreTiming> = {}): FileStore {
  return new FileStore({ directory: layout.directory }, SURROUNDINGS, { ...FILE_STORE_TIMING, ...timing });
}

/** The lab's one node, whose credentials the store uses. */
const OWN_NODE = "node1";
const ANNOTATION_PREFIX = "flannel.alpha.coreos.com";

export interface KubernetesSite extends LeaseWriter {
  /** As `tellKubeApi`. */
  readonly tell: (act: string, details?: Parameters<typeof tellKubeApi>[2]) => Promise<unknown>;
}

export function withKubernetes(bench: Bench, use: (site: KubernetesSite) => Promise<void>): Promise<void> {
  return withSwitch(bench, "kubernetes", async (spec) => {
    await startKubeApi(spec, bench.program.tweed.at(-1) ?? "");
    const tell: KubernetesSite["tell"] = (act, details) => tellKubeApi(spec.name, act, details);
    const known = new Set<string>();
    await use({
      tell,
      async put(lease) {
        const annotations = annotationsOf(lease);
        const act = known.has(lease.key) ? "annotate" : "add";
        known.add(lease.key);
        await tell(act, { name: nodeName(lease), podCidr: lease.subnets.v4 ?? "", annotations });
      },
      async remove(lease) {
        known.delete(lease.key);
        await tell("remove", { name: nodeName(lease) });
      },
    });
  });
}

export function openKubernetesStore(timing: Partial<KubernetesTiming> = {}): KubernetesStore {
  const options = {
    kind: "kubernetes",
    apiUrl: null,
    kubeconfigFile: kubeconfigFile(LAB_NAME, OWN_NODE),
    apiService: null,
    annotationPrefix: ANNOTATION_PREFIX,
    // No flag names it.
    networkConfigFile: "/nonexistent",
    node: { kind: "node", name: OWN_NODE },
    setNodeNetworkUnavailable: true,
  } as const;
  const connect = (idleMs: number) => new NodeHttp(idleMs);
  return new KubernetesStore(options, { ...SURROUNDINGS, connect }, { ...KUBERNETES_TIMING, ...timing });
}

/** A request for a lease with the same publication. */
export function leaseRequest({ publicIps, offers }: Lease): LeaseRequest {
  const config = parseNetworkConfig(JSON.stringify(NETWORK_CONFIG), "benchmark");
  return { config, content: { publicIps, offers }, held: null, previousSubnets: { v4: null, v6: null } };
}

function annotationsOf(lease: Lease): Readonly<Record<string, string>> {
  const prefix = completePrefix(ANNOTATION_PREFIX);
  const present = Object.entries(contentAnnotations(lease)).flatMap(([name, value]) =>
    value === null ? [] : [[prefix + name, value] as const],
  );
  return Object.fromEntries(present);
}

function nodeName({ claimedAt }: Lease): string {
  return `peer${claimedAt}`;
}
