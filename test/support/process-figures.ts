import { readdirSync, readFileSync } from 'node:fs';

/** Resident memory of a process in bytes (Linux). */
export function residentBytes(pid: number): number {
  const status = readFileSync(`/proc/${String(pid)}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1] ?? 0) * 1024;
}

/** How many file descriptors a process has open (Linux). */
export function openFiles(pid: number): number {
  return readdirSync(`/proc/${String(pid)}/fd`).length;
}
