/** What a watch is sent of a table's event, where it is about some of the objects only. */
import type { StoredObject, TableEvent } from "./object-table.ts";

/** For one that comes into view the event is ADDED, for one that leaves it DELETED, as it was with the version of now. */
export function eventInView(event: TableEvent, isShown: ((text: string) => boolean) | null): string | null {
  if (isShown === null) return line(event.type, event.text);
  const was = event.before !== null && isShown(event.before);
  const is = event.type !== "DELETED" && isShown(event.text);
  if (is) return line(was ? "MODIFIED" : "ADDED", event.text);
  if (!was || event.before === null) return null;
  const before = JSON.parse(event.before) as StoredObject;
  const metadata = { ...before.metadata, resourceVersion: String(event.version) };
  return line("DELETED", JSON.stringify({ ...before, metadata }));
}

export function line(type: string, text: string): string {
  return `{"type":"${type}","object":${text}}\n`;
}
