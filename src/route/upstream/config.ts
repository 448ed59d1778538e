import { z } from 'zod';
import { duration, httpOrigin, integer } from '../../quantities.ts';
import { upstreamTlsConfig, type UpstreamTls } from './tls/config.ts';
import { ejectionConfig, healthCheckConfig, type Ejection, type HealthCheck } from './health/config.ts';

export type { Ejection, HealthCheck };

/** One place where an app listens. */
export interface UpstreamTarget {
  /** `http://host:port` or `https://host:port`; `http://localhost` for a unix socket. */
  readonly origin: string;
  /** Path of the unix socket, or null. */
  readonly socketPath: string | null;
  /** Share of the requests beside the other targets of its upstream. */
  readonly weight: number;
}

/** An app: where it listens, once or several times over, and how it is treated. */
export interface Upstream {
  /** At least one, none twice. */
  readonly targets: readonly [UpstreamTarget, ...UpstreamTarget[]];
  readonly timeouts: UpstreamTimeouts;
  /** How TLS is spoken to `https:` targets; left out: as usual. */
  readonly tls?: UpstreamTls | undefined;
  /** HTTP/2: agreed on by TLS with `https:`, else by prior knowledge. Upgrades go by HTTP/1.1 all the same. */
  readonly http2: boolean;
  readonly balance: 'round-robin' | 'least-connections' | 'sticky';
  readonly healthCheck: HealthCheck | null;
  readonly ejection: Ejection;
  /** A target that comes back reaches its full share after this long; 0: at once. */
  readonly slowStartMs: number;
  /** Most requests and tunnels under way at one target, by process; null: no limit. */
  readonly maxConnections: number | null;
  /** Who waits when every target has `maxConnections`. */
  readonly queue: { readonly length: number; readonly waitMs: number };
  /** One target and nothing to watch: the request goes there without a thought. */
  readonly isPlain: boolean;
}

const url = z.string().transform((value, context) => {
  if (/^unix:\/./.test(value) || /^unix:\.{1,2}\//.test(value))
    return { origin: 'http://localhost', socketPath: value.slice(5) };
  const origin = httpOrigin().safeParse(value);
  if (origin.success) return { origin: origin.data, socketPath: null };
  context.addIssue({
    code: 'custom',
    message:
      'is not an upstream; write http://HOST:PORT, https://HOST or unix:/path, without a path behind it (that is upstreamPath)',
  });
  return z.NEVER;
});

const target = z.union([
  url.transform((place): UpstreamTarget => ({ ...place, weight: 1 })),
  z
    .strictObject({
      url: url.describe('`http://HOST:PORT`, `https://HOST` or `unix:/path`.'),
      weight: integer(1, 1_000).prefault(1).describe('Share of the requests beside the other targets.'),
    })
    .transform(({ url: place, weight }): UpstreamTarget => ({ ...place, weight })),
]);

const targetList = z
  .array(target)
  .min(1, 'is empty; write at least one URL')
  .max(100)
  .superRefine((list, context) => {
    const seen = new Map<string, number>();
    for (const [index, entry] of list.entries()) {
      const place = placeOf(entry);
      const twin = seen.get(place);
      if (twin !== undefined)
        context.addIssue({
          code: 'custom',
          path: [index],
          message: `is the same target as entry ${twin}; give one of them the weight of both`,
        });
      seen.set(place, index);
      if (schemeOf(entry) !== schemeOf(list[0] ?? entry))
        context.addIssue({
          code: 'custom',
          path: [index],
          message: 'has another scheme than the first target; write all of them with http, or all with https',
        });
    }
  })
  .transform(([first, ...others], context): Upstream['targets'] => {
    if (first !== undefined) return [first, ...others];
    context.addIssue({ code: 'custom', message: 'is empty; write at least one URL' });
    return z.NEVER;
  });

const targets = z.union([target.transform((only): Upstream['targets'] => [only]), targetList]);

/** How a target is called in logs and metrics, and told from others: its origin, or `unix:/path`. */
export function placeOf({ origin, socketPath }: Pick<UpstreamTarget, 'origin' | 'socketPath'>): string {
  return socketPath === null ? origin : `unix:${socketPath}`;
}

function schemeOf({ origin }: UpstreamTarget): string {
  return origin.slice(0, origin.indexOf(':'));
}

/** Longer than anybody waits, and short enough for a timer. */
const longestWaitMs = 24 * 3_600_000;

function waiting(ms: number): boolean {
  return ms <= longestWaitMs;
}

const tooLong = 'is longer than a day; write a shorter time';

const timeouts = z
  .strictObject({
    connect: duration()
      .refine((ms) => ms > 0, 'must be longer than 0')
      .refine(waiting, tooLong)
      .prefault('5s')
      .describe('From the first packet to an open connection, TLS included.'),
    firstByte: duration()
      .refine(waiting, tooLong)
      .prefault('60s')
      .describe("From the end of the request's body to the head of the answer; then 504. `0`: no limit."),
    idle: duration()
      .refine(waiting, tooLong)
      .prefault(0)
      .describe('An answer or tunnel in which nothing moves for this long is cut. `0`: no limit.'),
  })
  .prefault({})
  .transform(({ connect, firstByte, idle }) => ({ connectMs: connect, firstByteMs: firstByte, idleMs: idle }));

/** How long an upstream may take. Milliseconds; 0 where there is no limit. */
export type UpstreamTimeouts = z.output<typeof timeouts>;

const queue = z.strictObject({
  length: integer(0, 100_000).prefault(100).describe('So many may wait for a target; the next gets 503.'),
  wait: duration()
    .refine(waiting, tooLong)
    .refine((ms) => ms > 0, 'must be longer than 0')
    .prefault('5s')
    .describe('Who has waited this long gets 503.'),
});

const settings = z
  .strictObject({
    targets: targets.describe('Where the app listens: URLs, or mappings with `url` and `weight`; one or a list.'),
    timeouts: timeouts.describe('How long a target may take.'),
    tls: upstreamTlsConfig.optional().describe('How TLS is spoken to `https://` targets.'),
    http2: z
      .boolean()
      .prefault(false)
      .describe(
        'Speak HTTP/2 (gRPC needs it): agreed on by TLS with `https://`, with prior knowledge (h2c) otherwise. WebSockets go by HTTP/1.1 all the same.',
      ),
    balance: z
      .enum(['round-robin', 'least-connections', 'sticky'])
      .prefault('round-robin')
      .describe(
        'Which target gets a request: each in turn, the one with the fewest under way, or always the same one for a visitor. All by weight.',
      ),
    healthCheck: healthCheckConfig
      .optional()
      .transform((value) => value ?? null)
      .describe('Asks every target again and again; one that fails gets no requests. Default: nobody asks.'),
    ejection: ejectionConfig
      .prefault({})
      .describe('Leaves a target that fails requests alone for a while; `false`: never. Needs several targets.'),
    slowStart: duration()
      .refine(waiting, tooLong)
      .prefault(0)
      .describe('A target that comes back gets its share little by little within this time. `0`: at once.'),
    maxConnections: integer(1, 100_000)
      .optional()
      .transform((value) => value ?? null)
      .describe(
        'Requests and tunnels under way at one target at once, by process; more of them wait. Default: no limit.',
      ),
    queue: queue.optional().describe('Who waits when all targets have `maxConnections`.'),
  })
  .refine((value) => value.tls === undefined || value.targets[0].origin.startsWith('https:'), {
    path: ['tls'],
    message: 'has no effect on http:// and unix: targets; write https:// or take it away',
  })
  .refine((value) => value.queue === undefined || value.maxConnections !== null, {
    path: ['queue'],
    message: 'has no effect without maxConnections; write that too',
  })
  .refine((value) => value.slowStart === 0 || value.healthCheck !== null || value.ejection !== null, {
    path: ['slowStart'],
    message: 'has no effect without healthCheck or ejection, as no target ever comes back',
  })
  .transform(({ slowStart, queue: waitingRoom = queue.parse({}), ...rest }): Upstream => ({
    ...rest,
    slowStartMs: slowStart,
    queue: { length: waitingRoom.length, waitMs: waitingRoom.wait },
    isPlain: rest.targets.length === 1 && rest.healthCheck === null && rest.maxConnections === null,
  }));

const defaults = settings.parse({ targets: 'http://localhost' });

/** The `upstream` of a route: a URL, a list of targets, or a mapping for everything else that can be said. */
export const upstreamConfig = z.union([
  targets.transform((list): Upstream => ({ ...defaults, targets: list, isPlain: list.length === 1 })),
  settings,
]);
