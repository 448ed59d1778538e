import type { Fault } from '../faults.ts';
import { canonicalUserName } from '../identity/user-name.ts';
import { readPasswordHash } from './password-hash.ts';
import type { UserRecord } from './user-record.ts';
import type { UsersFileContent } from './yaml-users.ts';

/** True when a line is one of an Apache htpasswd file: a name, a colon and at once a hash. */
export function looksLikeHtpasswd(text: string): boolean {
  const line = text.split(/\r?\n/).find((candidate) => candidate.trim() !== '' && !candidate.startsWith('#'));
  return line !== undefined && /^[^:\s]+:(\$|\{SHA\}|[./0-9A-Za-z]{13}$)/.test(line);
}

/** Reads an Apache htpasswd file: `name:hash` a line; bcrypt (`htpasswd -B`) and argon2 are understood. */
export function readHtpasswd(text: string, file: string): UsersFileContent {
  const users = new Map<string, UserRecord>();
  const faults: Fault[] = [];
  const weakFaults: Fault[] = [];
  text.split('\n').forEach((raw, index) => {
    const line = raw.replace(/\r$/, '');
    if (line.trim() === '' || line.startsWith('#')) return;
    const colon = line.indexOf(':');
    const written = line.slice(0, Math.max(0, colon));
    const at = (column: number, message: string): Fault => ({
      file,
      line: index + 1,
      column,
      path: written.slice(0, 64),
      message,
    });
    const user = canonicalUserName(written);
    if (colon === -1) faults.push(at(1, 'is not a line of an htpasswd file; write name:hash'));
    else if (user === null) faults.push(at(1, 'is not a user name; use no control characters'));
    else if (users.has(user)) faults.push(at(1, `is a user for the second time (${JSON.stringify(user)})`));
    else {
      // Apache ignores what follows a second colon (as htdigest files have it).
      const passwordHash = line.slice(colon + 1).split(':')[0] ?? '';
      const hash = readPasswordHash(passwordHash);
      if (hash.kind === 'unusable') weakFaults.push(at(colon + 2, hash.message));
      users.set(user, { user, name: '', email: '', groups: [], passwordHash, disabled: false });
    }
  });
  return { users: [...users.values()], faults, weakFaults };
}
