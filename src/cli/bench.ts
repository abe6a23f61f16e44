import { lookup } from "node:dns/promises";
import { compareResults } from "../../bench/comparison.ts";
import { exchange } from "../../bench/exchange/client.ts";
import { serveExchanges } from "../../bench/exchange/server.ts";
import { TcpCalls } from "../../bench/exchange/tcp-calls.ts";
import { standGuard } from "../../bench/guard.ts";
import { readCommit } from "../../bench/host-facts.ts";
import { benchInLabs } from "../../bench/lab-bench.ts";
import { DEFAULT_TESTS, parseTests } from "../../bench/measurement.ts";
import { checkDistinct, DEFAULT_MODES, type Mode, parseExternal, parseModes } from "../../bench/modes.ts";
import { benchTowards } from "../../bench/remote-bench.ts";
import { describeComparison } from "../../bench/report/comparison.ts";
import { describeResult } from "../../bench/report/text.ts";
import { writeReport } from "../../bench/report/write.ts";
import { type BenchResult, type RunRecord, readResult } from "../../bench/result.ts";
import { FIRST_PORT, portsFrom, serve } from "../../bench/server.ts";
import { parseUnderlays } from "../../bench/underlay.ts";
import { requirePrograms } from "../lab/requirements.ts";
import { type Ip, parseIp } from "../net/index.ts";
import { replaceFile } from "../runtime/atomic-file.ts";
import { systemClock } from "../runtime/clock.ts";
import { messageOf, TweedError } from "../runtime/error.ts";
import { nodeFiles } from "../runtime/node-files.ts";
import type { Command } from "./command.ts";
import { CommandLine, wholeNumber } from "./command-line.ts";
import { EXIT } from "./exit-code.ts";
import type { Io } from "./io.ts";
import { requireRoot } from "./root.ts";
import { VERSION } from "./version.ts";

interface BenchFlags {
  readonly modes: string;
  readonly external: readonly Mode[];
  readonly daemonFlag: readonly string[];
  readonly underlay: string;
  readonly tests: string;
  readonly duration: number;
  readonly repeat: number;
  readonly json?: string;
  readonly report?: string;
  readonly server?: true;
  readonly listen: string;
  readonly client?: string;
  readonly label: string;
  readonly port: number;
}

const PORT = [
  "--port <n>",
  "first of the three ports of --server",
  wholeNumber("--port", 1, 65_533),
] as const;

/** Ends with 1 when a measurement failed, after the report of the others. */
export const bench: Command = (words, io) => {
  const line = new CommandLine("bench", "compare encapsulation modes", io);
  const collect = (text: string, earlier: readonly string[]) => [...earlier, text];

  line
    .command("", "")
    // Flags after a subcommand belong to it.
    .enablePositionalOptions()
    .option("--modes <names>", "modes to compare", DEFAULT_MODES.join(","))
    .option(
      "--external <name=command>",
      "another daemon that reads flannel's configuration from etcd; NAME:BACKEND=COMMAND says with which backend (vxlan); may be repeated",
      (text: string, earlier: readonly Mode[]) => [...earlier, parseExternal(text)],
      [],
    )
    .option("--daemon-flag <flag>", "a flag for all daemons of Tweed's; may be repeated", collect, [])
    .option("--underlay <which>", "same-host, wire-like or both", "both")
    .option("--tests <names>", "what to measure", DEFAULT_TESTS.join(","))
    .option("--duration <seconds>", "length of a stream", wholeNumber("--duration", 1, 3600), 1)
    .option("--repeat <n>", "rounds", wholeNumber("--repeat", 1, 1000), 4)
    .option("--json <file>", "write the result")
    .option("--report <directory>", "write report.html and report.md")
    .option("--server", "run the remote end of a measurement between two machines")
    .option("--listen <address>", "where the server listens", "0.0.0.0")
    .option("--client <host>", "measure towards a server on another machine")
    .option("--label <name>", "name of the network between the machines", "network")
    .option(...PORT, FIRST_PORT)
    .action(
      line.exitWith(async (flags: BenchFlags) => {
        if (flags.server) return runServer(flags, io);
        const result = await runBench(flags, io);
        io.say(describeResult(result));
        if (flags.json !== undefined)
          await replaceFile(nodeFiles, flags.json, `${JSON.stringify(result)}\n`, { mode: 0o644 });
        if (flags.report !== undefined) {
          await writeReport(result, flags.report);
          io.complain(`report in ${flags.report}/report.html`);
        }
        const failures = result.samples.filter((sample) => sample.outcome === "failed");
        for (const { mode, measurement, reason } of failures)
          io.complain(`${mode}, ${measurement}: ${reason}`);
        return failures.length === 0 ? EXIT.ok : EXIT.failed;
      }),
    );

  line
    .command("compare", "medians of two results side by side, and which differ by more than their spread")
    .argument("<before>", "what --json wrote")
    .argument("<after>", "the same of another run")
    .action(
      line.exitWith(async (before: string, after: string) => {
        const comparison = compareResults(await readResult(before), await readResult(after));
        io.say(describeComparison(comparison));
        return comparison.differences.some(({ verdict }) => verdict === "worse") ? EXIT.failed : EXIT.ok;
      }),
    );

  line
    .command("exchange", "requests and responses of one byte over TCP, and the time of each")
    .argument("[address]", "of the server")
    .option("--listen <address>", "run the server")
    .option(...PORT, portsFrom(FIRST_PORT).exchange)
    .option("--duration-ms <n>", "how long", wholeNumber("--duration-ms", 1, 3_600_000), 1000)
    .option("--connect-each", "make a connection for each request")
    .action(
      line.exitWith((address: string | undefined, flags: ExchangeFlags) => runExchange(address, flags, io)),
    );

  line.command("guard", "removes the labs when the benchmark that started it is gone").action(
    line.exitWith(async () => {
      await standGuard(process.stdin, io.say);
      return EXIT.ok;
    }),
  );

  return line.run(words);
};

async function runBench(flags: BenchFlags, io: Io): Promise<BenchResult> {
  const startedAt = new Date(systemClock.wallMs()).toISOString();
  const startMs = systemClock.nowMs();
  const measured = { measurements: parseTests(flags.tests), rounds: flags.repeat, durationS: flags.duration };
  const record = await (flags.client === undefined
    ? benchLabs(flags, measured, io)
    : benchRemote(flags.client, flags, measured, io));
  return {
    format: "tweed-bench-1",
    startedAt,
    tookS: (systemClock.nowMs() - startMs) / 1000,
    tweed: { version: VERSION, ...(await readCommit(io.self[1] ?? ".")) },
    rounds: flags.repeat,
    durationS: flags.duration,
    ...record,
  };
}

interface Measured {
  readonly measurements: ReturnType<typeof parseTests>;
  readonly rounds: number;
  readonly durationS: number;
}

function benchLabs(flags: BenchFlags, measured: Measured, io: Io): Promise<RunRecord> {
  const own = flags.modes === "" ? [] : parseModes(flags.modes, flags.daemonFlag);
  const modes = [...own, ...flags.external];
  checkDistinct(modes);
  const plan = { ...measured, underlays: parseUnderlays(flags.underlay) };
  requireRoot("build the labs of a benchmark");
  return benchInLabs(modes, plan, io.self, io.complain, io.signal);
}

async function benchRemote(host: string, flags: BenchFlags, measured: Measured, io: Io): Promise<RunRecord> {
  const server = { ip: await resolveHost(host), ports: portsFrom(flags.port) };
  const plan = { ...measured, underlays: ["real"] as const };
  return benchTowards(server, flags.label, plan, io.self, io.complain, io.signal);
}

async function resolveHost(host: string): Promise<Ip> {
  try {
    return parseIp((await lookup(host)).address);
  } catch (cause) {
    throw new TweedError({ code: "usage", operation: "read --client", reason: messageOf(cause), cause });
  }
}

async function runServer(flags: BenchFlags, io: Io): Promise<number> {
  await requirePrograms(["iperf3"], io.complain);
  await serve(io.self, parseIp(flags.listen), portsFrom(flags.port), io.say, io.signal);
  return EXIT.ok;
}

interface ExchangeFlags {
  readonly listen?: string;
  readonly port: number;
  readonly durationMs: number;
  readonly connectEach?: true;
}

async function runExchange(address: string | undefined, flags: ExchangeFlags, io: Io): Promise<number> {
  const calls = await TcpCalls.open();
  const { port, durationMs, connectEach = false } = flags;
  if (flags.listen !== undefined) {
    const listening = () => io.say(`exchange: listening on ${flags.listen} port ${port}`);
    await serveExchanges(calls, parseIp(flags.listen), port, listening, io.signal);
    return EXIT.ok;
  }
  if (address === undefined) {
    throw new TweedError({
      code: "usage",
      operation: "read the arguments of bench exchange",
      reason: "expected the server's address, or --listen",
    });
  }
  io.say(
    JSON.stringify(exchange(calls, { ip: parseIp(address), port, durationMs, connectEach }, systemClock)),
  );
  return EXIT.ok;
}
