/** A page that is expensive to render: at most one rendering runs at a time, however many requests there are. */
import type { Clock } from "../runtime/clock.ts";

export interface RenderedPage {
  readonly status: number;
  readonly contentType: string;
  readonly body: Buffer;
}

/**
 * A request gets a page whose rendering began after it. Requests during a rendering share the next page, and
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
