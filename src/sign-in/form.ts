import type { IncomingMessage } from 'node:http';
import type { RequestFacts } from '../request/facts.ts';

/** Limits of a form of ours: bytes, fields, milliseconds. */
const limits = { maxBytes: 16_384, maxFields: 50, maxMs: 20_000 } as const;

/** The fields of a form; no name stands twice. */
export type FormFields = ReadonlyMap<string, string>;

export type FormResult =
  | { readonly kind: 'form'; readonly fields: FormFields }
  | { readonly kind: 'refused'; readonly status: 400 | 408 | 413 | 415; readonly reason: string };

function refused(status: 400 | 408 | 413 | 415, reason: string): FormResult {
  return { kind: 'refused', status, reason };
}

/** Reads the body of a post as `application/x-www-form-urlencoded` (WHATWG URL §5.1), strictly and within limits. Never throws. */
export async function readForm(facts: RequestFacts, request: IncomingMessage): Promise<FormResult> {
  const type = facts.header('content-type')?.split(';', 1)[0]?.trim().toLowerCase();
  if (type !== 'application/x-www-form-urlencoded') return refused(415, 'form-content-type');
  if (facts.header('content-encoding') !== undefined) return refused(415, 'form-content-encoding');
  if (Number(facts.header('content-length') ?? 0) > limits.maxBytes) return refused(413, 'form-too-large');
  const body = await readBody(request);
  return typeof body === 'string'
    ? refused(body === 'form-too-large' ? 413 : body === 'form-too-slow' ? 408 : 400, body)
    : parseForm(body);
}

type BodyFault = 'form-too-large' | 'form-too-slow' | 'form-aborted';

function readBody(request: IncomingMessage): Promise<Buffer | BodyFault> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    const settle = (result: Buffer | BodyFault): void => {
      clearTimeout(timer);
      request.off('data', take).off('end', end).off('close', gone).off('error', gone);
      resolve(result);
    };
    const take = (chunk: Buffer): void => {
      bytes += chunk.length;
      if (bytes > limits.maxBytes) settle('form-too-large');
      else chunks.push(chunk);
    };
    const end = (): void => settle(Buffer.concat(chunks));
    const gone = (): void => settle('form-aborted');
    const timer = setTimeout(() => settle('form-too-slow'), limits.maxMs);
    request.on('data', take).once('end', end).once('close', gone).once('error', gone);
  });
}

/** Parses form bytes. Values come out exactly as typed: no trimming, no case folding, no normalisation. */
export function parseForm(body: Buffer): FormResult {
  const fields = new Map<string, string>();
  const text = body.toString('latin1');
  const pairs = text.split('&', limits.maxFields + 1);
  if (pairs.length > limits.maxFields) return refused(400, 'form-too-many-fields');
  for (const pair of pairs) {
    if (pair === '') continue;
    const at = pair.indexOf('=');
    const name = decode(at === -1 ? pair : pair.slice(0, at));
    const value = decode(at === -1 ? '' : pair.slice(at + 1));
    if (name === null || value === null) return refused(400, 'form-encoding');
    if (fields.has(name)) return refused(400, 'form-duplicate-field');
    fields.set(name, value);
  }
  return { kind: 'form', fields };
}

/** Percent-decoded UTF-8; null when it is broken. `text` holds bytes in Latin-1. */
function decode(text: string): string | null {
  const escaped = text.replaceAll('+', ' ').replace(/[\x80-\xff]/g, (byte) => `%${byte.charCodeAt(0).toString(16)}`);
  try {
    return decodeURIComponent(escaped);
  } catch {
    return null;
  }
}
