/**
 * A controller that also aborts when one of `signals` does. To be aborted at the end of the work, since each signal has a
 * listener until then. AbortSignal.any would leave a weak reference at each signal, also after that: in Node.js 20 that
 * is a leak at a signal that lives as long as the daemon.
 */
export function linkedAbort(...signals: readonly AbortSignal[]): AbortController {
  const linked = new AbortController();
  const links = signals.map((signal) => ({ signal, onAbort: () => linked.abort(signal.reason) }));
  const unlink = () => {
    for (const { signal, onAbort } of links) signal.removeEventListener("abort", onAbort);
  };
  const aborted = signals.find((signal) => signal.aborted);
  if (aborted !== undefined) {
    linked.abort(aborted.reason);
    return linked;
  }
  for (const { signal, onAbort } of links) signal.addEventListener("abort", onAbort, { once: true });
  linked.signal.addEventListener("abort", unlink, { once: true });
  return linked;
}
