/** Draws the steps of a history from a seed. */
import type { Random } from "../../src/runtime/random.ts";
import { DAMAGES } from "../support/path-damage.ts";
import { BACKEND_OPTIONS } from "./cluster.ts";
import { DIVERSIONS } from "./diversions.ts";
import { FOREIGN_KINDS } from "./foreign-objects.ts";
import { hostileWrite } from "./hostile-writes.ts";
import { SPOILT_FILES } from "./spoilt-files.ts";
import type { Step, TimedStep } from "./step.ts";

type Draw = (random: Random) => Step;

export function pick<T>(random: Random, items: readonly [T, ...T[]] | readonly T[]): T {
  return items[random.below(items.length)] as T;
}

const REFUSABLE = [
  "put-route",
  "put-fdb",
  "put-neighbour",
  "set-link",
  "create-link",
  "delete-route",
  "delete-link",
  "add-address",
  "write-sysctl",
  "delete-fdb",
  "put-blackhole",
] as const;
const BAD_CONFIGURATIONS = [
  "",
  "{",
  "null",
  '{"Network":"10.244.0.0/16","Backend":{"Type":"no-such"}}',
  '{"Network":"0.0.0.0/0"}',
  '{"Network":"10.244.0.0/16","Backend":{"Type":"vxlan","VNI":1e20}}',
  '{"__proto__":{"Network":"10.244.0.0/16"}}',
] as const;

const SHORT_MS = [300, 1_000, 3_000, 8_000] as const;
const LONG_MS = [1_000, 5_000, 20_000, 60_000] as const;

const on = (random: Random) => ({ host: random.below(7) });

/** Each with its weight. */
const DRAWS: readonly (readonly [number, Draw])[] = [
  [10, (random) => ({ do: "configure", backend: random.below(BACKEND_OPTIONS.length) })],
  [2, (random) => ({ do: "configure badly", text: pick(random, BAD_CONFIGURATIONS) })],
  [1, (random) => ({ do: "renumber", network: random.below(2) })],
  [2, (random) => ({ do: "reserve", subnet: random.below(190), ip: random.below(10) })],
  [2, (random) => ({ do: "release", ...on(random) })],

  [3, (random) => ({ do: "store away", forMs: pick(random, LONG_MS) })],
  [2, (random) => ({ do: "store hangs", forMs: pick(random, LONG_MS) })],
  [4, (random) => ({ do: "partition", ...on(random), forMs: pick(random, LONG_MS) })],
  [2, (random) => ({ do: "silence watch", ...on(random), forMs: pick(random, LONG_MS) })],
  [
    4,
    (random) => ({
      do: "delay watch",
      ...on(random),
      ms: pick(random, SHORT_MS),
      forMs: pick(random, LONG_MS),
    }),
  ],
  [2, (random) => ({ do: "empty watch", ...on(random), forMs: pick(random, SHORT_MS) })],
  [2, () => ({ do: "break watches" })],
  [2, () => ({ do: "compact" })],
  [
    2,
    (random) => ({
      do: "annotate",
      ...on(random),
      name: pick(random, [
        "public-ip-overwrite",
        "public-ipv6-overwrite",
        "node-public-ip",
        "node-public-ipv6",
      ]),
      text: pick(random, [null, "", "no address", "192.0.2.300", "::1"]),
    }),
  ],
  [1, (random) => ({ do: "large node", forMs: pick(random, SHORT_MS) })],
  [2, (random) => ({ do: "store refuses", forMs: pick(random, SHORT_MS) })],
  [2, () => ({ do: "back up" })],
  [1, () => ({ do: "restore" })],
  [1, () => ({ do: "rotate credentials" })],
  [1, (random) => ({ do: "expire", ...on(random) })],
  [10, (random) => ({ do: "hostile write", author: random.below(4), write: hostileWrite(random) })],
  [1, (random) => ({ do: "hostile author leaves", author: random.below(4) })],

  [
    4,
    (random) => ({
      do: "refuse operations",
      ...on(random),
      ops: REFUSABLE.filter(() => random.below(3) === 0),
      percent: pick(random, [20, 50, 100]),
      forMs: pick(random, SHORT_MS),
    }),
  ],
  [2, (random) => ({ do: "kernel unreadable", ...on(random), forMs: pick(random, SHORT_MS) })],
  [2, (random) => ({ do: "lose events", ...on(random), forMs: pick(random, SHORT_MS) })],
  [
    3,
    (random) => ({
      do: "late events",
      ...on(random),
      ms: pick(random, [20, 200, 1_500]),
      forMs: pick(random, SHORT_MS),
    }),
  ],
  [
    12,
    (random) => ({ do: "damage", ...on(random), what: pick(random, DAMAGES.vxlan), peer: random.below(7) }),
  ],
  [6, (random) => ({ do: "foreign object", ...on(random), what: pick(random, FOREIGN_KINDS) })],
  [
    4,
    (random) => ({
      do: "divert",
      ...on(random),
      what: pick(random, DIVERSIONS),
      peer: random.below(7),
      forMs: pick(random, [1_000, 8_000]),
    }),
  ],
  [
    2,
    (random) => ({
      do: "udp fault",
      ...on(random),
      what: pick(random, ["refusesSockets", "refusesTables", "holdsTable", "endsThreads"] as const),
      forMs: pick(random, SHORT_MS),
    }),
  ],
  [1, (random) => ({ do: "end udp thread", ...on(random) })],
  [
    2,
    (random) => ({
      do: "slow firewall",
      ...on(random),
      ms: pick(random, [100, 1_000]),
      forMs: pick(random, LONG_MS),
    }),
  ],

  [
    4,
    (random) => ({
      do: "spoil file",
      ...on(random),
      what: pick(random, SPOILT_FILES),
      text: random.below(64),
    }),
  ],
  [2, (random) => ({ do: "disk full", ...on(random), forMs: pick(random, LONG_MS) })],
  [1, (random) => ({ do: "disk read-only", ...on(random), forMs: pick(random, LONG_MS) })],
  [
    14,
    (random) => ({
      do: "kill",
      ...on(random),
      afterSteps: random.below(pick(random, [1, 10, 60])),
      backMs: pick(random, [0, 20, 2_000, 30_000]),
    }),
  ],
  [3, (random) => ({ do: "stop", ...on(random), backMs: pick(random, [0, 50, 2_000, 30_000]) })],
  [3, (random) => ({ do: "pause", ...on(random), forMs: pick(random, LONG_MS) })],
  [
    2,
    (random) => ({
      do: "reboot",
      ...on(random),
      offMs: pick(random, LONG_MS),
      keepsRunDirectory: random.below(2) === 0,
    }),
  ],
  [
    2,
    (random) => ({
      do: "step clock",
      ...on(random),
      ms: pick(random, [-86_400_000, -60_000, 60_000, 86_400_000]),
    }),
  ],
  [2, (random) => ({ do: "change address", ...on(random), choice: random.below(4) })],
  [3, (random) => ({ do: "interface down", ...on(random), forMs: pick(random, SHORT_MS) })],
  [
    2,
    (random) => ({
      do: "change MTU",
      ...on(random),
      // 1,300 leave a tunnel less than IPv6 needs.
      mtuBytes: pick(random, [1_400, 9_000, 9_000, 1_300]),
      forMs: pick(random, LONG_MS),
    }),
  ],
  [2, (random) => ({ do: "cut cable", ...on(random), forMs: pick(random, SHORT_MS) })],

  [1, () => ({ do: "quiet" })],
];
const TOTAL = DRAWS.reduce((sum, [weight]) => sum + weight, 0);

/** @param focus half of the steps are of these */
export function drawSteps(random: Random, count: number, focus: readonly Step["do"][] = []): TimedStep[] {
  return Array.from({ length: count }, (_, place) => {
    const step = focus.length === 0 || place % 2 === 0 ? drawStep(random) : drawOneOf(focus, random);
    return { step, pauseMs: drawPause(random) };
  });
}

function drawOneOf(focus: readonly Step["do"][], random: Random): Step {
  for (;;) {
    const step = drawStep(random);
    if (focus.includes(step.do)) return step;
  }
}

function drawStep(random: Random): Step {
  let place = random.below(TOTAL);
  for (const [weight, draw] of DRAWS) {
    place -= weight;
    if (place < 0) return draw(random);
  }
  throw new RangeError("the weights do not add up");
}

/** Mostly within what a change takes, so that steps meet each other's consequences. */
function drawPause(random: Random): number {
  const kind = random.below(20);
  if (kind < 5) return random.below(30);
  if (kind < 13) return random.below(1_500);
  if (kind < 19) return random.below(8_000);
  return random.below(40_000);
}
