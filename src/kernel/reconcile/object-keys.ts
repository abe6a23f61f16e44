/**
 * The keys of desired objects. Most objects of a state are those of the last one, and a key is a text that costs more to
 * build than to remember.
 */
export class ObjectKeys {
  readonly #keys = new WeakMap<object, string>();

  /** @param keyOf of the object's kind, the same in each call for an object */
  of<T extends object>(object: T, keyOf: (object: T) => string): string {
    let key = this.#keys.get(object);
    if (key === undefined) {
      key = keyOf(object);
      this.#keys.set(object, key);
    }
    return key;
  }
}
