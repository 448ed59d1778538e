import type { AdminConfig } from '../admin/config.ts';
import { listenAdmin, type AdminListener } from '../admin/listener.ts';
import { canonicalUserName } from '../identity/user-name.ts';
import type { Log } from '../runtime.ts';
import { readListenAddress } from './config.ts';
import type { Foundation } from './foundation.ts';

export interface AdminDoorOptions {
  readonly config: AdminConfig;
  readonly foundation: Pick<Foundation, 'sessions' | 'store' | 'audit'>;
  /** Prometheus text and its content type. */
  readonly metrics: () => Promise<{ readonly contentType: string; readonly text: string }>;
  /** Why no requests can be served now, or null. */
  readonly notReady: () => string | null;
  readonly log: Log;
}

/** Opens the admin listener, unless it is off. Throws `listen-failed`. */
export async function openAdminDoor(options: AdminDoorOptions): Promise<AdminListener | null> {
  const { config, foundation, metrics, notReady, log } = options;
  if (config.listen === 'off') return null;
  const address = readListenAddress(config.listen);
  if (address === undefined) return null;
  const { sessions, store, audit } = foundation;
  return listenAdmin(address.kind === 'unix' ? { path: address.path } : { host: address.host, port: address.port }, {
    sessions,
    metrics,
    ready: async () => {
      const why = notReady();
      if (why !== null) throw new Error(why);
      await store.check();
    },
    canonicalUserName,
    audit: (fields) => audit('session.revoked', null, fields),
    log,
  });
}
