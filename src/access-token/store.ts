import { createHmac } from 'node:crypto';
import { GatewayError } from '../errors.ts';
import { localIssuer, type Identity } from '../identity/identity.ts';
import type { Runtime } from '../runtime.ts';
import { createNearCache } from '../store/near-cache.ts';
import { deriveKey } from '../store/sealing.ts';
import type { Store } from '../store/store.ts';
import type {
  AccessToken,
  AccessTokenStore,
  FoundToken,
  ListedToken,
  NewAccessToken,
  TokenEndReason,
  TokenOwner,
} from './access-token.ts';
import { shortTokenId } from './access-token.ts';
import { maxTokenLifetimeMs } from './config.ts';
import { createTokenRecords } from './record.ts';
import { idOfTokenText, newTokenText } from './token-text.ts';

const namespaces = { token: 'token', use: 'token-use', owner: 'token-owner' } as const;
const maxNear = 10_000;
/** As for sessions: SQLite is asked for news before each belief, Redis tells by itself, and might fail to. */
const believedForMs = { memory: 60_000, sqlite: 60_000, redis: 5_000 } as const;
const idPattern = /^[A-Za-z0-9_-]{43}$/;

export interface AccessTokenStoreOptions {
  readonly store: Store;
  /** As `loadStoreSecret` gave it. */
  readonly secret: Buffer;
  readonly runtime: Runtime;
}

type Found = Extract<FoundToken, { kind: 'found' }>;

const malformed: FoundToken = { kind: 'malformed' };
const unknown: FoundToken = { kind: 'unknown' };

/**
 * Personal access tokens over a store: a sealed record for each under the hash of its text, a set of ids for each person, a record
 * of the last use that is only ever overwritten, and what a provider said of the person last.
 */
export function createAccessTokenStore({ store, secret, runtime }: AccessTokenStoreOptions): AccessTokenStore {
  const { now, randomBytes, log } = runtime;
  const records = createTokenRecords(secret, randomBytes);
  const [tokens, uses, owners] = [
    store.namespace(namespaces.token),
    store.namespace(namespaces.use),
    store.namespace(namespaces.owner),
  ];
  const ownerKey = deriveKey(secret, 'token-owner-name');
  const nameOfOwner = ({ issuer, subject }: TokenOwner): string =>
    createHmac('sha256', ownerKey)
      .update(JSON.stringify([issuer, subject]))
      .digest('base64url');
  const setOf = (owner: TokenOwner): string => `tokens:${nameOfOwner(owner)}`;

  const near = createNearCache<Found>({
    maxEntries: maxNear,
    maxAgeMs: believedForMs[store.kind],
    now,
    nameOf: ({ token }) => token.id,
  });
  // As in the session store: objects, not Maps, for what comes and goes with every miss.
  const noLoads = () => Object.create(null) as Record<string, Promise<FoundToken> | undefined>;
  let loads = noLoads();
  let generation = 0;
  const listeners = new Set<{ readonly hear: (id: string | null) => void }>();

  const forget = (id: string | null): void => {
    generation += 1;
    loads = noLoads();
    if (id === null) near.clear();
    else near.deleteNamed(id);
  };
  store.events.subscribe((news) => {
    if (news.kind === 'token-owner-changed') return forget(null);
    const id = news.kind === 'token-ended' ? news.id : null;
    if (id === null && news.kind !== 'missed') return;
    forget(id);
    for (const { hear } of listeners) hear(id);
  });

  const isLive = ({ expiresAtMs }: AccessToken): boolean => now() < expiresAtMs;
  const read = async (id: string): Promise<AccessToken | null> => {
    const token = records.tokens.open(id, await tokens.get(id));
    return token !== null && isLive(token) ? token : null;
  };
  const ownerOf = async (owner: TokenOwner): Promise<Identity | null> => {
    const name = nameOfOwner(owner);
    return records.owners.open(name, await owners.get(name));
  };
  const load = async (id: string): Promise<FoundToken> => {
    const token = await read(id);
    if (token === null) return unknown;
    return { kind: 'found', token, owner: token.owner.issuer === localIssuer ? null : await ownerOf(token.owner) };
  };
  const loadText = async (text: string, id: string, mayKeep: boolean): Promise<FoundToken> => {
    const born = generation;
    const found = await load(id);
    if (found.kind === 'found' && mayKeep && born === generation) near.set(text, found);
    return found;
  };

  const find = (text: string): FoundToken | Promise<FoundToken> => {
    const isCurrent = store.events.isCurrent();
    if (!isCurrent) forget(null);
    const known = near.get(text);
    if (known !== undefined) return isLive(known.token) ? known : unknown;
    const id = idOfTokenText(text);
    if (id === null) return malformed;
    const underWay = loads[id];
    if (underWay !== undefined) return underWay;
    const loading = loadText(text, id, isCurrent).finally(() => {
      if (loads[id] === loading) delete loads[id];
    });
    loads[id] = loading;
    return loading;
  };

  const create = async ({ identity, name, lifetimeMs, routes, methods, perPerson }: NewAccessToken) => {
    const { user, issuer, subject } = identity;
    const owner = { user, issuer, subject };
    const text = newTokenText(randomBytes);
    const id = idOfTokenText(text);
    if (id === null) throw new GatewayError('internal', 'could not make an access token');
    const createdAtMs = now();
    const expiresAtMs = createdAtMs + Math.min(lifetimeMs, maxTokenLifetimeMs);
    const token: AccessToken = { id, owner, name, createdAtMs, expiresAtMs, routes, methods };
    // First in the set, so that it is found for revoking before it opens anything; then counted, so that of several at once none slips by.
    await store.index.add(setOf(owner), id, expiresAtMs);
    if ((await store.index.members(setOf(owner))).length > perPerson) {
      await store.index.remove(setOf(owner), id);
      return null;
    }
    if (issuer !== localIssuer) await keepOwner(identity);
    await tokens.set(id, records.tokens.seal(id, token), expiresAtMs - createdAtMs);
    return { text, token };
  };
  const keepOwner = async (identity: Identity): Promise<void> => {
    const name = nameOfOwner(identity);
    await owners.set(name, records.owners.seal(name, identity), maxTokenLifetimeMs + 86_400_000);
  };

  const end = async (id: string, reason: TokenEndReason): Promise<AccessToken | null> => {
    if (!idPattern.test(id)) return null;
    const token = await read(id);
    const lived = await tokens.delete(id).finally(() => forget(id));
    await store.events.publish({ kind: 'token-ended', id });
    if (token === null || !lived) return null;
    log.info('access-token.ended', { token: shortTokenId(id), user: token.owner.user, reason });
    // It is dead already; what is left behind ends by itself.
    await Promise.all([store.index.remove(setOf(token.owner), id), uses.delete(id)]).catch((error: unknown) =>
      log.warn('access-token.index-failed', { error }),
    );
    return token;
  };

  const withUse = async (token: AccessToken): Promise<ListedToken> => {
    return { token, lastUse: records.uses.open(token.id, await uses.get(token.id)) };
  };
  const listAll = async function* (): AsyncGenerator<ListedToken> {
    if (tokens.iterator === undefined) throw new GatewayError('internal', 'the store can not list its records');
    const entries: AsyncIterable<unknown> = tokens.iterator({});
    for await (const entry of entries) {
      if (!Array.isArray(entry) || typeof entry[0] !== 'string') continue;
      const token = records.tokens.open(entry[0], entry[1]);
      if (token !== null && isLive(token)) yield withUse(token);
    }
  };

  return {
    create,
    find,
    markUsed: async (token, use) => {
      const sealed = records.uses.seal(token.id, use);
      const leftMs = Math.max(1, token.expiresAtMs - now());
      if (await store.add(namespaces.use, token.id, sealed, leftMs)) return true;
      await uses.set(token.id, sealed, leftMs);
      return false;
    },
    list: async (owner) => {
      const found = await Promise.all((await store.index.members(setOf(owner))).map(read));
      const newestFirst = found
        .filter((token) => token !== null)
        .toSorted((one, other) => other.createdAtMs - one.createdAtMs);
      return Promise.all(newestFirst.map(withUse));
    },
    listAll,
    end,
    endUser: async (user, reason) => {
      let ended = 0;
      for await (const { token } of listAll())
        if (token.owner.user === user && (await end(token.id, reason)) !== null) ended += 1;
      return ended;
    },
    ownerSeen: async (identity) => {
      if (identity.issuer === localIssuer) return;
      const known = await ownerOf(identity);
      if (known === null || JSON.stringify(known) === JSON.stringify(identity)) return;
      await keepOwner(identity);
      await store.events.publish({ kind: 'token-owner-changed', id: nameOfOwner(identity) });
    },
    onEnded: (hear) => {
      const entry = { hear };
      listeners.add(entry);
      return () => void listeners.delete(entry);
    },
  };
}
