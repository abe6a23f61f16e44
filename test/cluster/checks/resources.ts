/** Probes and memory of the daemons, after all other checks. */
import { readFile } from "node:fs/promises";
import type { Machine } from "../machine.ts";
import type { ClusterCheck } from "./check.ts";
import { daemonPids } from "./daemon-processes.ts";
import { TWEED_NAMESPACE } from "./installation.ts";

const LIMIT_BYTES = 256 * 1024 * 1024;

interface PodList {
  readonly items: readonly {
    readonly metadata: { readonly name: string };
    readonly status: {
      readonly containerStatuses?: readonly {
        readonly restartCount: number;
        readonly lastState?: {
          readonly terminated?: { readonly reason?: string; readonly exitCode: number };
        };
      }[];
    };
  }[];
}

/** A reboot ends a container with 255, which is not caused by a probe. */
export const PROBES: ClusterCheck = {
  title: "no daemon was ended by a probe or for its memory",
  isShort: true,
  run: async (bed) => {
    const words = ["get", "pods", `--namespace=${TWEED_NAMESPACE}`, "--output=json"];
    const { items } = JSON.parse(await bed.cluster.kubectl(words)) as PodList;
    const ended = items.flatMap(({ metadata, status }) =>
      (status.containerStatuses ?? []).flatMap(({ lastState }) => {
        const { reason = "", exitCode = 0 } = lastState?.terminated ?? {};
        return reason === "OOMKilled" || (exitCode !== 0 && exitCode !== 255)
          ? [`${metadata.name}: ${reason}, exit code ${exitCode}`]
          : [];
      }),
    );
    if (ended.length > 0) throw new Error(ended.join("; "));
    const events = [
      "get",
      "events",
      `--namespace=${TWEED_NAMESPACE}`,
      "--field-selector=reason=Killing",
      "--output=name",
    ];
    const killings = (await bed.cluster.kubectl(events)).trim();
    const restarts = items.map(({ status }) => status.containerStatuses?.[0]?.restartCount ?? 0);
    return `${items.length} daemons, restarts ${restarts.join(", ")}, ${killings === "" ? 0 : killings.split("\n").length} ended on request`;
  },
};

export const MEMORY: ClusterCheck = {
  title: "memory of the daemons, beside the manifest's limit of 256 MiB",
  isShort: true,
  run: async (bed) => {
    const sizes: number[] = [];
    for (const node of bed.cluster.nodes) sizes.push(...(await daemonSizes(node.machine)));
    if (sizes.length < bed.cluster.nodes.length) throw new Error(`only ${sizes.length} daemons are found`);
    const megabytes = sizes.map((size) => Math.round(size / 1024 / 1024));
    if (Math.max(...sizes) > LIMIT_BYTES / 2) throw new Error(`${megabytes.join(", ")} MiB resident`);
    return `${megabytes.join(", ")} MiB resident`;
  },
};

/** Resident bytes of each daemon. */
async function daemonSizes(machine: Machine): Promise<number[]> {
  const sizes: number[] = [];
  for (const pid of await daemonPids(machine)) {
    const status = await readFile(`${machine.root}/proc/${pid}/status`, "utf8").catch(() => "");
    const kilobytes = Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0);
    if (kilobytes > 0) sizes.push(kilobytes * 1024);
  }
  return sizes;
}
