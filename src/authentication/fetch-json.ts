import type { Runtime } from '../runtime.ts';

export interface FetchJsonOptions {
  readonly fetch: Runtime['fetch'];
  readonly timeoutMs: number;
  readonly maxBytes: number;
}

export interface FetchedJson {
  readonly value: unknown;
  /** `max-age` of `Cache-Control` in milliseconds; null when nothing is said. */
  readonly maxAgeMs: number | null;
}

/**
 * Gets a JSON document in bounded time and memory; follows no redirect, since nobody has vouched for the place it leads to.
 * Throws an Error that says what was wrong.
 */
export async function fetchJson(url: string, { fetch, timeoutMs, maxBytes }: FetchJsonOptions): Promise<FetchedJson> {
  const signal = AbortSignal.timeout(timeoutMs);
  const response = await fetch(url, { signal, redirect: 'manual', headers: { accept: 'application/json' } });
  if (response.status !== 200) {
    await response.body?.cancel();
    throw new Error(`${url} answered ${String(response.status)}`);
  }
  const chunks: Uint8Array[] = [];
  let size = 0;
  const body: AsyncIterable<Uint8Array> | null = response.body;
  for await (const chunk of body ?? []) {
    size += chunk.byteLength;
    // Leaving the loop ends the transfer.
    if (size > maxBytes) throw new Error(`${url} answered more than ${String(maxBytes)} bytes`);
    chunks.push(chunk);
  }
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks)));
    return { value, maxAgeMs: maxAgeOf(response.headers.get('cache-control')) };
  } catch (cause) {
    throw new Error(`${url} did not answer JSON`, { cause });
  }
}

function maxAgeOf(header: string | null): number | null {
  const seconds = /(?:^|[,\s])max-age="?(\d{1,9})/i.exec(header ?? '')?.[1];
  return seconds === undefined ? null : Number(seconds) * 1_000;
}
