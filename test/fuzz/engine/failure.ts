/** Tells whether two failures are the same fault. */

/** Without what depends on the input: numbers, quoted text. */
export function signatureOf(error: unknown): string {
  const { name, message, stack } = error instanceof Error ? error : new Error(String(error));
  const place = (stack ?? "").split("\n").find((line) => /^\s+at /.test(line) && !line.includes("node:"));
  const text = message.replace(/"[^"]*"?|'[^']*'?|\d+/g, "…").slice(0, 120);
  return `${name}: ${text} ${(place ?? "").replace(/^.*?at (?:async )?(\S+).*$/, "in $1")}`.trim();
}
