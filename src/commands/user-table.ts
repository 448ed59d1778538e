import { needsRehash, readPasswordHash } from '../users/password-hash.ts';
import type { UserRecord } from '../users/user-record.ts';
import type { Output } from './context.ts';

/** Writes users as a table, a line each. */
export function writeUserTable(output: Output, users: readonly UserRecord[]): void {
  const rows = [
    ['USER', 'NAME', 'EMAIL', 'GROUPS', 'STATE'],
    ...users.map((user) => [user.user, user.name, user.email, user.groups.join(','), stateOf(user)]),
  ];
  const widths = [0, 1, 2, 3].map((column) => Math.max(...rows.map((row) => [...(row[column] ?? '')].length)));
  for (const row of rows) {
    const cells = row.map((text, column) => text + ' '.repeat(Math.max(0, (widths[column] ?? 0) - [...text].length)));
    output.write(`${cells.join('  ').trimEnd()}\n`);
  }
}

function stateOf({ disabled, passwordHash }: UserRecord): string {
  if (disabled) return 'disabled';
  if (passwordHash === '') return 'no password';
  const hash = readPasswordHash(passwordHash);
  if (hash.kind === 'unusable') return 'password unusable';
  return needsRehash(hash) ? 'active, old hash' : 'active';
}
