/** The size of a message, near enough to compare it with the limits of etcd and gRPC. */
export function messageBytes(message: unknown): number {
  if (typeof message === "string") return message.length;
  if (message instanceof Uint8Array) return message.length + 2;
  if (typeof message !== "object" || message === null) return 2;
  return Object.values(message).reduce((sum: number, part: unknown) => sum + messageBytes(part), 2);
}
