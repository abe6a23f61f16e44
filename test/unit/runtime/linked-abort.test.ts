import { getEventListeners } from "node:events";
import { describe, expect, test } from "vitest";
import { linkedAbort } from "../../../src/runtime/linked-abort.ts";
import { sourceFiles } from "../../support/source-tree.ts";

describe("linkedAbort", () => {
  const two = () => [new AbortController(), new AbortController()] as const;

  test.each([0, 1])("aborts with signal %d, for its reason", (which) => {
    const sources = two();
    const linked = linkedAbort(...sources.map(({ signal }) => signal));
    expect(linked.signal.aborted).toBe(false);
    sources[which]?.abort("first");
    sources[1 - which]?.abort("second");
    expect(linked.signal.reason).toBe("first");
  });

  test("is aborted at once with a signal that already is", () => {
    const [first, second] = two();
    second.abort("before");
    const linked = linkedAbort(first.signal, second.signal);
    expect(linked.signal.reason).toBe("before");
    expect(getEventListeners(first.signal, "abort")).toEqual([]);
  });

  test.each(["linked", "source"])("leaves nothing at its signals once the %s one aborts", (which) => {
    const [first, second] = two();
    const linked = linkedAbort(first.signal, second.signal);
    expect(getEventListeners(first.signal, "abort")).toHaveLength(1);
    (which === "linked" ? linked : second).abort();
    for (const { signal } of [first, second]) expect(getEventListeners(signal, "abort")).toEqual([]);
    expect([first.signal.aborted, linked.signal.aborted]).toEqual([false, true]);
  });
});

test("the daemon does not use AbortSignal.any, which leaks at signals that live long", async () => {
  const code = (text: string) => text.replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, "");
  const users = (await sourceFiles()).filter(({ text }) => code(text).includes("AbortSignal.any("));
  expect(users.map(({ path }) => path)).toEqual([]);
});
