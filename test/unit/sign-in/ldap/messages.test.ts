import test from 'ava';
import fc from 'fast-check';
import { messageLength } from '../../../../src/sign-in/methods/ldap/ber.ts';
import { readMessage } from '../../../../src/sign-in/methods/ldap/messages.ts';
import { closedBecause, refusedBecause } from '../../../../src/sign-in/methods/ldap/account-state.ts';
import { idOf, idValue } from '../../../../src/sign-in/methods/ldap/entry.ts';
import { bindResponse, entryOf, searchEntry, tlv } from '../../../support/ldap-wire.ts';

test('reads a bind response and an entry', (t) => {
  const message = readMessage(bindResponse(7, 49, 'no'));
  t.deepEqual(message, {
    id: 7,
    body: { kind: 'result', operation: 'bind', code: 49, diagnostic: 'no', policyError: null },
  });
  const body = readMessage(searchEntry(2, 'cn=a', { UID: ['Alice', 'al'], mail: [] }))?.body;
  if (body?.kind !== 'entry') return t.fail();
  t.is(body.dn, 'cn=a');
  t.deepEqual(body.attributes.get('uid')?.map(String), ['Alice', 'al']);
  t.deepEqual(body.attributes.get('mail'), []);
});

test('a result without a code, or of a wrong shape, is no success', (t) => {
  const empty = Buffer.alloc(0);
  const malformed = [
    tlv(0x30, tlv(0x02, Buffer.from([2])), tlv(0x61, empty)),
    tlv(0x30, tlv(0x02, Buffer.from([2])), tlv(0x61, tlv(0x0a, empty), tlv(4, empty), tlv(4, empty))),
    tlv(0x30, tlv(0x02, Buffer.from([2])), tlv(0x61, tlv(0x0a, Buffer.from([0])))),
    tlv(0x30, tlv(0x02, Buffer.from([2])), tlv(0x04, Buffer.from('x'))),
    tlv(0x30, tlv(0x02, empty), tlv(0x61, tlv(0x0a, Buffer.from([0])), tlv(4, empty), tlv(4, empty))),
    tlv(0x30, tlv(0x02, Buffer.from([2])), tlv(0x64, tlv(4, Buffer.from('cn=a')), tlv(4, Buffer.from([0x04, 0x84])))),
    Buffer.concat([bindResponse(2, 0), Buffer.from([0])]),
  ];
  for (const bytes of malformed) t.is(readMessage(bytes), null, bytes.toString('hex'));
});

test('no bytes stop the reader', (t) => {
  const seeds = [bindResponse(2, 0), searchEntry(2, 'cn=a', { uid: ['a', 'b'], mail: ['x'] })];
  fc.assert(
    fc.property(
      fc.constantFrom(...seeds),
      fc.array(fc.tuple(fc.nat(60), fc.nat(255)), { maxLength: 6 }),
      (seed, changes) => {
        const bytes = Buffer.from(seed);
        for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value;
        const length = messageLength(bytes, 4_096);
        const message = readMessage(bytes);
        return message === null || length === bytes.length;
      },
    ),
    { numRuns: 2_000 },
  );
  t.is(messageLength(Buffer.from('HTTP/1.1 400'), 100), 'malformed');
  t.is(messageLength(Buffer.from([0x30, 0x84, 0x7f, 0xff, 0xff, 0xff]), 4_096), 'malformed');
  t.is(messageLength(Buffer.from([0x30, 0x80]), 4_096), 'malformed');
  t.is(messageLength(Buffer.from([0x30, 0x84, 0]), 4_096), null);
  t.is(messageLength(Buffer.alloc(0), 4_096), null);
});

const refusedFor = (code: number, diagnostic = '', policyError: number | null = null) =>
  refusedBecause({ kind: 'result', operation: 'bind', code, diagnostic, policyError });

test('knows why a directory refuses a password', (t) => {
  const windows = (data: string) =>
    `80090308: LdapErr: DSID-0C090446, comment: AcceptSecurityContext error, data ${data}, v2580`;
  t.is(refusedFor(0), null);
  t.is(refusedFor(0, '', 2), 'password-expired');
  t.is(refusedFor(49), 'wrong-password');
  t.is(refusedFor(49, windows('52e')), 'wrong-password');
  t.is(refusedFor(49, windows('533')), 'user-disabled');
  t.is(refusedFor(49, windows('701')), 'user-expired');
  t.is(refusedFor(49, windows('532')), 'password-expired');
  t.is(refusedFor(49, windows('773')), 'password-expired');
  t.is(refusedFor(49, windows('775')), 'user-locked');
  t.is(refusedFor(49, '', 1), 'user-locked');
  t.is(refusedFor(49, '', 0), 'password-expired');
  t.is(refusedFor(53), 'wrong-password');
  for (const code of [1, 8, 10, 13, 51, 52, 80]) t.is(refusedFor(code), 'broken', String(code));
});

const nowMs = Date.UTC(2026, 10, 23);
const closed = (attributes: Record<string, string>) =>
  closedBecause(
    entryOf('cn=a', Object.fromEntries(Object.entries(attributes).map(([name, value]) => [name, [value]]))),
    nowMs,
  );

test('knows closed accounts of every kind of directory', (t) => {
  t.is(closed({}), null);
  t.is(closed({ userAccountControl: '512' }), null);
  t.is(closed({ userAccountControl: '514' }), 'user-disabled');
  t.is(closed({ 'msDS-User-Account-Control-Computed': '2' }), 'user-disabled');
  // A lock for wrong passwords is no reason to end a session.
  t.is(closed({ 'msDS-User-Account-Control-Computed': '16' }), null);
  t.is(closed({ pwdAccountLockedTime: '20261122235959Z' }), null);
  t.is(closed({ pwdAccountLockedTime: '000001010000Z' }), 'user-disabled');
  t.is(closed({ nsAccountLock: 'TRUE' }), 'user-disabled');
  t.is(closed({ nsAccountLock: 'FALSE' }), null);
  for (const never of ['0', '9223372036854775807']) t.is(closed({ accountExpires: never }), null);
  const fileTime = (ms: number) => String((BigInt(ms) + 11_644_473_600_000n) * 10_000n);
  t.is(closed({ accountExpires: fileTime(nowMs - 1_000) }), 'user-expired');
  t.is(closed({ accountExpires: fileTime(nowMs + 1_000) }), null);
  const today = nowMs / 86_400_000;
  t.is(closed({ shadowExpire: String(today) }), 'user-expired');
  t.is(closed({ shadowExpire: String(today + 1) }), null);
  t.is(closed({ shadowExpire: '-1' }), null);
  t.is(closed({ krbPrincipalExpiration: '20261122235959Z' }), 'user-expired');
  t.is(closed({ krbPrincipalExpiration: '20261124000000Z' }), null);
});

test('an objectGUID is written as Windows writes it, and searched by its bytes', (t) => {
  const bytes = Buffer.from('4b6f7e89cf17494dad104475b085acb0', 'hex');
  const entry = { ...entryOf('cn=a', {}), attributes: new Map([['objectguid', [bytes]]]) };
  t.is(idOf(entry, 'objectGUID'), '897e6f4b-17cf-4d49-ad10-4475b085acb0');
  t.deepEqual(idValue('897e6f4b-17cf-4d49-ad10-4475b085acb0', 'objectGUID'), bytes);
  t.is(idOf(entryOf('cn=a', { entryUUID: ['6E93'] }), 'entryUUID'), '6e93');
  t.is(idOf(entryOf('cn=a', {}), 'entryUUID'), null);
});
