import { readPath, type PathReading } from './path.ts';

/** Methods that write to a second place, which `Destination` names (RFC 4918 §10.3). */
const writesElsewhere: ReadonlySet<string> = new Set(['COPY', 'MOVE']);

const target = /^(?:https?:\/\/[^/?#\\]*)?(\/[^?]*)?(?:\?.*)?$/i;

/**
 * The path that a COPY or MOVE writes to, whatever host stands before it: WebDAV servers compare the scheme at most. Null for
 * every other method, and where none is named.
 */
export function readDestination(method: string, value: string | undefined): PathReading | null {
  if (value === undefined || !writesElsewhere.has(method)) return null;
  const match = target.exec(value);
  if (match === null || value === '') return { kind: 'unreadable', reason: 'path-not-absolute' };
  return readPath(match[1] ?? '/');
}
