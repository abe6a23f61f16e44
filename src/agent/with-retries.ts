import { Backoff } from "../runtime/backoff.ts";
import type { Clock } from "../runtime/clock.ts";
import { isRetryable, messageOf } from "../runtime/error.ts";
import type { Random } from "../runtime/random.ts";

const RETRY = { firstMs: 100, maxMs: 10_000 };

/** Retries `attempt` while its errors are retryable, and reports the reason of each. */
export async function withRetries<T>(
  attempt: () => Promise<T>,
  { clock, random }: { readonly clock: Clock; readonly random: Random },
  onFault: (reason: string) => void,
  signal: AbortSignal,
): Promise<T> {
  const backoff = new Backoff({ ...RETRY, random });
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      signal.throwIfAborted();
      if (!isRetryable(error)) throw error;
      onFault(messageOf(error));
      await clock.sleep(backoff.nextMs(), signal);
    }
  }
}
