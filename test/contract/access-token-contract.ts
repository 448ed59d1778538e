import type { TestFn } from 'ava';
import type { AccessTokenStore, NewAccessToken } from '../../src/access-token/access-token.ts';
import { createAccessTokenStore } from '../../src/access-token/store.ts';
import { localIssuer, type Identity } from '../../src/identity/identity.ts';
import type { Store } from '../../src/store/store.ts';
import { eventually } from '../support/programs.ts';
import { createStoreWorld } from './stores.ts';
import type { StoreKind, StoreWorld } from './stores.ts';

const dayMs = 86_400_000;

function localUser(user: string): Identity {
  return { user, name: '', email: '', groups: [], claims: {}, method: 'local', issuer: localIssuer, subject: user };
}

function provided(user: string, groups: readonly string[]): Identity {
  const issuer = 'https://issuer.test';
  return { user, name: '', email: '', groups, claims: {}, method: 'corp', issuer, subject: `id of ${user}` };
}

function wish(identity: Identity, more: Partial<NewAccessToken> = {}): NewAccessToken {
  return { identity, name: 'laptop', lifetimeMs: dayMs, routes: null, methods: null, perPerson: 5, ...more };
}

/** A store that counts its reads. */
function counted(store: Store): { readonly store: Store; readonly reads: () => number } {
  let reads = 0;
  return {
    reads: () => reads,
    store: {
      ...store,
      namespace: (name) => {
        const keyv = store.namespace(name);
        const get = keyv.get.bind(keyv);
        Object.assign(keyv, {
          get: (key: string) => {
            reads += 1;
            return get(key);
          },
        });
        return keyv;
      },
    },
  };
}

/** What access tokens must do over every kind of store. */
export function accessTokenContract(test: TestFn, kind: StoreKind): void {
  let world: StoreWorld;
  test.before(async () => {
    world = await createStoreWorld(kind);
  });
  test.after.always(() => world.end());

  const openStore = async (): Promise<Store> => {
    const store = await world.open();
    await eventually('the event channel stands', () => store.events.isCurrent());
    return store;
  };
  const tokensOn = (store: Store): AccessTokenStore =>
    createAccessTokenStore({ store, secret: world.secret, runtime: world.runtime });
  const open = async (): Promise<AccessTokenStore> => tokensOn(await openStore());
  const make = async (tokens: AccessTokenStore, input: NewAccessToken) => {
    const made = await tokens.create(input);
    if (made === null) throw new Error('no token was made');
    return made;
  };
  const kindOf = async (tokens: AccessTokenStore, text: string) => (await tokens.find(text)).kind;

  test.serial('finds a token by the text it gave out, and keeps neither text nor owner readable', async (t) => {
    const store = await openStore();
    const tokens = tokensOn(store);
    const { text, token } = await make(tokens, wish(localUser('ann'), { routes: ['wiki'], methods: ['GET', 'HEAD'] }));
    const found = await tokens.find(text);
    t.deepEqual(found, { kind: 'found', token, owner: null });
    t.deepEqual([token.routes, token.methods, token.name], [['wiki'], ['GET', 'HEAD'], 'laptop']);
    t.is(token.expiresAtMs - token.createdAtMs, dayMs);
    t.is(await kindOf(tokens, token.id), 'malformed');
    const kept: unknown = await store.namespace('token').get(token.id);
    for (const secret of [text, text.slice(4, 47), 'ann', 'laptop', 'wiki']) t.false(String(kept).includes(secret));
  });

  test.serial('answers a text that can be no token without asking the store', async (t) => {
    const { store, reads } = counted(await openStore());
    const tokens = tokensOn(store);
    const { text } = await make(tokens, wish(localUser('bob')));
    const before = reads();
    const flipped = text.slice(0, -1) + (text.endsWith('0') ? '1' : '0');
    for (const wrong of [
      '',
      'slp_',
      `${text}0`,
      text.slice(0, -1),
      flipped,
      text.toUpperCase(),
      ` ${text}`,
      'x'.repeat(53),
    ])
      t.deepEqual(tokens.find(wrong), { kind: 'malformed' }, wrong);
    t.is(reads(), before);
  });

  test.serial('answers at once from the near cache, and reads once for many that come together', async (t) => {
    const { store, reads } = counted(await openStore());
    const tokens = tokensOn(store);
    const { text } = await make(tokens, wish(localUser('bea')));
    const before = reads();
    await Promise.all(Array.from({ length: 50 }, async () => tokens.find(text)));
    t.is(reads() - before, 1);
    t.false(tokens.find(text) instanceof Promise);
    t.is(reads() - before, 1);
  });

  test.serial(
    'what is revoked opens nothing at the next look, also elsewhere, and everybody hears of it',
    async (t) => {
      const one = await open();
      const other = world.shared ? await open() : one;
      const { text, token } = await make(one, wish(localUser('eve')));
      const heard: (string | null)[] = [];
      t.teardown(other.onEnded((id) => heard.push(id)));
      t.is(await kindOf(other, text), 'found');
      t.is((await one.end(token.id, 'revoked'))?.name, 'laptop');
      await new Promise((resolve) => setImmediate(resolve));
      t.is(await kindOf(other, text), 'unknown');
      t.is(await kindOf(one, text), 'unknown');
      await eventually('it is heard', () => heard.includes(token.id));
      t.is(await one.end(token.id, 'revoked'), null);
      t.is(await one.end('no id', 'revoked'), null);
      t.deepEqual(await one.list(token.owner), []);
    },
  );

  test.serial('ends by itself, in the near cache too', async (t) => {
    const tokens = await open();
    const { text } = await make(tokens, wish(localUser('fay'), { lifetimeMs: 1_000 }));
    t.is(await kindOf(tokens, text), 'found');
    await world.pass(1_000);
    t.is(await kindOf(tokens, text), 'unknown');
    t.deepEqual(await tokens.list(localUser('fay')), []);
  });

  test.serial('lists the tokens of one person, newest first, by issuer and subject', async (t) => {
    const tokens = await open();
    await make(tokens, wish(localUser('gil'), { name: 'first' }));
    await world.pass(5);
    await make(tokens, wish(localUser('gil'), { name: 'second' }));
    await make(tokens, wish(provided('gil', []), { name: 'of another gil' }));
    t.deepEqual(
      (await tokens.list(localUser('gil'))).map(({ token }) => token.name),
      ['second', 'first'],
    );
    const all: string[] = [];
    for await (const { token } of tokens.listAll()) if (token.owner.user === 'gil') all.push(token.name);
    t.deepEqual(all.toSorted(), ['first', 'of another gil', 'second']);
    t.is(await tokens.endUser('gil', 'revoked'), 3);
    t.deepEqual(await tokens.list(localUser('gil')), []);
  });

  test.serial('a person has so many and no more, also when they are made at once', async (t) => {
    const tokens = await open();
    const made = await Promise.all(Array.from({ length: 12 }, () => tokens.create(wish(localUser('hal')))));
    const live = made.filter((one) => one !== null);
    t.true(live.length <= 5);
    t.is((await tokens.list(localUser('hal'))).length, live.length);
    for (let count = live.length; count < 5; count += 1) t.truthy(await tokens.create(wish(localUser('hal'))));
    t.is(await tokens.create(wish(localUser('hal'))), null);
    const [first] = await tokens.list(localUser('hal'));
    await tokens.end(first!.token.id, 'revoked');
    t.truthy(await tokens.create(wish(localUser('hal'))));
  });

  test.serial('remembers the last use, and which was the first', async (t) => {
    const tokens = await open();
    const { token } = await make(tokens, wish(localUser('ida')));
    t.is((await tokens.list(token.owner))[0]?.lastUse, null);
    const firsts = await Promise.all([1, 2, 3].map((atMs) => tokens.markUsed(token, { atMs, address: '192.0.2.1' })));
    t.is(firsts.filter(Boolean).length, 1);
    t.false(await tokens.markUsed(token, { atMs: 9, address: '192.0.2.9' }));
    t.deepEqual((await tokens.list(token.owner))[0]?.lastUse, { atMs: 9, address: '192.0.2.9' });
    await tokens.end(token.id, 'revoked');
    await tokens.markUsed(token, { atMs: 10, address: '192.0.2.9' });
    t.deepEqual(await tokens.list(token.owner), [], 'a late use brings nothing back');
  });

  test.serial('stands for its owner as the provider said last, everywhere', async (t) => {
    const one = await open();
    const other = world.shared ? await open() : one;
    const { text } = await make(one, wish(provided('jon', ['old'])));
    const groupsOf = async (tokens: AccessTokenStore) => {
      const found = await tokens.find(text);
      return found.kind === 'found' ? found.owner?.groups : null;
    };
    t.deepEqual(await groupsOf(other), ['old']);
    await one.ownerSeen(provided('jon', ['new']));
    await new Promise((resolve) => setImmediate(resolve));
    t.deepEqual(await groupsOf(other), ['new']);
    await one.ownerSeen(provided('nobody', []));
    await one.ownerSeen(localUser('jon'));
    t.deepEqual(await groupsOf(one), ['new']);
  });

  test.serial('a record that was changed or moved opens nothing', async (t) => {
    const store = await openStore();
    const tokens = tokensOn(store);
    const [kim, leo] = [await make(tokens, wish(localUser('kim'))), await make(tokens, wish(localUser('leo')))];
    const records = store.namespace('token');
    await records.set(leo.token.id, await records.get(kim.token.id), dayMs);
    t.is(await kindOf(tokens, leo.text), 'unknown');
    await records.set(kim.token.id, 'x', dayMs);
    t.is(await kindOf(tokens, kim.text), 'unknown');
  });
}
