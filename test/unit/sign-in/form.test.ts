import { Readable } from 'node:stream';
import test from 'ava';
import type { RawHeader } from '../../../src/request/facts.ts';
import type { FormResult } from '../../../src/sign-in/form.ts';
import { readFields, readForm } from '../../../src/sign-in/form.ts';
import { readSignInForm } from '../../../src/sign-in/sign-in-form.ts';
import { makeFacts } from '../../support/facts.ts';

const formType = ['Content-Type', 'application/x-www-form-urlencoded'] as const;

function read(body: string | Buffer, headers: readonly RawHeader[] = [formType]): Promise<FormResult> {
  return readForm(Readable.from([Buffer.from(body)]), makeFacts({ method: 'POST', headers }));
}

async function fieldsOf(body: string | Buffer): Promise<Record<string, string> | string> {
  const result = await read(body);
  return result.kind === 'form' ? Object.fromEntries(result.fields) : `${result.status} ${result.reason}`;
}

test('reads fields without trimming or folding anything', async (t) => {
  t.deepEqual(await fieldsOf('username=Alice&password=+a%20b%2B%C3%BC%00c%0A+&remember='), {
    username: 'Alice',
    password: ' a b+ü\0c\n ',
    remember: '',
  });
  t.deepEqual(await fieldsOf('password=%EF%BB%BFx'), { password: '\ufeffx' }, 'a byte order mark is a character');
  t.deepEqual(await fieldsOf('password=%F0%9F%94%91'), { password: '🔑' });
  t.deepEqual(await fieldsOf(Buffer.from('password=ü🔑')), { password: 'ü🔑' });
  t.deepEqual(await fieldsOf(''), {});
  t.deepEqual(await fieldsOf('&a&&b=c=d&'), { a: '', b: 'c=d' });
});

test('reads bodies that come in pieces', async (t) => {
  const pieces = [...'a=%F0%9F%94%91&b=2'].map((character) => Buffer.from(character));
  const result = await readForm(Readable.from(pieces), makeFacts({ headers: [formType] }));
  t.deepEqual(result.kind === 'form' && Object.fromEntries(result.fields), { a: '🔑', b: '2' });
});

test('names of JavaScript objects are names like any other', async (t) => {
  const result = await read('__proto__=x&constructor=y&toString=z&__proto__[polluted]=1');
  t.is(result.kind, 'form');
  if (result.kind === 'form') t.is(result.fields.get('__proto__'), 'x');
  t.is(({} as Record<string, unknown>)['polluted'], undefined);
});

test('refuses a field that stands twice, also spelt differently', async (t) => {
  for (const body of ['username=a&username=b', 'a=1&%61=2', 'a&a', 'a=1&a=1'])
    t.is(await fieldsOf(body), '400 malformed-form', body);
});

test('refuses broken escapes and what is not UTF-8', async (t) => {
  for (const body of [
    'a=%',
    'a=%2',
    'a=%zz',
    '%=a',
    'a=%ff',
    'a=%c0%ae',
    'a=%ed%a0%80',
    Buffer.from('a=\xe9', 'latin1'),
  ])
    t.is(await fieldsOf(body), '400 malformed-form', String(body));
});

test('refuses more than fifty fields and more than 16 KiB', async (t) => {
  const many = (count: number): string => Array.from({ length: count }, (_, i) => `f${i}=`).join('&');
  t.is(typeof (await fieldsOf(many(50))), 'object');
  t.is(await fieldsOf(many(51)), '400 malformed-form');
  t.is(typeof (await fieldsOf(`a=${'x'.repeat(16 * 1024 - 2)}`)), 'object');
  t.is(await fieldsOf(`a=${'x'.repeat(16 * 1024 - 1)}`), '413 body-too-large');
  t.is(await fieldsOf('&'.repeat(16_000)), '400 malformed-form');
});

test('refuses an announced body that is too large without reading it', async (t) => {
  const body = Readable.from(
    (async function* () {
      yield await Promise.reject<Buffer>(new Error('must not be read'));
    })(),
  );
  const headers: RawHeader[] = [formType, ['Content-Length', '1000000']];
  const result = await readForm(body, makeFacts({ headers }));
  t.deepEqual(result, { kind: 'refused', status: 413, reason: 'body-too-large' });
});

test('stops reading at the limit', async (t) => {
  let given = 0;
  const endless = (async function* () {
    for (;;) {
      given += 1;
      yield Buffer.alloc(1024, 'a');
      await Promise.resolve();
    }
  })();
  t.is((await readForm(endless, makeFacts({ headers: [formType] }))).kind, 'refused');
  t.true(given <= 18, String(given));
});

test('refuses every other kind of body with 415', async (t) => {
  const types: (readonly RawHeader[])[] = [
    [],
    [['Content-Type', 'application/json']],
    [['Content-Type', 'text/plain']],
    [['Content-Type', 'multipart/form-data; boundary=x']],
    [['Content-Type', 'application/x-www-form-urlencoded; charset=utf-16']],
    [['Content-Type', 'application/x-www-form-urlencoded, application/json']],
    [formType, formType],
    [formType, ['Content-Encoding', 'gzip']],
  ];
  for (const headers of types) {
    const result = await read('{"password":["x"]}', headers);
    t.is(result.kind === 'refused' && result.status, 415, JSON.stringify(headers));
  }
  for (const type of ['application/x-www-form-urlencoded; charset=UTF-8', 'Application/X-WWW-Form-Urlencoded'])
    t.is((await read('a=1', [['content-type', type]])).kind, 'form', type);
  t.is((await read('a=1', [formType, ['Content-Encoding', 'identity']])).kind, 'form');
});

test('gives up on a body that comes too slowly, however steadily', async (t) => {
  const slow = new Readable({ read: () => undefined });
  const drip = setInterval(() => slow.push('a'), 5);
  const result = await readForm(slow, makeFacts({ headers: [formType] }), { timeoutMs: 60 });
  clearInterval(drip);
  slow.destroy();
  t.deepEqual(result, { kind: 'refused', status: 408, reason: 'slow-body' });
});

test('rejects when the connection breaks', async (t) => {
  const broken = new Readable({ read: () => undefined });
  setImmediate(() => broken.destroy(new Error('reset')));
  await t.throwsAsync(readForm(broken, makeFacts({ headers: [formType] })), { code: 'client-gone' });
});

test('picks out the fields of the sign-in form', (t) => {
  const form = (body: string) => readSignInForm(readFields(body) ?? new Map<string, string>());
  t.deepEqual(form('username=a&password=b&remember=on&form_token=t&return_to=%2Fx&fragment=%23y'), {
    username: 'a',
    password: 'b',
    remember: true,
    formToken: 't',
    returnTo: '/x',
    fragment: '#y',
  });
  t.deepEqual(form(''), {
    username: '',
    password: '',
    remember: false,
    formToken: undefined,
    returnTo: undefined,
    fragment: undefined,
  });
  t.false(form('remember=off')?.remember);
  t.true(form('remember=1')?.remember);
  t.is(form(`password=${'x'.repeat(1_000)}`)?.password.length, 1_000);
  t.is(form(`password=${'x'.repeat(1_001)}`), null);
});
