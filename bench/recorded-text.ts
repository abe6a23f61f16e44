/** The text of a recorded measurement, validated by its schema. */
import * as v from "valibot";
import { messageOf, TweedError } from "../src/runtime/error.ts";

/**
 * @param origin source of the text, for errors
 * @param writer the command that writes such texts
 * @throws TweedError `invalid-result`
 */
export function parseRecordedText<Schema extends v.GenericSchema>(
  schema: Schema,
  text: string,
  origin: string,
  writer: string,
): v.InferOutput<Schema> {
  const refuse = (reason: string, cause?: unknown): never => {
    throw new TweedError({ code: "invalid-result", operation: `read ${origin}`, reason, cause });
  };
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    return refuse(`it is not JSON: ${messageOf(cause)}`, cause);
  }
  const result = v.safeParse(schema, value);
  if (result.success) return result.output;
  return refuse(`it is not what ${writer} writes: ${v.summarize(result.issues)}`);
}
