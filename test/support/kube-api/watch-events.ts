/** The event that a watch with a selector gets for an event of the table. */
import type { StoredObject, TableEvent } from "./object-table.ts";

/**
 * An object that begins to match gives ADDED; one that no longer matches gives DELETED, with its old content and the
 * new version.
 */
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
