import { closeSync, constants, existsSync, fstatSync, openSync, readSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { readListenAddress } from '../server/config.ts';
import { completeConfig, freezeDeeply } from './complete.ts';
import { crossCheck } from './cross-checks.ts';
import type { ConfigDocument } from './document.ts';
import { readDocument } from './document.ts';
import type { Fault } from '../faults.ts';
import { toSchemaFaults, writeIssue } from './issues.ts';
import type { Config } from './schema.ts';
import { configSchema } from './schema.ts';
import { reasonOf } from './substitute.ts';
import { warnOf, warnOfReadableSecrets } from './warnings.ts';

type Environment = Readonly<Record<string, string | undefined>>;

export interface LoadOptions {
  /** Absolute path of the YAML file; paths inside are relative to it. */
  readonly file: string;
  /** For `${NAME}`. */
  readonly env: Environment;
  /** The file's text, when it need not be read. */
  readonly text?: string | undefined;
  /** `HOST:PORT` or `unix:/path` instead of `server.listen`. */
  readonly listen?: string | undefined;
}

/** Something allowed but unsafe, to be logged loudly at every start; it has a place like a fault. */
export type Warning = Fault;

export type LoadResult =
  /** `files`: absolute paths of all files that went into this result, to be watched. */
  | {
      readonly kind: 'ok';
      readonly config: Config;
      readonly warnings: readonly Warning[];
      readonly files: readonly string[];
    }
  | { readonly kind: 'faults'; readonly faults: readonly Fault[]; readonly files: readonly string[] };

const maxBytes = 1024 * 1024;

/**
 * Reads a configuration file, checks everything in it and freezes the result; builds nothing. Tells every fault at once
 * (what is not YAML at all hides the rest). Never throws for what stands in the file.
 *
 * @example loadConfig({ file: '/etc/sallyport/sallyport.yaml', env: { SALLYPORT_SECRET: '…' } })
 */
export function loadConfig(options: LoadOptions): LoadResult {
  const { file, env } = options;
  const source = options.text === undefined ? readFile(file) : limit(options.text);
  if ('fault' in source)
    return { kind: 'faults', faults: [{ file, line: 1, column: 1, path: '', message: source.fault }], files: [file] };
  const document = readDocument(source.text, file, { env, directory: dirname(file) });
  return check(document, options);
}

/** The configuration of `sallyport start --upstream URL`: one route for every host and path, for everybody signed in. */
export function configForUpstream(options: {
  readonly upstream: string;
  readonly listen?: string | undefined;
  /** Absolute; state is kept in `var` under it. */
  readonly directory: string;
}): LoadResult {
  const value = {
    store: { url: 'sqlite:./var/sallyport.db' },
    signIn: { local: { users: './var/users.yaml' } },
    routes: [{ id: 'upstream', upstream: options.upstream }],
  };
  const file = join(options.directory, 'sallyport.yaml');
  const faultAt: ConfigDocument['faultAt'] = (path, message) => ({
    file: path[0] === 'server' ? '--listen' : '--upstream',
    line: 1,
    column: 1,
    path: '',
    message,
  });
  const document = { value, faults: [], files: [], faultAt, isLiteral: () => false, fileOf: () => undefined };
  const result = check(document, { file, env: {}, listen: options.listen });
  return { ...result, files: [] };
}

/** Where the configuration is: what was asked for, else `$SALLYPORT_CONFIG`, else the two usual places, if there. */
export function findConfigFile(options: {
  /** `--config`. */
  readonly config?: string | undefined;
  readonly env: Environment;
  readonly cwd: string;
}): string | undefined {
  const named = options.config ?? options.env['SALLYPORT_CONFIG'];
  if (named !== undefined && named !== '') return resolve(options.cwd, named);
  return [join(options.cwd, 'config/sallyport.yaml'), '/etc/sallyport/sallyport.yaml'].find((file) => existsSync(file));
}

function check(document: ConfigDocument, { file, listen }: LoadOptions): LoadResult {
  const files = [...new Set([file, ...document.files])];
  const faults = [...document.faults];
  if (document.value === undefined) return { kind: 'faults', faults, files };
  if (listen !== undefined && !readListenAddress(listen))
    faults.push({ ...document.faultAt(['server'], ''), ...wrongListen });
  const parsed = configSchema.safeParse(withListen(document.value, listen), { error: writeIssue, reportInput: true });
  if (!parsed.success) {
    const known = new Set(document.faults.map((fault) => fault.path));
    for (const { path, message, atKey } of toSchemaFaults(parsed.error.issues)) {
      const fault = document.faultAt(path, message, atKey);
      // What could not be read is not also too short.
      if (!known.has(fault.path)) faults.push(fault);
    }
    return { kind: 'faults', faults: tidy(faults), files };
  }
  const config = completeConfig(parsed.data, dirname(file));
  crossCheck(config, (...place) => faults.push(document.faultAt(...place)));
  if (faults.length > 0) return { kind: 'faults', faults: tidy(faults), files };
  const warnings: Warning[] = [];
  const warn = (...place: Parameters<typeof document.faultAt>): void => void warnings.push(document.faultAt(...place));
  warnOf(config, warn);
  warnOfReadableSecrets(document.value, file, document, warn);
  for (const { jwksFile } of config.bearer) if (jwksFile !== undefined) files.push(jwksFile);
  files.push(...upstreamFiles(config), ...providerFiles(config));
  const named = [config.theme.logo, config.theme.css, config.signIn.ldap?.tls.ca];
  for (const namedFile of named) if (namedFile !== undefined) files.push(namedFile);
  return { kind: 'ok', config: freezeDeeply(config), warnings: freezeDeeply(tidy(warnings)), files };
}

/** PEM files that upstreams are spoken to with: a change of one is a change of the configuration. */
function upstreamFiles({ routes }: Config): readonly string[] {
  const files = routes.flatMap(({ upstream }) => [upstream?.tls?.ca, upstream?.tls?.cert, upstream?.tls?.key]);
  return [...new Set(files.filter((file) => file !== undefined))];
}

/** The same of providers, and the keys by which we prove to them who we are. */
function providerFiles({ signIn: { oidc, oauth2, github } }: Config): readonly string[] {
  const files = [github?.ca, ...oauth2.map(({ ca }) => ca), ...oidc.flatMap(({ ca, clientKey }) => [ca, clientKey])];
  return [...new Set(files.filter((file) => file !== undefined))];
}

const wrongListen = {
  file: '--listen',
  line: 1,
  column: 1,
  path: '',
  message: 'is not an address; write HOST:PORT or unix:/path',
};

function withListen(value: unknown, listen: string | undefined): unknown {
  // An empty file says nothing, so that everything has its default and only the routes are missing.
  const root: unknown = value ?? {};
  if (listen === undefined || !readListenAddress(listen) || typeof root !== 'object' || root === null) return root;
  const server: unknown = 'server' in root ? root.server : {};
  return { ...root, server: typeof server === 'object' && server !== null ? { ...server, listen } : server };
}

/** In the order of the file, none twice, and no more than a person can read. */
function tidy(faults: readonly Fault[]): readonly Fault[] {
  const unique = new Map(faults.map((fault) => [`${fault.path}\n${fault.message}\n${fault.line}`, fault]));
  return [...unique.values()].sort((left, right) => left.line - right.line || left.column - right.column).slice(0, 200);
}

type Source = { readonly text: string } | { readonly fault: string };

function limit(text: string): Source {
  return Buffer.byteLength(text) > maxBytes ? { fault: 'is larger than 1 MiB' } : { text };
}

function readFile(file: string): Source {
  try {
    // Opened without waiting: a pipe that nobody writes to must not hold up the start.
    const descriptor = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      if (!fstatSync(descriptor).isFile()) return { fault: 'is not a plain file' };
      const buffer = Buffer.alloc(maxBytes + 1);
      let length = 0;
      for (let read = -1; read !== 0 && length < buffer.length; length += read)
        read = readSync(descriptor, buffer, length, buffer.length - length, null);
      if (length > maxBytes) return { fault: 'is larger than 1 MiB' };
      return { text: new TextDecoder('utf-8', { fatal: true }).decode(buffer.subarray(0, length)) };
    } finally {
      closeSync(descriptor);
    }
  } catch (error) {
    return { fault: `can't be read (${reasonOf(error)})` };
  }
}
