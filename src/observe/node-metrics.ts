/** /metrics: the figures of the status document, under stable names. */
import { isJsonObject, type JsonObject } from "../runtime/json.ts";
import type { Page } from "./health-server.ts";
import { type MetricFamily, metricsTextPage, type Sample } from "./metrics-text.ts";
import type { FirewallReport, StatusDocument, WithdrawalCounts } from "./status-document.ts";

export function metricsPage(document: StatusDocument): Page {
  return metricsTextPage(nodeMetrics(document));
}

export function nodeMetrics(document: StatusDocument): readonly MetricFamily[] {
  const { version, ready, conditions, notes, configuration, peers, unreached } = document;
  const { withdrawals, invariants, dataplane, firewall } = document;
  return [
    gauge("tweed_build_info", "Always 1; the label is the version.", [{ labels: { version }, value: 1 }]),
    gauge("tweed_ready", "1 while the node is ready.", [{ value: Number(ready) }]),
    gauge(
      "tweed_ready_condition",
      "1 while this condition of readiness holds.",
      Object.entries(conditions).map(([condition, reason]) => ({
        labels: { condition },
        value: Number(reason === null),
      })),
    ),
    gauge(
      "tweed_notes",
      "Conditions that block pods' packets, or may, by topic.",
      countsBy(
        "topic",
        notes.map(({ topic }) => topic),
      ),
    ),
    gauge(
      "tweed_note_since_seconds",
      "When the oldest note of the topic began, in Unix time.",
      oldestNotes(notes),
    ),
    gauge(
      "tweed_network_config_refused",
      "1 while the newest network configuration is refused and an older one is in force.",
      [{ value: Number(configuration.refused !== null) }],
    ),
    counter("tweed_network_config_refusals_total", "Network configurations refused.", [
      { value: configuration.refusals },
    ]),
    gauge(
      "tweed_peers",
      "Peers by the backend that carries packets to them.",
      countsBy(
        "backend",
        peers.map(({ channel }) => channel),
      ),
    ),
    gauge(
      "tweed_leases_refused",
      "Leases, or families of them, without a path.",
      countsBy(
        "code",
        unreached.map(({ code }) => code),
      ),
    ),
    ...withdrawalMetrics(withdrawals),
    ...invariantMetrics(invariants),
    ...(dataplane === null ? [] : dataplaneMetrics(dataplane)),
    ...(firewall.refused === null ? [] : [forgedPackets(firewall.refused)]),
  ];
}

function withdrawalMetrics({ heldBack, begun, withdrawn, returned }: WithdrawalCounts): MetricFamily[] {
  return [
    gauge("tweed_peers_held_back", "Peers whose withdrawal is not confirmed yet.", [{ value: heldBack }]),
    counter("tweed_mass_withdrawals_total", "Snapshots that no longer listed most peers.", [
      { value: begun },
    ]),
    counter("tweed_peers_held_back_total", "Peers that were held back, by what became of them.", [
      { labels: { outcome: "withdrawn" }, value: withdrawn },
      { labels: { outcome: "returned" }, value: returned },
    ]),
  ];
}

function invariantMetrics(invariants: StatusDocument["invariants"]): MetricFamily[] {
  const states = Object.entries(invariants);
  return [
    gauge(
      "tweed_invariant_violated",
      "1 while this invariant of the daemon is violated.",
      states.map(([invariant, { reason }]) => ({ labels: { invariant }, value: Number(reason !== null) })),
    ),
    counter(
      "tweed_invariant_violations_total",
      "Checks that found this invariant violated.",
      states.map(([invariant, { total }]) => ({ labels: { invariant }, value: total })),
    ),
  ];
}

function oldestNotes(notes: StatusDocument["notes"]): Sample[] {
  const oldest = new Map<string, number>();
  for (const { topic, since } of notes) {
    const seconds = Date.parse(since) / 1000;
    oldest.set(topic, Math.min(seconds, oldest.get(topic) ?? seconds));
  }
  return Array.from(oldest, ([topic, value]) => ({ labels: { topic }, value }));
}

function forgedPackets(refused: NonNullable<FirewallReport["refused"]>): MetricFamily {
  return counter(
    "tweed_forged_packets_total",
    "Forged packets, by reason.",
    Object.entries(refused).map(([reason, { packets }]) => ({ labels: { reason }, value: packets })),
  );
}

const DROP = "drop-";

function dataplaneMetrics({ counters, workerDeaths }: JsonObject): MetricFamily[] {
  const counts = Object.entries(isJsonObject(counters ?? null) ? (counters as JsonObject) : {});
  const drops = counts.filter(([name]) => name.startsWith(DROP));
  const events = counts.filter(([name]) => !name.startsWith(DROP));
  return [
    counter("tweed_udp_worker_deaths_total", "Data plane threads that died and were replaced.", [
      { value: Number(workerDeaths) },
    ]),
    counter(
      "tweed_udp_dropped_packets_total",
      "Packets that the UDP data plane dropped, by reason.",
      drops.map(([name, value]) => ({ labels: { reason: name.slice(DROP.length) }, value: Number(value) })),
    ),
    counter(
      "tweed_udp_events_total",
      "Other counters of the UDP data plane: packets, system calls, steps of the fast path.",
      events.map(([event, value]) => ({ labels: { event }, value: Number(value) })),
    ),
  ];
}

function countsBy(label: string, values: readonly string[]): Sample[] {
  const counts = new Map<string, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return Array.from(counts, ([text, value]) => ({ labels: { [label]: text }, value }));
}

function gauge(name: string, help: string, samples: readonly Sample[]): MetricFamily {
  return { name, type: "gauge", help, samples };
}

function counter(name: string, help: string, samples: readonly Sample[]): MetricFamily {
  return { name, type: "counter", help, samples };
}
