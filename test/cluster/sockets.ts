const LISTEN = "0A";

/**
 * @param table text of /proc/net/tcp or tcp6 (proc(5)), whose lines have local address, remote address and state in hex
 */
export function isListening(table: string, port: number): boolean {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  return table.split("\n").some((line) => {
    const [, local = "", , state] = line.trim().split(/\s+/);
    return state === LISTEN && local.endsWith(suffix);
  });
}
