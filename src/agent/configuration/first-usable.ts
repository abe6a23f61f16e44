/** The first configuration that this node can serve. */
import { abortable } from "../../runtime/abortable.ts";
import { Backoff } from "../../runtime/backoff.ts";
import type { Clock } from "../../runtime/clock.ts";
import { isRetryable, messageOf, TweedError } from "../../runtime/error.ts";
import type { Random } from "../../runtime/random.ts";
import { settlesWithin } from "../../runtime/timer.ts";
import type { Configuration } from "./configuration.ts";
import type { RefusedConfiguration } from "./refused-configurations.ts";

/** Also the time in which a Node that was corrected is noticed. */
const RETRY = { firstMs: 1_000, maxMs: 10_000 };

export interface FirstUsable<T> {
  readonly prepared: T;
  /** The newest one, where the host cannot serve it as it is and the last good one is used. */
  readonly refused: RefusedConfiguration | null;
  /** The configurations after it. */
  readonly further: AsyncIterable<Configuration>;
}

export interface FirstUsableParts {
  readonly clock: Clock;
  readonly random: Random;
  /** From an earlier daemon, in place of one that this node cannot serve. */
  readonly lastGood: Configuration | null;
  /** The last good configuration comes into force in place of the newest. */
  onRefused(reason: string): void;
  /** There is nothing that can come into force yet. */
  onFault(reason: string): void;
}

/**
 * Waits while the cluster has assigned the node a subnet outside of the network, for a corrected configuration or Node, and
 * while the store refuses the node's token: the data path stays as an earlier daemon left it.
 * @param prepare throws TweedError `outside-network`, or `unsuitable-host` where an operator has to change the host
 * @throws whatever `prepare` throws that is not retryable
 */
export async function firstUsable<T>(
  configurations: AsyncGenerator<Configuration, void>,
  first: Configuration,
  prepare: (configuration: Configuration) => Promise<T>,
  { clock, random, lastGood, onRefused, onFault }: FirstUsableParts,
  signal: AbortSignal,
): Promise<FirstUsable<T>> {
  const backoff = new Backoff({ ...RETRY, random });
  let newest = first;
  let upcoming: ReturnType<typeof configurations.next> | null = null;
  for (;;) {
    const { usable, fault } = await attempt(newest, lastGood, prepare, onRefused);
    if (usable !== null) return { ...usable, further: resume(upcoming, configurations) };
    onFault(fault);
    upcoming ??= abortable(configurations.next(), signal);
    if (!(await settlesWithin(clock, backoff.nextMs(), upcoming))) continue;
    const next = await upcoming;
    signal.throwIfAborted();
    if (next.done) throw new Error("following the configuration ended by itself");
    newest = next.value;
    upcoming = null;
  }
}

type Attempt<T> =
  | { readonly usable: Omit<FirstUsable<T>, "further">; readonly fault: null }
  | { readonly usable: null; readonly fault: string };

async function attempt<T>(
  newest: Configuration,
  lastGood: Configuration | null,
  prepare: (configuration: Configuration) => Promise<T>,
  onRefused: (reason: string) => void,
): Promise<Attempt<T>> {
  try {
    return { usable: { prepared: await prepare(newest), refused: null }, fault: null };
  } catch (error) {
    if (isRefusal(error) && lastGood !== null && lastGood.text !== newest.text) {
      try {
        const prepared = await prepare(lastGood);
        const { code, message: reason } = error;
        onRefused(reason);
        const refused = code === "unsuitable-host" ? { configuration: newest, reason } : null;
        return { usable: { prepared, refused }, fault: null };
      } catch (other) {
        if (!isRefusal(other)) return waiting(other);
      }
    }
    return waiting(error);
  }
}

/** @throws the error itself, unless it may go away */
function waiting(error: unknown): { readonly usable: null; readonly fault: string } {
  if (!isRetryable(error)) throw error;
  return { usable: null, fault: messageOf(error) };
}

function isRefusal(error: unknown): error is TweedError {
  return (
    error instanceof TweedError && (error.code === "unsuitable-host" || error.code === "outside-network")
  );
}

async function* resume<T>(
  upcoming: Promise<IteratorResult<T, void>> | null,
  further: AsyncGenerator<T, void>,
): AsyncGenerator<T, void> {
  const next = await upcoming;
  if (next !== null) {
    if (next.done) return;
    yield next.value;
  }
  yield* further;
}
