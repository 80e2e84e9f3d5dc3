const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Strict UTF-8, `null` where it is not. A byte order mark is a character like others. */
export function decodeUtf8Strict(data: Buffer): string | null {
  try {
    return decoder.decode(data);
  } catch {
    return null;
  }
}
