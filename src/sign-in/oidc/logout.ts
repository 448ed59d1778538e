import { createHash } from 'node:crypto';
import { buildEndSessionUrl } from 'openid-client';
import type { Runtime } from '../../runtime.ts';
import type { Store } from '../../store/store.ts';
import type { LogoutVerdict, ProviderLogout } from '../method.ts';
import type { OidcProviderConfig } from './config.ts';
import { readFailure } from './failure.ts';
import { readNotes, sidHandle, subjectHandle } from './notes.ts';
import type { Provider } from './provider.ts';
import { verifyToken } from './tokens.ts';

const event = 'http://schemas.openid.net/event/backchannel-logout';
const namespace = 'logout-token';
/** A logout token is sent at once; an older one is somebody's copy. */
const maxAgeMs = 5 * 60_000;
/** Longer than any token is believed, tolerance and all. */
const rememberedMs = 15 * 60_000;
/** A longer ID token would make an address that some server on the way cuts. */
const maxHintLength = 4_096;

export interface OidcLogoutOptions {
  readonly config: OidcProviderConfig;
  readonly provider: Provider;
  readonly store: Pick<Store, 'add'>;
  readonly runtime: Pick<Runtime, 'now'>;
}

export function createOidcLogout({ config, provider, store, runtime }: OidcLogoutOptions): ProviderLogout {
  const { id, clientId } = config;
  const { now } = runtime;

  const judge = async (token: string): Promise<LogoutVerdict> => {
    const { keys, issuer, algorithms } = await provider.client();
    const { payload, type } = await verifyToken(token, { keys, issuer, clientId, algorithms, nowMs: now() });
    const { iat = 0, jti, sub, sid, nonce, events } = payload;
    if (type !== 'logout+jwt' && !config.acceptUntypedLogoutTokens) return refused('not-a-logout-token');
    if (nonce !== undefined) return refused('nonce-in-logout-token');
    if (!isObject(events) || !isObject(events[event])) return refused('no-logout-event');
    if (typeof jti !== 'string' || jti === '') return refused('no-token-id');
    if (now() - iat * 1_000 > maxAgeMs) return refused('old-logout-token');
    if ([sub, sid].some((value) => value !== undefined && (typeof value !== 'string' || value === '')))
      return refused('malformed-subject');
    if (typeof sid !== 'string' && sub === undefined) return refused('no-subject');
    // By its id, not by its text: one token can be written in several ways.
    const key = createHash('sha256')
      .update(JSON.stringify([id, issuer, jti]))
      .digest('base64url');
    if (!(await store.add(namespace, key, 'seen', rememberedMs))) return refused('replayed-logout-token');
    return {
      kind: 'end',
      handle: typeof sid === 'string' ? sidHandle(id, issuer, sid) : subjectHandle(id, issuer, sub ?? ''),
    };
  };

  return {
    signOutUrl: (session, { returnAddress, state }) => {
      const client = provider.known();
      if (!config.signOut || client === null || client.endSessionEndpoint === null) return null;
      const idToken = readNotes(session.provider?.data ?? '')?.idToken ?? '';
      return buildEndSessionUrl(client.configuration, {
        post_logout_redirect_uri: returnAddress,
        state,
        ...(idToken === '' || idToken.length > maxHintLength ? {} : { id_token_hint: idToken }),
      }).href;
    },
    backChannel: async (token) => {
      try {
        return await judge(token);
      } catch (error) {
        const { kind, reason } = readFailure(error);
        return { kind, reason };
      }
    },
    frontChannel: (parameters) => {
      const [issuer, sid] = [parameters.get('iss'), parameters.get('sid')];
      if (issuer === undefined || sid === undefined || sid === '') return refused('no-session-named');
      return issuer === config.issuer ? { kind: 'end', handle: sidHandle(id, issuer, sid) } : refused('wrong-issuer');
    },
  };
}

function refused(reason: string): LogoutVerdict {
  return { kind: 'refused', reason };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
