import { defaultAdminListen, type AdminConfig } from '../admin/config.ts';
import { hasCode } from '../errors.ts';
import { listenAdmin, type AdminListener } from '../admin/listener.ts';
import { canonicalUserName } from '../identity/user-name.ts';
import type { Log } from '../runtime.ts';
import { readListenAddress } from './config.ts';
import type { Foundation } from './foundation.ts';
import { removeStaleSocket } from './stale-socket.ts';

export interface AdminDoorOptions {
  readonly config: AdminConfig;
  readonly foundation: Pick<Foundation, 'sessions' | 'store' | 'audit' | 'keys' | 'bindings' | 'accessTokens'>;
  /** Prometheus text and its content type. */
  readonly metrics: () => Promise<{ readonly contentType: string; readonly text: string }>;
  /** Why no requests can be served now, or null. */
  readonly notReady: () => string | null;
  readonly log: Log;
}

/**
 * Opens the admin listener, unless it is off. Throws `listen-failed`; but an address that nobody chose and that another
 * program has is no reason to leave the apps unserved: then null, and a warning.
 */
export async function openAdminDoor(options: AdminDoorOptions): Promise<AdminListener | null> {
  const { config, foundation, metrics, notReady, log } = options;
  if (config.listen === 'off') return null;
  const address = readListenAddress(config.listen);
  if (address === undefined) return null;
  if (address.kind === 'unix') await removeStaleSocket(address.path);
  const { sessions, store, audit, keys, bindings, accessTokens } = foundation;
  const listening = listenAdmin(
    address.kind === 'unix' ? { path: address.path } : { host: address.host, port: address.port },
    {
      sessions,
      tokens: accessTokens,
      metrics,
      ready: async () => {
        const why = notReady();
        if (why !== null) throw new Error(why);
        await store.check();
      },
      keys: {
        list: keys.list,
        rotate: async () => {
          const made = await keys.rotate();
          for (const { kid, algorithm } of made) audit('key.rotated', null, { kid, algorithm });
          return made;
        },
      },
      releaseName: async (user) => {
        const released = await bindings.release(user);
        // The old owner must not go on under a name that is somebody else's next.
        const ended = released ? await sessions.endUser(user, 'revoked') : 0;
        const tokens = released ? await accessTokens.endUser(user, 'name-released') : 0;
        if (released) audit('name.released', null, { user, ended, tokens });
        return released;
      },
      canonicalUserName,
      audit: (fields) => audit('session.revoked', null, fields),
      auditToken: (fields) => audit('access-token.revoked', null, fields),
      log,
    },
  );
  return listening.catch((error: unknown) => {
    const isTaken = hasCode(error, 'listen-failed') && codeOf(error.cause) === 'EADDRINUSE';
    if (!isTaken || config.listen !== defaultAdminListen) throw error;
    log.warn('admin.address-taken', {
      address: config.listen,
      consequence: 'no metrics, readiness and session commands; set admin.listen to another address',
    });
    return null;
  });
}

function codeOf(cause: unknown): unknown {
  return cause instanceof Error && 'code' in cause ? cause.code : undefined;
}
