import type { IncomingHttpHeaders } from 'node:http2';
import type { Dispatcher } from 'undici';

/** RFC 9113 §8.2, §8.3: pseudo-headers first, names in lower case, `Host` as the authority. We take trailers, and say so. */
export function headersOf({ method, path, headers }: Dispatcher.DispatchOptions, origin: string): string[] {
  const flat = Array.isArray(headers) ? headers : [];
  const fields: string[] = [];
  let authority = '';
  for (let index = 0; index + 1 < flat.length; index += 2) {
    const name = flat[index]?.toLowerCase() ?? '';
    const value = flat[index + 1] ?? '';
    if (name === 'host') authority = value;
    else fields.push(name, value);
  }
  const scheme = origin.slice(0, origin.indexOf(':'));
  const pseudo = [':method', method, ':scheme', scheme, ':authority', authority, ':path', path];
  return [...pseudo, ...fields, 'te', 'trailers'];
}

/** Raw headers as they came, less the pseudo-headers. */
export function withoutPseudo(raw: readonly string[]): string[] {
  const fields: string[] = [];
  for (let index = 0; index + 1 < raw.length; index += 2) {
    const name = raw[index] ?? '';
    if (!name.startsWith(':')) fields.push(name, raw[index + 1] ?? '');
  }
  return fields;
}

/** Headers by name, less the status. */
export function fieldsOf(headers: IncomingHttpHeaders): NodeJS.Dict<string | string[]> {
  const { ':status': _, ...fields } = headers;
  return fields;
}
