import { describe, expect, it } from "vitest";
import {
  ConnectionSlots,
  isFromHere,
  MAX_LOCAL,
  MAX_PER_SOURCE,
  MAX_REMOTE,
  sourceOf,
} from "../../../src/observe/connection-slots.ts";

function slots() {
  const held = new ConnectionSlots();
  const dropped: string[] = [];
  const admit = (source: string, name = source, isLocal = false) =>
    held.admit({ source, isLocal, drop: () => dropped.push(name) });
  return { held, dropped, admit };
}

describe("connections to the health listener", () => {
  it("of one source are bounded, and its oldest makes room for its newest", () => {
    const { held, dropped, admit } = slots();
    for (let number = 1; number <= MAX_PER_SOURCE + 2; number++) admit("10.244.1.5", `#${number}`);
    expect(dropped).toEqual(["#1", "#2"]);
    expect(held.size).toBe(MAX_PER_SOURCE);
  });

  it("of all sources are bounded, and who has most makes room for whoever comes", () => {
    const { held, dropped, admit } = slots();
    for (let pod = 0; pod < MAX_REMOTE - 1; pod++) admit(`10.244.1.${pod}`);
    admit("10.244.1.7", "second of a pod");
    admit("192.0.2.10", "scraper");
    admit("192.0.2.11", "other scraper");
    expect(dropped).toEqual(["10.244.1.7", "10.244.1.0"]);
    expect(held.size).toBe(MAX_REMOTE);
  });

  it("of this host are nobody else's to take, and bounded too", () => {
    const { dropped, admit } = slots();
    admit("192.0.2.1", "probe", true);
    for (let pod = 0; pod < 500; pod++) admit(`10.244.${pod >> 8}.${pod & 0xff}`);
    expect(dropped).not.toContain("probe");
    for (let number = 1; number <= MAX_LOCAL; number++) admit("192.0.2.1", `#${number}`, true);
    expect(dropped.at(-1)).toBe("probe");
  });

  it("that are gone make room", () => {
    const held = new ConnectionSlots();
    const one = { source: "10.244.1.5", isLocal: false, drop: () => {} };
    held.admit(one);
    held.release(one);
    expect(held.size).toBe(0);
  });
});

describe("a source", () => {
  it.each([
    ["10.244.1.5", "10.244.1.5"],
    ["::ffff:10.244.1.5", "10.244.1.5"],
    ["2001:db8::5", "2001:db8:0:0::/64"],
    ["2001:db8:0:0:1:2:3:4", "2001:db8:0:0::/64"],
    ["fe80::1%eth0", "fe80:0:0:0::/64"],
    ["::1", "0:0:0:0::/64"],
    [undefined, ""],
  ])("of %s is %s", (remote, source) => {
    expect(sourceOf(remote)).toBe(source);
  });

  it.each([
    ["127.0.0.1", "127.0.0.1", true],
    ["192.0.2.1", "192.0.2.1", true],
    ["::ffff:192.0.2.1", "192.0.2.1", true],
    ["::1", "::1", true],
    ["10.244.1.5", "192.0.2.1", false],
    [undefined, undefined, false],
  ])("%s that asks %s is of this host: %s", (remote, local, isHere) => {
    expect(isFromHere(remote, local)).toBe(isHere);
  });
});
