/** How many Events a node makes, whatever goes on in its network configuration. */
import { expect, test } from "vitest";
import type { Api } from "../../../src/lease/kubernetes/api.ts";
import type { FollowContext } from "../../../src/lease/kubernetes/follow.ts";
import { NodeEvents } from "../../../src/lease/kubernetes/node-events.ts";
import { KUBERNETES_TIMING } from "../../../src/lease/kubernetes/timing.ts";
import { nodeFiles } from "../../../src/runtime/node-files.ts";
import { systemRandom } from "../../../src/runtime/random.ts";
import { RecordingLog } from "../../support/recording-log.ts";
import { SteeredClock } from "../../support/steered-clock.ts";

/** Lets everything run that waits for nothing. */
const settle = () => new Promise((resolve) => setImmediate(resolve));

function bed() {
  const posted: string[] = [];
  const clock = new SteeredClock();
  const api = {
    async read({ create }: { create?: { message?: unknown } }) {
      posted.push(String(create?.message));
      return Buffer.alloc(0);
    },
  };
  const context: FollowContext = {
    clock,
    random: systemRandom,
    files: nodeFiles,
    log: new RecordingLog(),
    api: api as unknown as Api,
    timing: KUBERNETES_TIMING,
  };
  return { posted, clock, events: new NodeEvents(context, async () => "worker-1") };
}

test("500 refusals are 10 Events, and then the newest", async () => {
  const { posted, clock, events } = bed();
  for (let refusal = 1; refusal <= 500; refusal++) {
    events.post({ reason: "NetworkConfigRefused", message: `refusal ${refusal}` });
  }
  await settle();
  expect(posted).toEqual(Array.from({ length: 10 }, (_, index) => `refusal ${index + 1}`));
  clock.advance(300_000);
  await settle();
  expect(posted.slice(10)).toEqual(["refusal 500"]);
  events.post({ reason: "NetworkConfigRefused", message: "another" });
  await settle();
  expect(posted).toHaveLength(11);
  events.close();
});

test("after an hour of quiet there are 10 again", async () => {
  const { posted, clock, events } = bed();
  const burst = async () => {
    for (let refusal = 0; refusal < 10; refusal++) events.post({ reason: "R", message: String(refusal) });
    await settle();
  };
  await burst();
  clock.advance(3_600_000);
  await burst();
  expect(posted).toHaveLength(20);
  events.close();
});
