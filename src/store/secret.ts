import { randomUUID } from 'node:crypto';
import { link, mkdir, open, readFile, stat, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { GatewayError } from '../errors.ts';
import type { Runtime } from '../runtime.ts';
import type { StoreConfig } from './config.ts';

const secretBytes = 32;

export interface StoreSecretOptions {
  readonly config: Pick<StoreConfig, 'secret'>;
  /** `store.url`, its path absolute. */
  readonly storeUrl: string;
  readonly runtime: Runtime;
}

/**
 * Finds the secret that seals the records: the configured one, else the file beside the database, made at the first start
 * (0600; processes that start at once end up with the same one). A `memory:` store gets a new one each time.
 * Throws `config-invalid` when a Redis store has none or the file is not good, `store-unavailable` when it can't be read or made.
 */
export async function loadStoreSecret({ config, storeUrl, runtime }: StoreSecretOptions): Promise<Buffer> {
  if (config.secret !== undefined) return Buffer.from(config.secret);
  if (storeUrl.startsWith('memory:')) return runtime.randomBytes(secretBytes);
  if (!storeUrl.startsWith('sqlite:')) {
    throw new GatewayError(
      'config-invalid',
      'store.secret is missing: every process on a Redis store needs the same one; write store.secret: ${SALLYPORT_SECRET} and set that to the output of `openssl rand -base64 32`',
    );
  }
  const path = `${storeUrl.slice('sqlite:'.length)}.secret`;
  try {
    return (await readSecret(path, runtime)) ?? (await makeSecret(path, runtime));
  } catch (error) {
    if (error instanceof GatewayError) throw error;
    const why = error instanceof Error ? error.message : String(error);
    throw new GatewayError('store-unavailable', `could not read or make the store's secret ${path}: ${why}`, {
      cause: error,
    });
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}

async function readSecret(path: string, { log }: Runtime): Promise<Buffer | null> {
  let text: string;
  try {
    text = (await readFile(path, 'utf8')).trim();
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
  if (Buffer.byteLength(text) < secretBytes) {
    throw new GatewayError(
      'config-invalid',
      `the store's secret ${path} holds fewer than ${secretBytes} bytes; put the right one back, or remove the file for a new one (everyone then signs in anew)`,
    );
  }
  const { mode } = await stat(path);
  if ((mode & 0o077) !== 0) {
    log.warn('store.secret-readable-by-others', { path, remedy: `chmod 600 ${path}` });
  }
  return Buffer.from(text);
}

async function makeSecret(path: string, runtime: Runtime): Promise<Buffer> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const draft = `${path}.${randomUUID()}`;
  const file = await open(draft, 'wx', 0o600);
  try {
    await file.writeFile(`${runtime.randomBytes(secretBytes).toString('base64')}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
  // link fails when the name is taken, so the first of several processes wins, and nobody ever reads half a file.
  const won = await link(draft, path)
    .then(
      () => true,
      (error: unknown) => {
        if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
        throw error;
      },
    )
    .finally(() => unlink(draft));
  const secret = await readSecret(path, runtime);
  if (secret === null) throw new Error('it vanished while it was being made');
  if (won) runtime.log.info('store.secret-made', { path });
  return secret;
}
