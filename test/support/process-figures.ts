import { readdirSync, readFileSync } from 'node:fs';

/** Resident memory of a process and its workers in bytes (Linux). */
export function residentBytes(pid: number): number {
  return sumOver(pid, (one) => {
    const status = readFileSync(`/proc/${String(one)}/status`, 'utf8');
    return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1] ?? 0) * 1024;
  });
}

/** How many file descriptors a process and its workers have open (Linux). */
export function openFiles(pid: number): number {
  return sumOver(pid, (one) => readdirSync(`/proc/${String(one)}/fd`).length);
}

function sumOver(pid: number, figure: (pid: number) => number): number {
  return [pid, ...childrenOf(pid)].reduce((sum, one) => sum + figure(one), 0);
}

/** Processes that a process started and that live, lowest id first (Linux). */
export function childrenOf(pid: number): readonly number[] {
  const children: number[] = [];
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    const [state, parent] = statusOf(Number(entry));
    if (Number(parent) === pid && state !== 'Z') children.push(Number(entry));
  }
  return children.sort((a, b) => a - b);
}

/** `[STATE, PARENT, …]` of `PID (COMMAND) STATE PARENT …`; empty when the process is gone. */
function statusOf(pid: number): readonly string[] {
  try {
    const text = readFileSync(`/proc/${String(pid)}/stat`, 'latin1');
    return text.slice(text.lastIndexOf(')') + 2).split(' ');
  } catch {
    return [];
  }
}
