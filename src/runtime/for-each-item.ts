/**
 * As `for await`, for large items: a function that V8 has optimized may keep an item from long before in its frame while
 * it waits for the next one, so each is waited for by a call of its own.
 */
export async function forEachItem<T>(items: AsyncIterable<T>, act: (item: T) => void): Promise<void> {
  const iterator = items[Symbol.asyncIterator]();
  try {
    while (await takeNext(iterator, act));
  } finally {
    await iterator.return?.();
  }
}

async function takeNext<T>(iterator: AsyncIterator<T>, act: (item: T) => void): Promise<boolean> {
  const next = await iterator.next();
  if (next.done === true) return false;
  act(next.value);
  return true;
}
