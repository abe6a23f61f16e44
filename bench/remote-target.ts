/** Measures towards `tweed bench --server` on another machine, through the network between the two. */
import type { Ip } from "../src/net/index.ts";
import { messageOf, TweedError } from "../src/runtime/error.ts";
import { findDaemons } from "./daemon-search.ts";
import { THIS_MACHINE } from "./place.ts";
import { type HostFacts, parseHostFacts } from "./result.ts";
import { type ServerPorts, usageUrl } from "./server.ts";
import type { Target } from "./target.ts";
import { parseUsage, readUsage, type Usage } from "./usage.ts";

const ANSWER_TIMEOUT_MS = 5000;

export function remoteTarget(
  mode: string,
  serverIp: Ip,
  ports: ServerPorts,
  tweed: readonly string[],
  signal: AbortSignal,
): Target {
  const url = `${usageUrl(serverIp, ports)}/usage`;
  return {
    mode,
    client: THIS_MACHINE,
    serverIp,
    ports,
    tweed,
    usage: async () => {
      const [here, there] = await Promise.all([findDaemons().then(readUsage), ask(url, signal)]);
      return sumOf(here, parseUsage(there, url));
    },
  };
}

export async function askHostFacts(
  serverIp: Ip,
  ports: ServerPorts,
  signal: AbortSignal,
): Promise<HostFacts> {
  const url = `${usageUrl(serverIp, ports)}/host`;
  return parseHostFacts(await ask(url, signal), url);
}

function sumOf(here: Usage, there: Usage): Usage {
  return {
    machineCpuS: here.machineCpuS + there.machineCpuS,
    daemonCpuS: here.daemonCpuS + there.daemonCpuS,
    daemonRssMb: Math.max(here.daemonRssMb, there.daemonRssMb),
    drops: here.drops + there.drops,
  };
}

async function ask(url: string, signal: AbortSignal): Promise<unknown> {
  const either = AbortSignal.any([signal, AbortSignal.timeout(ANSWER_TIMEOUT_MS)]);
  try {
    return await (await fetch(url, { signal: either })).json();
  } catch (cause) {
    signal.throwIfAborted();
    throw new TweedError({
      code: "no-answer",
      operation: `ask ${url}`,
      reason: `${messageOf(cause)}; is \`tweed bench --server\` running there, and its ports open?`,
      cause,
    });
  }
}
