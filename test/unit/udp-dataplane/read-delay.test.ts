import { describe, expect, test } from "vitest";
import { ReadDelay } from "../../../backends/udp/read-delay.ts";

/** How many of the batches that come one after the other, each of `packets`, are followed by a delay. */
function delays(packets: number, everyMs: number, batches = 1000): number {
  const delay = new ReadDelay();
  let count = 0;
  for (let batch = 1; batch <= batches; batch++) if (delay.isDue(packets, batch * everyMs)) count++;
  return count;
}

describe("delays", () => {
  test("come in a flood of single packets: 200,000 a second", () => {
    expect(delays(1, 0.005)).toBeGreaterThan(700);
  });

  test("do not come where packets are few, whatever their pattern", () => {
    expect(delays(1, 10)).toBe(0);
    expect(delays(1, 0.1)).toBe(0);
    expect(delays(8, 1)).toBe(0);
  });

  test("do not come where batches are large as it is", () => {
    expect(delays(64, 0.1)).toBe(0);
  });

  test("end with the flood", () => {
    const delay = new ReadDelay();
    for (let batch = 0; batch < 1000; batch++) delay.isDue(1, batch * 0.005);
    expect(delay.isDue(1, 20)).toBe(false);
    expect(delay.isDue(1, 30)).toBe(false);
  });
});
