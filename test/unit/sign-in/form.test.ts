import test from 'ava';
import fc from 'fast-check';
import { parseForm } from '../../../src/sign-in/form.ts';

function fieldsOf(text: string | Buffer): Record<string, string> | string {
  const result = parseForm(Buffer.from(text));
  return result.kind === 'form' ? Object.fromEntries(result.fields) : result.reason;
}

test('reads fields exactly as they were typed', (t) => {
  t.deepEqual(fieldsOf('username=alice&password=+p%C3%A4%26%3D%00+&remember='), {
    username: 'alice',
    password: ' pä&=\0 ',
    remember: '',
  });
  t.deepEqual(fieldsOf('a&b=1=2&&c=x'), { a: '', b: '1=2', c: 'x' });
  t.deepEqual(fieldsOf('name=Zoë'), { name: 'Zoë' });
});

test('gives back what a browser encodes', (t) => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (value) => {
      const encoded = new URLSearchParams({ password: value }).toString();
      const result = parseForm(Buffer.from(encoded));
      t.is(result.kind === 'form' ? result.fields.get('password') : null, value);
    }),
  );
});

test('refuses a name that stands twice, broken encoding and too many fields', (t) => {
  t.is(fieldsOf('username=a&username=b'), 'form-duplicate-field');
  t.is(fieldsOf('username=a&user%6eame=b'), 'form-duplicate-field');
  t.is(fieldsOf('password=%ff'), 'form-encoding');
  t.is(fieldsOf('password=%zz'), 'form-encoding');
  t.is(fieldsOf(Buffer.from([0x61, 0x3d, 0xff])), 'form-encoding');
  t.is(fieldsOf('a=1&'.repeat(10_000)), 'form-too-many-fields');
});

test('takes names that mean something to objects as plain names', (t) => {
  const result = parseForm(Buffer.from('__proto__=x&constructor=y'));
  t.is(result.kind === 'form' ? result.fields.get('__proto__') : null, 'x');
  t.is(({} as Record<string, unknown>)['x'], undefined);
});
