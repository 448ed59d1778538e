import { open } from 'node:fs/promises';
import { extname } from 'node:path';
import type { Fault } from '../faults.ts';
import { looksLikeHtpasswd, readHtpasswd } from './htpasswd.ts';
import type { UsersFileContent } from './yaml-users.ts';
import { readYamlUsers } from './yaml-users.ts';

/** A users file as it was read. */
export interface UsersFile extends UsersFileContent {
  readonly format: 'yaml' | 'htpasswd';
  /** Empty when the file could not be read. */
  readonly text: string;
}

/** About 20,000 users; a bound, so that a wrong path can't fill the memory. */
const maxFileBytes = 4 * 1024 * 1024;

/** Reads and checks a users file, YAML or Apache htpasswd. Never rejects: what is wrong is in `faults`. */
export async function readUsersFile(path: string): Promise<UsersFile> {
  const read = await readBoundedText(path);
  if ('problem' in read) {
    const fault = { file: path, line: 1, column: 1, path: '', message: read.problem };
    return { format: 'yaml', text: '', users: [], faults: [fault], weakFaults: [] };
  }
  const isYaml = /^\.(ya?ml|json)$/i.test(extname(path)) || !looksLikeHtpasswd(read.text);
  return isYaml
    ? { format: 'yaml', text: read.text, ...readYamlUsers(read.text, path) }
    : { format: 'htpasswd', text: read.text, ...readHtpasswd(read.text, path) };
}

/** Everything that is wrong with a users file, passwords that can't be used among it; empty when nothing is. */
export async function checkUsersFile(path: string): Promise<readonly Fault[]> {
  const { faults, weakFaults } = await readUsersFile(path);
  return [...faults, ...weakFaults].toSorted((a, b) => a.line - b.line || a.column - b.column);
}

async function readBoundedText(path: string): Promise<{ readonly text: string } | { readonly problem: string }> {
  try {
    const file = await open(path, 'r');
    try {
      const { size } = await file.stat();
      if (size > maxFileBytes) return { problem: `is larger than ${maxFileBytes / 1024 / 1024} MiB` };
      const bytes = await file.readFile();
      return { text: new TextDecoder('utf-8', { fatal: true }).decode(bytes) };
    } finally {
      await file.close();
    }
  } catch (error) {
    if (error instanceof TypeError) return { problem: 'is not UTF-8 text' };
    return { problem: `could not be read (${codeOf(error)})` };
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
}
