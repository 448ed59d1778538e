import { readFileSync, readdirSync } from 'node:fs';

/** Ticks of a second in /proc/PID/stat (USER_HZ; 100 on every Linux that we meet). */
const ticksPerSecond = 100;

/** User and system time of processes and all that they started, in microseconds, as Linux counts it. */
export function cpuMicroseconds(roots: readonly number[]): number {
  let ticks = 0;
  for (const pid of treeOf(roots)) {
    const fields = statFields(pid);
    // Those that have ended and been waited for count with their parent.
    if (fields !== null) for (const field of [11, 12, 13, 14]) ticks += Number(fields[field]);
  }
  return (ticks * 1_000_000) / ticksPerSecond;
}

/** Resident memory of processes and all that they started, in bytes. */
export function residentBytes(roots: readonly number[]): number {
  let bytes = 0;
  for (const pid of treeOf(roots)) {
    const match = /VmRSS:\s+(\d+) kB/.exec(readOrEmpty(`/proc/${pid}/status`));
    bytes += Number(match?.[1] ?? 0) * 1_024;
  }
  return bytes;
}

/** How many file descriptors processes and all that they started have open; of them sockets. */
export function openFiles(roots: readonly number[]): number {
  let files = 0;
  for (const pid of treeOf(roots)) {
    try {
      files += readdirSync(`/proc/${pid}/fd`).length;
    } catch {
      // It has just ended.
    }
  }
  return files;
}

/** Processes and their children, and so on. */
export function treeOf(roots: readonly number[]): number[] {
  const children = new Map<number, number[]>();
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    const parent = Number(statFields(Number(entry))?.[1] ?? -1);
    children.set(parent, [...(children.get(parent) ?? []), Number(entry)]);
  }
  const tree = [...roots];
  for (const pid of tree) tree.push(...(children.get(pid) ?? []));
  return tree;
}

/** Fields of /proc/PID/stat from `state` on (the name before may hold spaces); null when the process is gone. */
function statFields(pid: number): string[] | null {
  const text = readOrEmpty(`/proc/${pid}/stat`);
  return text === '' ? null : text.slice(text.lastIndexOf(')') + 2).split(' ');
}

function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
