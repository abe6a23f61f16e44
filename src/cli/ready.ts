import { get } from "node:http";
import { systemClock } from "../runtime/clock.ts";
import { messageOf } from "../runtime/error.ts";
import type { Command } from "./command.ts";
import { CommandLine, wholeNumber } from "./command-line.ts";
import { EXIT } from "./exit-code.ts";

const POLL_INTERVAL_MS = 20;
const ANSWER_TIMEOUT_MS = 2000;

/** Ends with 0 when /readyz says that the daemon is ready. An exec probe can call it without curl. */
export const ready: Command = (words, io) => {
  const line = new CommandLine("ready", "ask the daemon on this host whether it is ready", io);
  line
    .command("", "")
    .option("--host <address>", "address of the daemon's health listener", "127.0.0.1")
    .option("--port <n>", "its port (--healthz-port)", wholeNumber("--port", 1, 65_535), 8081)
    .option("--wait <seconds>", "poll for this long", wholeNumber("--wait", 0, 3600), 0)
    .action(
      line.exitWith(async (flags: { host: string; port: number; wait: number }) => {
        const deadlineMs = systemClock.nowMs() + flags.wait * 1000;
        for (;;) {
          const answer = await askReadiness(flags.host, flags.port);
          if (answer.isReady || systemClock.nowMs() >= deadlineMs) {
            io.say(answer.text);
            return answer.isReady ? EXIT.ok : EXIT.failed;
          }
          await systemClock.sleep(POLL_INTERVAL_MS, io.signal);
        }
      }),
    );
  return line.run(words);
};

function askReadiness(host: string, port: number): Promise<{ isReady: boolean; text: string }> {
  return new Promise((resolve) => {
    const fail = (error: unknown) => resolve({ isReady: false, text: `no answer: ${messageOf(error)}` });
    const request = get({ host, port, path: "/readyz", timeout: ANSWER_TIMEOUT_MS }, (response) => {
      response.setEncoding("utf8");
      let text = "";
      response.on("data", (chunk: string) => {
        text += chunk;
      });
      response.on("end", () => resolve({ isReady: response.statusCode === 200, text: text.trim() }));
      response.on("error", fail);
    });
    request.on("timeout", () => request.destroy(new Error(`nothing within ${ANSWER_TIMEOUT_MS} ms`)));
    request.on("error", fail);
  });
}
