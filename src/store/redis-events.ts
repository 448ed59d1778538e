import type { Runtime } from '../runtime.ts';
import { createListeners, readEvent, writeEvent } from './listeners.ts';
import type { RedisConnection } from './redis-connection.ts';
import type { EventChannel } from './store.ts';

const tickMs = 100;
/** A beat every so many ticks while all is well, at every tick while the channel is lost. */
const ticksABeat = 4;
/** This many unheard beats and the channel counts as lost. */
const patience = 3;
/** An event that did not come back to its sender by then is on its way or lost; either way there is no use in waiting. */
const echoMs = 300;

/** An event channel that must be stopped. */
export interface RedisEvents extends EventChannel {
  readonly stop: () => void;
}

/**
 * Events by publish/subscribe. Redis forgets what it could not deliver, so a process must know whether it hears: it sends itself
 * a beat, and believes its caches only while the beats come back. A beat sent after trouble and heard again proves that the
 * subscription stands anew; then everyone is told that something may have been missed.
 */
export function createRedisEvents(redis: RedisConnection, prefix: string, { randomBytes, log }: Runtime): RedisEvents {
  const listeners = createListeners(log);
  const origin = randomBytes(9).toString('base64url');
  const eventChannel = `${prefix}events`;
  const beatChannel = `${prefix}beat:${origin}`;
  const echoes = new Map<number, () => void>();
  let published = 0;
  let beats = 0;
  let heard = 0;
  /** A beat later than this one must be heard before the channel is current again. */
  let lostAt: number | null = 0;
  let everStood = false;

  const lose = (): void => {
    if (lostAt === null) log.warn('store.events-lost', { server: redis.shown });
    lostAt = beats;
  };
  const hearBeat = (beat: number): void => {
    heard = beat;
    if (lostAt === null || beat <= lostAt) return;
    lostAt = null;
    if (everStood) log.info('store.events-restored', { server: redis.shown });
    everStood = true;
    listeners.tell({ kind: 'missed' });
  };
  const hearEvent = (message: string): void => {
    const [sender = '', number = '', ...event] = message.split(' ');
    // Own events were told when they were published.
    if (sender === origin) return echoes.get(Number(number))?.();
    const news = readEvent(event.join(' '));
    if (news !== null) listeners.tell(news);
  };
  redis.subscribe(
    [eventChannel, beatChannel],
    (message, channel) => (channel === beatChannel ? hearBeat(Number(message)) : hearEvent(message)),
    lose,
  );

  const beat = (): void => {
    if (lostAt === null && beats - heard >= patience) lose();
    beats += 1;
    redis.publish(beatChannel, String(beats)).catch(() => {
      // Unheard beats tell enough.
    });
  };
  let ticks = 0;
  const timer = setInterval(() => {
    ticks += 1;
    if (lostAt !== null || ticks % ticksABeat === 0) beat();
  }, tickMs).unref();

  const echo = (number: number): Promise<void> =>
    new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(limit);
        echoes.delete(number);
        resolve();
      };
      const limit = setTimeout(done, echoMs);
      echoes.set(number, done);
    });

  return {
    publish: async (event) => {
      listeners.tell(event);
      published += 1;
      const number = published;
      // Redis hands a message to all its subscribers in one go: when ours is back, theirs is under way too.
      const returned = lostAt === null ? echo(number) : undefined;
      const message = `${origin} ${number} ${writeEvent(event)}`;
      await redis.attempt('publish an event', () => redis.publish(eventChannel, message));
      await returned;
    },
    subscribe: listeners.add,
    isCurrent: () => lostAt === null,
    stop: () => clearInterval(timer),
  };
}
