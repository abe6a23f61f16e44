/**
 * Notifies systemd of the service's state by sd_notify(3): assignments as lines of one datagram to the socket that
 * NOTIFY_SOCKET names. Without that variable, as in a container, it does nothing.
 */
import { openUnixDatagrams, type SendUnixDatagram } from "../../kernel/libc/unix-datagram.ts";
import { messageOf } from "../../runtime/error.ts";
import type { Log } from "../../runtime/log.ts";

export class SdNotify {
  readonly #send: (message: string) => void;
  readonly #log: Log;
  #hasFailed = false;

  private constructor(send: (message: string) => void, log: Log) {
    this.#send = send;
    this.#log = log;
  }

  static async open(socket: string | null, log: Log): Promise<SdNotify> {
    if (socket === null) return new SdNotify(() => {}, log);
    const send: SendUnixDatagram = await openUnixDatagrams();
    return new SdNotify((message) => send(socket, new TextEncoder().encode(message)), log);
  }

  /** Start-up is complete; systemd starts the units that are ordered after this one. */
  ready(status: string): void {
    this.#notify(`READY=1\n${statusLine(status)}`);
  }

  /** One line for `systemctl status`. */
  status(status: string): void {
    this.#notify(statusLine(status));
  }

  stopping(): void {
    this.#notify("STOPPING=1");
  }

  /** The service does not depend on it, so a failure is logged, once. */
  #notify(message: string): void {
    try {
      this.#send(message);
    } catch (error) {
      if (this.#hasFailed) return;
      this.#hasFailed = true;
      this.#log.warn({ op: "sd-notify", reason: messageOf(error) }, "systemd not notified");
    }
  }
}

/** A line break would begin another assignment. */
function statusLine(status: string): string {
  return `STATUS=${status.replaceAll(/\s+/g, " ")}`;
}
