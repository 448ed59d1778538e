#!/usr/bin/env node
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { CommandContext, Output } from './commands/context.ts';
import { satisfies } from './commands/node-version.ts';

/** Arguments in, exit code out: the only file that touches the process. */

function outputTo(stream: NodeJS.WriteStream): Output {
  // Whoever read has gone (`sallyport schema | head`): nothing is left to say.
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
  return { write: (text) => void stream.write(text), isTTY: stream.isTTY };
}

function createContext(): CommandContext {
  return {
    stdin: process.stdin,
    stdout: outputTo(process.stdout),
    stderr: outputTo(process.stderr),
    env: process.env,
    cwd: process.cwd(),
    now: () => Date.now(),
    randomBytes: (size) => randomBytes(size),
    fetch,
    onSignal: (signal, listener) => {
      process.on(signal, listener);
      return () => void process.off(signal, listener);
    },
    onSurprise: (listener) => {
      process.on('uncaughtException', listener);
      process.on('unhandledRejection', listener);
      return () => {
        process.off('uncaughtException', listener);
        process.off('unhandledRejection', listener);
      };
    },
    exitWith: (code) => {
      process.exitCode = code;
    },
  };
}

interface Manifest {
  readonly version: string;
  readonly engines: { readonly node: string };
}

function isManifest(value: unknown): value is Manifest {
  return typeof value === 'object' && value !== null && 'version' in value && 'engines' in value;
}

async function main(): Promise<void> {
  const manifest: unknown = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
  if (!isManifest(manifest)) throw new Error('package.json names no version or no engines');
  if (!satisfies(process.version, manifest.engines.node)) {
    process.stderr.write(`sallyport: needs Node ${manifest.engines.node}, but this is ${process.version}\n`);
    process.exitCode = 2;
    return;
  }
  // Only now: an older Node could not even read what stands behind.
  const { runProgram } = await import('./commands/program.ts');
  try {
    await runProgram(process.argv.slice(2), manifest.version, createContext());
  } catch (error) {
    process.stderr.write(`sallyport: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
    process.exitCode = 1;
  }
}

await main();
