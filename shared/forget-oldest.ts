interface Remembered<K> {
  readonly size: number;
  keys(): Iterator<K>;
  delete(key: K): boolean;
}

/** Keeps a Map or a Set within `most` entries: what came first is taken away. Call it after each addition. */
export function forgetOldest<K>(remembered: Remembered<K>, most: number): void {
  while (remembered.size > most) {
    const oldest = remembered.keys().next();
    if (oldest.done === true) return;
    remembered.delete(oldest.value);
  }
}
