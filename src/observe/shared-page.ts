/** A page that costs something to make: at most one is in the making, however many ask for it. */
import type { Clock } from "../runtime/clock.ts";

export interface RenderedPage {
  readonly status: number;
  readonly contentType: string;
  readonly body: Buffer;
}

/**
 * Whoever asks gets a page that was begun after it asked; those that ask while one is being made share the next, and
 * with it its bytes.
 */
export function sharedPage(
  render: () => Promise<RenderedPage>,
  clock: Pick<Clock, "turn">,
): () => Promise<RenderedPage> {
  let running: Promise<unknown> = Promise.resolve();
  let next: Promise<RenderedPage> | null = null;
  return () => {
    if (next !== null) return next;
    const page = running.then(async () => {
      await clock.turn();
      next = null;
      return render();
    });
    next = page;
    running = page.catch(() => undefined);
    return page;
  };
}
