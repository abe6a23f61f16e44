import { describe, expect, test } from "vitest";
import { Gathering } from "../../../backends/udp/gathering.ts";

/** How many of the batches that come one after the other, each of `packets`, are followed by a nap. */
function naps(packets: number, everyMs: number, batches = 1000): number {
  const gathering = new Gathering();
  let count = 0;
  for (let batch = 1; batch <= batches; batch++) if (gathering.wantsNap(packets, batch * everyMs)) count++;
  return count;
}

describe("naps", () => {
  test("come in a flood of single packets: 200,000 a second", () => {
    expect(naps(1, 0.005)).toBeGreaterThan(700);
  });

  test("do not come where packets are few, whatever their pattern", () => {
    expect(naps(1, 10)).toBe(0);
    expect(naps(1, 0.1)).toBe(0);
    expect(naps(8, 1)).toBe(0);
  });

  test("do not come where batches are large as it is", () => {
    expect(naps(64, 0.1)).toBe(0);
  });

  test("end with the flood", () => {
    const gathering = new Gathering();
    for (let batch = 0; batch < 1000; batch++) gathering.wantsNap(1, batch * 0.005);
    expect(gathering.wantsNap(1, 20)).toBe(false);
    expect(gathering.wantsNap(1, 30)).toBe(false);
  });
});
