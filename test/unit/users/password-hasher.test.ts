import { randomBytes } from 'node:crypto';
import test from 'ava';
import { hash as bcrypt } from '@node-rs/bcrypt';
import { hasCode } from '../../../src/errors.ts';
import type { HashFunctions } from '../../../src/users/password-hasher.ts';
import { createPasswordHasher } from '../../../src/users/password-hasher.ts';
import type { CostProfile } from '../../../src/users/password-hash.ts';
import { costProfileOf, decoyOf, needsRehash, readPasswordHash } from '../../../src/users/password-hash.ts';
import { createTestRuntime } from '../../support/runtime.ts';

// From the tests of the reference implementations: password "password", salt "somesalt"; crypt_blowfish "U*U".
const argon2idVector = '$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc';
const argon2iVector = '$argon2i$v=19$m=65536,t=2,p=4$c29tZXNhbHQ$RdescudvJCsgt3ub+b+dWRWJTmaaJObG';
const bcryptVector = '$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW';

const cheap = (salt: string): string =>
  `$argon2id$v=19$m=8,t=1,p=1$${Buffer.from(salt.padEnd(16)).toString('base64').replaceAll('=', '')}$${Buffer.alloc(32).toString('base64').replaceAll('=', '')}`;

/** Counts instead of computing; matches when the password is "right". */
function countingFunctions() {
  const calls: string[] = [];
  let running = 0;
  const state = { calls, most: 0, release: (): void => undefined };
  const gate = new Promise<void>((resolve) => {
    state.release = resolve;
  });
  const enter = async (name: string): Promise<void> => {
    calls.push(name);
    running += 1;
    state.most = Math.max(state.most, running);
    await gate;
    running -= 1;
  };
  const functions: HashFunctions = {
    argon2: async (algorithm, cost, password, _salt, tagBytes) => {
      await enter(`${algorithm} m=${cost.memory}`);
      return password.toString() === 'right' ? Buffer.alloc(tagBytes) : Buffer.alloc(tagBytes, 1);
    },
    bcrypt: async (password, text) => {
      await enter(`bcrypt ${text.slice(4, 6)}`);
      return password.toString() === 'right';
    },
  };
  return { functions, state };
}

test('verifies hashes that other implementations made', async (t) => {
  const hasher = createPasswordHasher({ runtime: createTestRuntime() });
  t.true(await hasher.verify('password', argon2idVector, []));
  t.false(await hasher.verify('Password', argon2idVector, []));
  t.true(await hasher.verify('password', argon2iVector, []));
  for (const prefix of ['$2a$', '$2b$', '$2y$'])
    t.true(await hasher.verify('U*U', prefix + bcryptVector.slice(4), []), prefix);
  t.false(await hasher.verify('U*V', bcryptVector, []));
});

test('makes argon2id hashes that it verifies, each with its own salt', async (t) => {
  const hasher = createPasswordHasher({ runtime: createTestRuntime() });
  const [first, second] = await Promise.all([hasher.hash('pässword 🔑'), hasher.hash('pässword 🔑')]);
  t.regex(first, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/);
  t.not(first, second);
  t.true(await hasher.verify('pässword 🔑', first, []));
  t.false(await hasher.verify('pässword 🔑 ', first, []));
});

test('compares the whole password: nothing is trimmed, folded or cut at a NUL', async (t) => {
  const hasher = createPasswordHasher({ runtime: createTestRuntime() });
  const long = 'x'.repeat(1_000);
  const [plain, nul, thousand] = await Promise.all([hasher.hash('pw'), hasher.hash('pw\0x'), hasher.hash(long)]);
  for (const other of ['pw ', ' pw', 'PW', 'pw\0', 'pw\0x', 'p']) t.false(await hasher.verify(other, plain, []), other);
  t.true(await hasher.verify('pw\0x', nul, []));
  t.false(await hasher.verify('pw\0y', nul, []));
  t.false(await hasher.verify('pw', nul, []));
  t.true(await hasher.verify(long, thousand, []));
  t.false(await hasher.verify(`${long}x`, thousand, []));
});

test('refuses for bcrypt a password of more than 72 bytes, after the same work', async (t) => {
  const hasher = createPasswordHasher({ runtime: createTestRuntime() });
  const of72 = await bcrypt('A'.repeat(72), 4);
  t.true(await hasher.verify('A'.repeat(72), of72, []));
  t.false(await hasher.verify(`${'A'.repeat(72)}x`, of72, []));
  const of73 = await bcrypt(`${'A'.repeat(72)}x`, 4);
  t.false(await hasher.verify(`${'A'.repeat(72)}y`, of73, []));
  t.false(await hasher.verify(`${'A'.repeat(72)}x`, of73, []));
  t.false(await hasher.verify('ä'.repeat(37), await bcrypt('ä'.repeat(37), 4), []));

  const { functions, state } = countingFunctions();
  state.release();
  const counting = createPasswordHasher({ runtime: createTestRuntime(), functions });
  t.false(await counting.verify('A'.repeat(100), of72, []));
  t.deepEqual(state.calls, ['bcrypt 04']);
});

test('a malformed hash matches nothing and throws nothing', async (t) => {
  const runtime = createTestRuntime();
  const hasher = createPasswordHasher({ runtime });
  const malformed = [
    'right',
    '$',
    '$argon2id$',
    '$argon2id$v=16$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc',
    '$argon2id$v=19$m=1,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc',
    '$argon2id$v=19$m=1048577,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc',
    '$argon2id$v=19$m=65536,t=21,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc',
    '$argon2id$v=19$m=65536,t=0,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc',
    '$argon2id$v=19$m=65536,t=2,p=17$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc',
    '$argon2id$v=19$m=65536,t=2,p=0$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc',
    '$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHR$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc',
    '$2b$03$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW',
    '$2b$31$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW',
    '$2x$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW',
    '$2b$05$short',
    '{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=',
    '$apr1$lZL6V/ci$eIMz/iKDkbtys/uU7LEK00',
    'rqXexS6ZhobKA',
  ];
  for (const text of malformed) {
    t.false(await hasher.verify('right', text, []), text);
    t.is(readPasswordHash(text).kind, 'unusable', text);
  }
  t.true(runtime.lines.length >= malformed.length);
  t.false(JSON.stringify(runtime.lines).includes('CTFhFdXPJO'));
});

test('says why a kind of hash is refused', (t) => {
  const messageOf = (text: string): string => {
    const hash = readPasswordHash(text);
    return hash.kind === 'unusable' ? hash.message : '';
  };
  t.regex(messageOf('{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ='), /SHA-1.*too weak.*sallyport hash-password/);
  t.regex(messageOf('$apr1$lZL6V/ci$eIMz/iKDkbtys/uU7LEK00'), /MD5.*too weak/);
  t.regex(messageOf('rqXexS6ZhobKA'), /not a hash that is strong enough/);
  t.regex(messageOf('correct horse'), /not a password hash/);
});

test('an empty password matches nothing, not even its own hash or an empty one', async (t) => {
  const hasher = createPasswordHasher({ runtime: createTestRuntime() });
  t.false(await hasher.verify('', await bcrypt('', 4), []));
  t.false(await hasher.verify('', await hasher.hash(''), []));
  t.false(await hasher.verify('', '', []));
  t.false(await hasher.verify('', null, []));
  t.false(await hasher.verify('x', '', []));
});

test('a refusal does the same work for a known user, an unknown user and a user without a good hash', async (t) => {
  const strong = cheap('strong');
  const weak = '$2b$10$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW';
  const profiles: CostProfile[] = ['argon2:argon2id:8:1:1', 'bcrypt:10'];
  for (const hash of [strong, weak, null, '', 'malformed', '{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=']) {
    const { functions, state } = countingFunctions();
    state.release();
    const hasher = createPasswordHasher({ runtime: createTestRuntime(), functions });
    t.false(await hasher.verify('wrong', hash, profiles));
    t.deepEqual(state.calls.toSorted(), ['argon2id m=8', 'bcrypt 10'], String(hash));
  }
});

test('computes at most two hashes at a time and refuses at once what exceeds the queue', async (t) => {
  const { functions, state } = countingFunctions();
  const hasher = createPasswordHasher({ runtime: createTestRuntime(), functions, concurrency: 2, maxWaiting: 10 });
  const tries = Array.from({ length: 200 }, () => hasher.verify('right', cheap('s'), []));
  const outcomes = Promise.allSettled(tries);
  await t.throwsAsync(hasher.verify('right', cheap('s'), []), { code: 'sign-in-busy' });
  state.release();
  const settled = await outcomes;
  t.is(settled.filter((one) => one.status === 'fulfilled').length, 12);
  const refused = settled.filter((one) => one.status === 'rejected');
  t.is(refused.length, 188);
  t.true(refused.every((one) => hasCode(one.reason, 'sign-in-busy')));
  t.is(state.most, 2);
  t.true(await hasher.verify('right', cheap('s'), []), 'the queue serves again afterwards');
});

test('a decoy costs what its profile says and matches nothing', async (t) => {
  const hasher = createPasswordHasher({ runtime: createTestRuntime() });
  for (const profile of ['bcrypt:4', 'argon2:argon2i:64:2:2'] as const) {
    const decoy = decoyOf(profile, randomBytes);
    t.not(decoy.kind, 'unusable');
    if (decoy.kind !== 'unusable') t.is(costProfileOf(decoy), profile);
    t.false(await hasher.verify('x', null, [profile]));
  }
});

test('knows which hashes are worth renewing', (t) => {
  const renew = (text: string): boolean => {
    const hash = readPasswordHash(text);
    return hash.kind !== 'unusable' && needsRehash(hash);
  };
  const argon2id = (cost: string, salt = 'c29tZXNhbHRzb21lc2FsdA'): string =>
    `$argon2id$v=19$${cost}$${salt}$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc`;
  t.false(renew(argon2id('m=19456,t=2,p=1')));
  t.false(renew(argon2id('m=65536,t=3,p=4')));
  for (const equivalent of ['m=47104,t=1,p=1', 'm=12288,t=3,p=1', 'm=9216,t=4,p=1', 'm=7168,t=5,p=1'])
    t.false(renew(argon2id(equivalent)), equivalent);
  t.true(renew(argon2id('m=4096,t=3,p=1')));
  t.true(renew(argon2id('m=4096,t=20,p=1')));
  t.true(renew(argon2id('m=19456,t=2,p=1', 'c29tZXNhbHQ')));
  t.true(renew(argon2iVector));
  t.true(renew(bcryptVector));
});

test('leaves the event loop free while passwords are hashed', async (t) => {
  const hasher = createPasswordHasher({ runtime: createTestRuntime() });
  let turns = 0;
  let busy = true;
  const count = (): void => {
    turns += 1;
    if (busy) setImmediate(count);
  };
  count();
  const weak = '$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW';
  await Promise.all(Array.from({ length: 20 }, () => Promise.all([hasher.hash('x'), hasher.verify('x', weak, [])])));
  busy = false;
  // Hashes computed on the event loop would leave it about one turn each.
  t.true(turns > 500, `${turns} turns`);
});

test('a decoy of bcrypt is well formed to the last bit: what is not is compared in no time', (t) => {
  const alphabet = './ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
  for (let count = 0; count < 200; count += 1) {
    const decoy = decoyOf('bcrypt:10', randomBytes);
    if (decoy.kind !== 'bcrypt') return t.fail();
    // The last of 22 characters holds 2 bits of 16 bytes of salt, the last of 31 holds 4 bits of 23 bytes of hash.
    t.is(alphabet.indexOf(decoy.text[28]!) & 0b001111, 0, decoy.text);
    t.is(alphabet.indexOf(decoy.text[59]!) & 0b000011, 0, decoy.text);
  }
});
