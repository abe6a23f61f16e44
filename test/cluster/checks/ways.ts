/** Every path through the cluster's network once: sender, request and expected answer. */
import type { Ip } from "../../../src/net/index.ts";
import { urlHost } from "../address-plan.ts";
import type { ClusterNode } from "../node.ts";
import type { ClusterPod } from "../pods.ts";
import { type Answer, ask, type Sender } from "./requests.ts";
import { SERVICE_PORT, WEB_PORT, type Workload } from "./workload.ts";

export interface Way {
  /** "pod on node1 to NodePort of node2". */
  readonly name: string;
  readonly from: Sender;
  readonly url: string;
  /** Why the answer is wrong; null if it is correct. */
  readonly faultIn: (answer: Answer) => string | null;
}

/** 3 MB, many times a window or a super-packet. */
const LARGE_BYTES = 3_000_000;

/** All ways of the workload, in each family. */
export function waysThrough({ pods, services }: Workload): Way[] {
  const nodes = pods.map(({ node }) => node);
  const places = [...pods.map(podSender), ...nodes.map(nodeSender)];
  const ways: Way[] = [];
  for (const from of places) {
    for (const pod of pods) {
      for (const ip of pod.addresses) {
        const name = `${from.name} to pod on ${pod.node.name} (${ip})`;
        ways.push({ name, from, url: url(ip, WEB_PORT, "/hostname"), faultIn: hasBody(pod.name) });
      }
    }
    for (const ip of services.anywhere.ips) {
      const name = `${from.name} to ClusterIP ${ip}`;
      ways.push({ name, from, url: url(ip, SERVICE_PORT, "/hostname"), faultIn: isOneOf(pods) });
    }
    for (const node of nodes) {
      for (const ip of node.addresses) {
        const name = `${from.name} to NodePort of ${node.name} (${ip})`;
        ways.push({
          name,
          from,
          url: url(ip, services.anywhere.nodePort, "/hostname"),
          faultIn: isOneOf(pods),
        });
      }
    }
  }
  for (const pod of pods) {
    for (const ip of services.hairpin.ips) {
      const name = `${podSender(pod).name} to itself by ClusterIP ${ip}`;
      const asked = url(ip, SERVICE_PORT, "/hostname");
      ways.push({ name, from: podSender(pod), url: asked, faultIn: hasBody(pod.name) });
    }
  }
  for (const [client, server] of neighbours(nodes))
    ways.push(...localNodePorts(client, server, services.local.nodePort));
  for (const [client, server] of neighbours(pods)) ways.push(...largeBodies(client, server));
  return ways;
}

/** A line for each way with a wrong answer. */
export async function faultsOf(ways: readonly Way[]): Promise<string[]> {
  const bySender = new Map<string, Way[]>();
  for (const way of ways) bySender.set(way.from.name, [...(bySender.get(way.from.name) ?? []), way]);
  const faults: string[] = [];
  for (const group of bySender.values()) {
    const [first] = group;
    if (first === undefined) continue;
    const answers = await ask(
      first.from,
      group.map((way) => way.url),
    );
    for (const [index, way] of group.entries()) {
      const answer = answers[index];
      const wrong = answer === undefined ? "it was not asked" : way.faultIn(answer);
      if (wrong !== null) faults.push(`${way.name}: ${wrong}`);
    }
  }
  return faults;
}

export function podSender(pod: ClusterPod): Sender {
  return { name: `pod on ${pod.node.name}`, enterNetwork: (command) => pod.enterNetwork(command) };
}

export function nodeSender({ name, machine }: ClusterNode): Sender {
  return { name, enterNetwork: (command) => machine.enterNetwork(command) };
}

/** A service with policy Local shows its pods the client's address. */
function localNodePorts(client: ClusterNode, server: ClusterNode, port: number): Way[] {
  return server.addresses.map((ip) => ({
    name: `${client.name} to the local NodePort of ${server.name} (${ip})`,
    from: nodeSender(client),
    url: url(ip, port, "/clientip"),
    faultIn: ({ status, body }) => {
      const seen = client.addresses.some((address) => body.includes(address));
      return status === 200 && seen ? null : `status ${status}, the pod saw ${body}`;
    },
  }));
}

function largeBodies(client: ClusterPod, server: ClusterPod): Way[] {
  const command = encodeURIComponent(`yes 012345678 | head -c ${LARGE_BYTES}`);
  return server.addresses.map((ip) => ({
    name: `${podSender(client).name} to pod on ${server.node.name} (${ip}), a body of ${LARGE_BYTES} bytes`,
    from: podSender(client),
    url: url(ip, WEB_PORT, `/shell?cmd=${command}`),
    faultIn: ({ status, body }) => {
      const lines = body.split("012345678").length - 1;
      return status === 200 && lines === LARGE_BYTES / 10 ? null : `status ${status}, ${lines} lines arrived`;
    },
  }));
}

function url(ip: Ip, port: number, path: string): string {
  return `http://${urlHost(ip)}:${port}${path}`;
}

function hasBody(expected: string) {
  return ({ status, body }: Answer) =>
    status === 200 && body === expected ? null : `status ${status}: ${body.slice(0, 200)}`;
}

function isOneOf(pods: readonly ClusterPod[]) {
  return ({ status, body }: Answer) =>
    status === 200 && pods.some(({ name }) => name === body)
      ? null
      : `status ${status}: ${body.slice(0, 200)}`;
}

/** Pairs of each with the next one, and of the last one with the first. */
function neighbours<T>(all: readonly T[]): [T, T][] {
  return all.flatMap((one, index): [T, T][] => {
    const next = all[(index + 1) % all.length];
    return next === undefined || next === one ? [] : [[one, next]];
  });
}
