import { type Ip, parseIp } from "../net/index.ts";
import { openIcmpSocket } from "../probe/icmp-socket.ts";
import { probe } from "../probe/prober.ts";
import type { ProbeResult } from "../probe/tally.ts";
import { systemClock } from "../runtime/clock.ts";
import { systemRandom } from "../runtime/random.ts";
import type { Command } from "./command.ts";
import { CommandLine, wholeNumber } from "./command-line.ts";
import { EXIT } from "./exit-code.ts";

interface ProbeFlags {
  readonly count: number;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  readonly size: number;
  readonly json?: true;
}

/** Ends with 1 when a packet was lost. SIGINT and SIGTERM stop the requests; the result is then printed. */
export const probeCommand: Command = (words, io) => {
  const line = new CommandLine("probe", "ping addresses at a fixed rate and count what is lost", io);
  line
    .command("", "")
    .argument("<address...>", "IPv4 or IPv6 addresses")
    .option(
      "--count <n>",
      "requests to each address; 0 for no limit, until a signal",
      wholeNumber("--count", 0, 1e9),
      5,
    )
    .option("--interval-ms <n>", "time between requests", wholeNumber("--interval-ms", 1, 60_000), 100)
    .option("--timeout-ms <n>", "wait for the last replies", wholeNumber("--timeout-ms", 1, 60_000), 1000)
    .option("--size <bytes>", "bytes after the ICMP header", wholeNumber("--size", 4, 65_000), 56)
    .option("--json", "print JSON")
    .action(
      line.exitWith(async (addresses: string[], flags: ProbeFlags) => {
        const results = await probe(
          {
            targets: addresses.map((text): Ip => parseIp(text)),
            count: flags.count === 0 ? Number.POSITIVE_INFINITY : flags.count,
            intervalMs: flags.intervalMs,
            timeoutMs: flags.timeoutMs,
            payloadBytes: flags.size,
            identifier: systemRandom.below(0x10000),
            onSending: () => io.complain(`pinging ${addresses.join(" ")} every ${flags.intervalMs} ms`),
          },
          systemClock,
          openIcmpSocket,
          io.signal,
        );
        io.say(flags.json ? JSON.stringify(results) : results.map(describe).join("\n"));
        return results.every((result) => result.lost === 0) ? EXIT.ok : EXIT.failed;
      }),
    );
  return line.run(words);
};

function describe(result: ProbeResult): string {
  const { target, sent, lost, longestLoss, rttMs } = result;
  const losses = lost === 0 ? "" : `, at most ${longestLoss} in a row`;
  const times =
    rttMs === null ? "" : `, ${rttMs.min}/${rttMs.median}/${rttMs.p99}/${rttMs.max} ms min/median/p99/max`;
  return `${target}: ${sent} sent, ${lost} lost${losses}${times}`;
}
