import { randomBytes } from 'node:crypto';
import test from 'ava';
import fc from 'fast-check';
import { createSealer, deriveKey } from '../../../src/store/sealing.ts';

const key = deriveKey(Buffer.alloc(32, 7), 'test');

test('opens what it sealed, whatever the text', (t) => {
  const sealer = createSealer(key);
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), fc.string(), (text, associated) => {
      t.is(sealer.open(sealer.seal(text, associated), associated), text);
    }),
  );
});

test('opens nothing under another key, in another place, or after any change of a byte', (t) => {
  const sealer = createSealer(key);
  const stranger = createSealer(deriveKey(Buffer.alloc(32, 7), 'another purpose'));
  fc.assert(
    fc.property(fc.string(), fc.nat(), fc.integer({ min: 1, max: 255 }), (text, position, change) => {
      const sealed = sealer.seal(text, 'here');
      t.is(stranger.open(sealed, 'here'), null);
      t.is(sealer.open(sealed, 'there'), null);
      const bytes = Buffer.from(sealed, 'base64url');
      const at = position % bytes.length;
      bytes[at] = (bytes[at] ?? 0) ^ change;
      t.is(sealer.open(bytes.toString('base64url'), 'here'), null);
      t.is(sealer.open(bytes.subarray(0, at).toString('base64url'), 'here'), null);
    }),
  );
});

test('opens no text that was never sealed', (t) => {
  const sealer = createSealer(key);
  for (const text of ['', 'a', '!!!', randomBytes(200).toString('base64url')]) t.is(sealer.open(text, 'here'), null);
});

test('seals the same text differently each time', (t) => {
  const sealer = createSealer(key);
  t.not(sealer.seal('text', 'here'), sealer.seal('text', 'here'));
});

test('derives a key of its own for each purpose and each secret', (t) => {
  const keys = [
    deriveKey(Buffer.alloc(32, 1), 'one'),
    deriveKey(Buffer.alloc(32, 1), 'two'),
    deriveKey(Buffer.alloc(32, 2), 'one'),
  ];
  t.is(new Set(keys.map((made) => made.toString('hex'))).size, 3);
  t.deepEqual(deriveKey(Buffer.alloc(32, 1), 'one'), keys[0]);
  for (const made of keys) t.is(made.length, 32);
});
