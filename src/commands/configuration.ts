import { isAbsolute, relative } from 'node:path';

import { findConfigFile, loadConfig } from '../config/load.ts';
import type { LoadResult } from '../config/load.ts';
import { GatewayError } from '../errors.ts';
import { describeFault } from '../faults.ts';
import type { Fault } from '../faults.ts';
import type { CommandContext } from './context.ts';

type Loaded = Extract<LoadResult, { readonly kind: 'ok' }> & { readonly file: string };

/**
 * Loads the configuration that the command was told of, or finds it. Null when it has faults: they have been written to
 * standard error, a line each, and the command ends with exit code 2. Throws `config-invalid` when there is none at all.
 */
export function loadForCommand(context: CommandContext, config: string | undefined, listen?: string): Loaded | null {
  const file = findConfigFile({ config, env: context.env, cwd: context.cwd });
  if (file === undefined)
    throw new GatewayError(
      'config-invalid',
      'found no configuration in ./config/sallyport.yaml or /etc/sallyport/sallyport.yaml; name one with --config FILE, or make one with: sallyport init',
    );
  const result = loadConfig({ file, env: context.env, listen });
  if (result.kind === 'ok') return { ...result, file };
  writeFaults(context, result.faults);
  return null;
}

/** Writes one line a fault to standard error, file names as short as they can be from here. */
export function writeFaults(context: CommandContext, faults: readonly Fault[]): void {
  for (const fault of faults) context.stderr.write(`${lineOf(context, fault)}\n`);
}

/** `FILE:LINE:COLUMN: path.to.key: what is wrong`, the file seen from the working directory. */
export function lineOf(context: CommandContext, fault: Fault): string {
  return describeFault({ ...fault, file: nearName(context, fault.file) });
}

/** An absolute path as a person in the working directory would write it. */
export function nearName({ cwd }: CommandContext, file: string): string {
  const near = isAbsolute(file) ? relative(cwd, file) : file;
  return near === '' || near.startsWith('..') ? file : near;
}
