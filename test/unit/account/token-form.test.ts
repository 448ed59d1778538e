import test from 'ava';
import { lifetimesUpTo, presetOf, readingMethods, readTokenForm } from '../../../src/account/token-form.ts';

const dayMs = 86_400_000;
const options = { lifetimesMs: [7 * dayMs, 30 * dayMs], routes: ['wiki', 'git'] };
const fine = { name: ' laptop ', lifetime: String(7 * dayMs), access: 'all', scope: 'all' };
const read = (fields: Readonly<Record<string, string>>) => readTokenForm(new Map(Object.entries(fields)), options);

test('a form becomes a wish', (t) => {
  t.deepEqual(read(fine), {
    kind: 'wish',
    wish: { name: 'laptop', lifetimeMs: 7 * dayMs, routes: null, methods: null },
  });
  t.deepEqual(read({ ...fine, access: 'read', scope: 'some', 'app:git': 'on', 'app:wiki': 'on' }), {
    kind: 'wish',
    wish: { name: 'laptop', lifetimeMs: 7 * dayMs, routes: ['git', 'wiki'], methods: readingMethods },
  });
});

test('ticks count only where the person said so', (t) => {
  const all = read({ ...fine, 'app:git': 'on' });
  t.is(all.kind === 'wish' && all.wish.routes, null);
});

test('what a person got wrong is told, and what they typed is kept', (t) => {
  t.deepEqual(read({ ...fine, name: ' ' }), { kind: 'fault', fault: 'no-name', name: '' });
  t.deepEqual(read({ ...fine, name: 'a\nb' }), { kind: 'fault', fault: 'bad-name', name: 'a\nb' });
  t.is(read({ ...fine, name: 'x'.repeat(65) }).kind, 'fault');
  t.deepEqual(read({ ...fine, scope: 'some' }), { kind: 'fault', fault: 'no-apps', name: 'laptop' });
});

test('what no form of ours sends is refused', (t) => {
  const { access: _, ...lacking } = fine;
  const forms: readonly Readonly<Record<string, string>>[] = [
    {},
    lacking,
    { ...fine, lifetime: String(8 * dayMs) },
    { ...fine, lifetime: '1e9' },
    { ...fine, access: 'root' },
    { ...fine, scope: 'some', 'app:admin': 'on' },
    { ...fine, scope: '' },
  ];
  for (const form of forms) t.is(read(form).kind, 'malformed', JSON.stringify(form));
});

test('the offered lifetimes end with the longest that is allowed', (t) => {
  t.deepEqual(
    lifetimesUpTo(365 * dayMs).map((ms) => ms / dayMs),
    [7, 30, 90, 365],
  );
  t.deepEqual(
    lifetimesUpTo(10 * dayMs).map((ms) => ms / dayMs),
    [7, 10],
  );
  t.deepEqual(lifetimesUpTo(3_600_000), [3_600_000]);
  t.is(presetOf(lifetimesUpTo(365 * dayMs)), 90 * dayMs);
  t.is(presetOf(lifetimesUpTo(3_600_000)), 3_600_000);
});
