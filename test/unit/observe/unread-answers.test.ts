import { EventEmitter } from "node:events";
import { describe, expect, it } from "vitest";
import { MAX_UNREAD_BYTES, UnreadAnswers } from "../../../src/observe/unread-answers.ts";

class FakeAnswer extends EventEmitter {
  isCut = false;
  destroy(): void {
    this.isCut = true;
    this.emit("close");
  }
}

describe("answers that nobody reads", () => {
  it("make room for others, those that wait for longest first", () => {
    const unread = new UnreadAnswers();
    const answers = Array.from({ length: 6 }, () => new FakeAnswer());
    for (const answer of answers) unread.begin(answer, MAX_UNREAD_BYTES / 4);
    expect(answers.map(({ isCut }) => isCut)).toEqual([true, true, false, false, false, false]);
    expect(unread.bytes).toBe(MAX_UNREAD_BYTES);
  });

  it("count no longer once they are read", () => {
    const unread = new UnreadAnswers();
    const answer = new FakeAnswer();
    unread.begin(answer, 1000);
    answer.emit("close");
    expect(unread.bytes).toBe(0);
    expect(answer.isCut).toBe(false);
  });

  it("larger than all that may wait are answered when nothing else waits", () => {
    const unread = new UnreadAnswers();
    const [small, large] = [new FakeAnswer(), new FakeAnswer()];
    unread.begin(small, 1000);
    unread.begin(large, MAX_UNREAD_BYTES + 1);
    expect([small.isCut, large.isCut]).toEqual([true, false]);
  });
});
