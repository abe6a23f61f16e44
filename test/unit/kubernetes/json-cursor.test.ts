import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { JsonCursor } from "../../../src/lease/kubernetes/json-cursor.ts";

const cursorOf = (text: string) => new JsonCursor(Buffer.from(text));

/** Every key of an object with its value as written. */
function entries(text: string): readonly (readonly [string, string])[] {
  const found: [string, string][] = [];
  const cursor = cursorOf(text);
  cursor.eachKey((key) => void found.push([key, cursor.text()]));
  return found;
}

describe("a cursor", () => {
  it("cuts out values and passes over what is not taken", () => {
    const taken: string[] = [];
    const cursor = cursorOf('{"a":{"b":[1,{"}":"\\"]"}]},"c" : -1.5e3 , "d":"x\\\\","e":null}');
    cursor.eachKey((key) => {
      if (key === "c" || key === "d") taken.push(cursor.text());
    });
    expect(taken).toEqual(["-1.5e3", '"x\\\\"']);
  });

  it("returns strings only, and refuses what is no JSON", () => {
    expect(cursorOf('"a\\u0062"').string()).toBe("ab");
    expect(cursorOf('{"toString":1}').string()).toBe("");
    for (const text of ['"\\x"', "-", "1.2.3"])
      expect(() => cursorOf(text).string()).toThrow(expect.objectContaining({ code: "invalid-json" }));
  });

  it("goes into objects, and finds no keys in anything else", () => {
    const keys: string[] = [];
    const cursor = cursorOf('{"a":{"b":1},"c":[{"d":1}],"e":"f"}');
    cursor.eachKey(() => cursor.eachKey((key) => void keys.push(key)));
    expect(keys).toEqual(["b"]);
  });

  it("finds the keys with a prefix, however they are written, and passes over the others", () => {
    const keys = (text: string) => {
      const found: string[] = [];
      cursorOf(text).eachKey((key) => void found.push(key), Buffer.from("a/"));
      return found.filter((key) => key.startsWith("a/"));
    };
    expect(keys('{"a/b":1,"a":{"a/c":2},"":3,"a\\u002fd":4,"b/a/":5,"a/":"x"}')).toEqual([
      "a/b",
      "a/d",
      "a/",
    ]);
    const key = fc.string({ unit: fc.constantFrom("a", "/", "\\", '"', "\u2028"), maxLength: 5 });
    fc.assert(
      fc.property(fc.dictionary(key, fc.jsonValue({ maxDepth: 1 })), fc.nat(2), (object, indent) => {
        expect(keys(JSON.stringify(object, null, indent))).toEqual(
          Object.keys(object).filter((each) => each.startsWith("a/")),
        );
      }),
    );
  });

  it("passes over strings of any length, whatever is escaped in them", () => {
    const text = fc.string({ unit: fc.constantFrom("a", "\\", '"', "}"), minLength: 50, maxLength: 300 });
    fc.assert(
      fc.property(text, text, (one, other) => {
        const found = entries(JSON.stringify({ one: [one, { other }], other: one }));
        expect(found.map(([, value]) => JSON.parse(value))).toEqual([[one, { other }], one]);
      }),
    );
  });

  it("reads what any writer of JSON writes", () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.string({ unit: "binary", maxLength: 8 }), fc.jsonValue({ maxDepth: 2 })),
        fc.nat(3),
        (object, indent) => {
          const found = entries(JSON.stringify(object, null, indent));
          expect(found.map(([key]) => key)).toEqual(Object.keys(object));
          expect(found.map(([, value]) => JSON.parse(value))).toEqual(
            Object.values(object).map((value) => JSON.parse(JSON.stringify(value))),
          );
        },
      ),
    );
  });

  it("never runs past the end of a text that is cut off", () => {
    const text = JSON.stringify({ a: { b: ["x", { c: 'y"\\' }] }, d: 1.5, e: null });
    for (let length = 1; length < text.length; length++) {
      expect(() => entries(text.slice(0, length))).toThrow(/API server sent/);
    }
  });

  it.each([
    ['{"a":[{"b":1', "it ends inside an object or array"],
    ['{"a":"b', "it ends inside a string"],
    ["{a:1}", "a key was expected"],
    ['{"a" 1}', "a colon was expected"],
    ['{"a":}', "a value was expected"],
    [`{"a":${"1".repeat(64)}}`, "a value was expected"],
  ])("names what is wrong with %j", (text, reason) => {
    const passOver = () => cursorOf(text).eachKey(() => {});
    expect(passOver).toThrow(
      expect.objectContaining({
        code: "invalid-json",
        retryable: true,
        message: `read what the API server sent: ${reason}`,
      }),
    );
  });

  it("takes every blank and every word of JSON", () => {
    expect(entries('\t\r\n {\t"a"\r:\n true ,\t"b":\r-1.5E+3\n,"c":false\t}')).toEqual([
      ["a", "true"],
      ["b", "-1.5E+3"],
      ["c", "false"],
    ]);
    expect(entries(`{"a":${"1".repeat(63)}}`)).toEqual([["a", "1".repeat(63)]]);
  });

  it("reads nothing more once it is left, and gives the rest of its text to another", () => {
    const keys: string[] = [];
    const cursor = cursorOf('{"a":{"b":1,"c":2},"d":3,broken');
    cursor.eachKey((key) => {
      keys.push(key);
      cursor.eachKey((inner) => {
        keys.push(inner);
        cursor.leave();
      });
    });
    expect(keys).toEqual(["a", "b"]);
    let rest = "";
    const other = cursorOf('{"a":[1] ,"b":2}');
    other.eachKey((key) => {
      if (key !== "a") return;
      rest = String(other.rest());
      other.leave();
    });
    expect(rest).toBe('[1] ,"b":2}');
  });

  it("ends on any bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        const cursor = new JsonCursor(Buffer.concat([Buffer.from('{"'), bytes]));
        try {
          cursor.eachKey(() => {});
        } catch (error) {
          expect(error).toBeInstanceOf(Error);
        }
      }),
    );
  });
});
