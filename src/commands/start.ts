import type { Command } from 'commander';
import type { AddressInfo } from 'node:net';
import { availableParallelism } from 'node:os';
import { configForUpstream, findConfigFile, loadConfig, type LoadResult } from '../config/load.ts';
import type { Config } from '../config/schema.ts';
import { watchFiles } from '../config/watch.ts';
import { GatewayError } from '../errors.ts';
import { describeFault } from '../faults.ts';
import { createGateway, type Gateway } from '../gateway.ts';
import { createLineWriter } from '../observability/line-writer.ts';
import { createLog } from '../observability/log.ts';
import type { Runtime } from '../runtime.ts';
import type { ListenAddress } from '../server/config.ts';
import { openWorkerLine } from '../server/worker-line.ts';
import { createSupervisor } from '../supervisor.ts';
import { createPasswordHasher } from '../users/password-hasher.ts';
import { createFirstUsersFile } from '../users/first-users-file.ts';
import { action, type CommandContext, type ExitCode } from './context.ts';
import { startWorker } from './start-worker.ts';

interface StartOptions {
  readonly config?: string;
  readonly upstream?: string;
  readonly listen?: string;
}

export function registerStartCommand(program: Command, context: CommandContext): void {
  program
    .command('start')
    .description('run the gateway')
    .option(
      '-c, --config <file>',
      'configuration file (default: $SALLYPORT_CONFIG, ./config/sallyport.yaml, /etc/sallyport/sallyport.yaml)',
    )
    .option('--upstream <url>', 'put a sign-in before this one app, without a configuration file; state in ./var')
    .option('--listen <address>', 'HOST:PORT or unix:/path to listen on, instead of what the configuration says')
    .action(action(context, (options: StartOptions) => start(context, options)));
}

async function start(context: CommandContext, options: StartOptions): Promise<ExitCode> {
  const line = openWorkerLine<Config>();
  if (line !== null) return startWorker(context, line);
  const orders = takeOrders(context);
  const { upstream, listen } = options;
  const file =
    upstream === undefined ? findConfigFile({ config: options.config, env: context.env, cwd: context.cwd }) : undefined;
  if (file === undefined && upstream === undefined)
    throw new GatewayError(
      'usage-invalid',
      'found no configuration; make one with "sallyport init", name one with --config FILE, or start with --upstream URL',
    );
  const load = (): LoadResult =>
    upstream === undefined
      ? loadConfig({ file: file ?? '', env: context.env, listen })
      : configForUpstream({ upstream, listen, directory: context.cwd });

  const loaded = load();
  if (loaded.kind === 'faults') {
    for (const fault of loaded.faults) context.stderr.write(`${describeFault(fault)}\n`);
    return 2;
  }
  const { config, warnings, files } = loaded;
  const lines = createLineWriter(context.stdout.write);
  const log = createLog({ level: config.log.level, write: lines.write, pretty: context.stdout.isTTY });
  const runtime: Runtime = { now: context.now, randomBytes: context.randomBytes, fetch: context.fetch, log };
  try {
    for (const warning of warnings) log.warn('config.warning', { path: warning.path, message: warning.message });
    // Said at once: whatever fails later, this password is kept nowhere else.
    await makeFirstUser(context, config, runtime);
    const count = workerCount(config);
    const gateway = count > 1 ? createSupervisor({ config, count, runtime }) : createGateway({ config, runtime });
    const noSurprises = context.onSurprise((error) => log.error('surprise', { error }));
    await gateway.start();
    announce(context, config, gateway);
    await runUntilStopped(orders, gateway, { runtime, load, files });
    noSurprises();
    return 0;
  } finally {
    lines.flush();
  }
}

/** What the process is told while it runs. */
interface Orders {
  /** Resolves at SIGTERM or SIGINT. */
  readonly stopped: Promise<void>;
  /** Calls `listener` at each SIGHUP, also for one that came before. */
  readonly onReload: (listener: () => void) => void;
}

/** Listens from the first moment: a signal that comes while the gateway starts must not end it half-way, with visitors inside. */
function takeOrders(context: CommandContext): Orders {
  let listener: (() => void) | null = null;
  let isReloadDue = false;
  context.onSignal('SIGHUP', () => {
    if (listener === null) isReloadDue = true;
    else listener();
  });
  const stopped = new Promise<void>((resolve) => {
    context.onSignal('SIGTERM', resolve);
    context.onSignal('SIGINT', resolve);
  });
  return {
    stopped,
    onReload: (listen) => {
      listener = listen;
      if (isReloadDue) listen();
    },
  };
}

/** Reloads when told to and on a changed file; drains when told to stop. Resolves when all is closed. */
async function runUntilStopped(
  orders: Orders,
  gateway: Gateway,
  {
    runtime,
    load,
    files,
  }: { readonly runtime: Runtime; readonly load: () => LoadResult; readonly files: readonly string[] },
): Promise<void> {
  const { log } = runtime;
  let reloading = Promise.resolve();
  const reload = (): void => {
    reloading = reloading
      .then(async () => {
        const loaded = load();
        watcher.update(loaded.files);
        if (loaded.kind === 'ok') await gateway.reload(loaded.config);
        else gateway.reloadRefused(loaded.faults);
      })
      .catch((error: unknown) => log.error('config.reload-failed', { error }));
  };
  const watcher = watchFiles(files, reload, { runtime });
  orders.onReload(reload);
  await orders.stopped;
  log.info('gateway.stopping');
  watcher.stop();
  await gateway.stop();
  await reloading;
  log.info('gateway.stopped');
}

/** Where there is no users file: makes one with the user `admin`, and shows the password this once. */
async function makeFirstUser(context: CommandContext, config: Config, runtime: Runtime): Promise<void> {
  const path = config.signIn.local?.users;
  if (path === undefined) return;
  const { randomBytes } = runtime;
  const first = await createFirstUsersFile({ path, hasher: createPasswordHasher({ runtime }), randomBytes });
  if (first === null) return;
  context.stderr.write(`
  Sign in as  ${first.user}
  password    ${first.password}
  (shown this once; change it with "sallyport user set-password ${first.user}"; users are in ${path})
`);
}

/** Tells a person where to go. On standard error, so that standard output holds log lines only. */
function announce(context: CommandContext, config: Config, gateway: Gateway): void {
  const { public: addresses } = gateway.addresses();
  const places = addresses.length > 0 ? addresses.map(describeAddress) : config.server.listen.map(describeListen);
  context.stderr.write(`
  Sallyport is up: ${config.server.publicUrl}
${places.map((place) => `  listening on ${place}\n`).join('')}
`);
}

function describeListen(address: ListenAddress): string {
  return address.kind === 'unix' ? `unix:${address.path}` : `${address.host}:${address.port}`;
}

function workerCount(config: Config): number {
  return config.server.workers === 'auto' ? availableParallelism() : config.server.workers;
}

function describeAddress(address: AddressInfo | string): string {
  if (typeof address === 'string') return `unix:${address}`;
  return address.family === 'IPv6' ? `[${address.address}]:${address.port}` : `${address.address}:${address.port}`;
}
