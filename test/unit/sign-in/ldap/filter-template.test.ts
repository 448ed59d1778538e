import test from 'ava';
import fc from 'fast-check';
import { FilterParser } from 'ldapts';
import { readFilterTemplate } from '../../../../src/sign-in/methods/ldap/filter-template.ts';

function fill(text: string, values: Record<string, string> = {}, names = Object.keys(values)): string {
  const read = readFilterTemplate(text, names);
  return read.kind === 'template' ? read.fill(values).toString() : `problem: ${read.message}`;
}

test('reads every kind of filter', (t) => {
  for (const text of [
    '(uid=alice)',
    '(&(objectClass=person)(uid=alice))',
    '(|(uid=alice)(!(mail=alice@example.com)))',
    '(cn=*)',
    '(age>=21)',
    '(age<=21)',
    '(cn~=alice)',
    '(member:1.2.840.113556.1.4.1941:=cn=a,dc=x)',
    '(cn=a*b*c)',
  ])
    t.is(fill(text), FilterParser.parseString(text).toString(), text);
  t.is(fill('(& (a=1)\n  (b=2) )'), '(&(a=1)(b=2))');
  t.is(fill('(cn=Lu\\c4\\8di\\c4\\87 \\28x\\29)'), '(cn=Lučić \\28x\\29)');
});

test('a value can never become a part of the filter', (t) => {
  const hostile = [
    '*',
    ')(uid=*',
    '*)(|(objectClass=*',
    'a\\2a',
    '\\',
    '\0',
    '))(cn=x',
    '{user}',
    '{dn}',
    "O'Brien, Bob (ops)*",
  ];
  for (const user of hostile) {
    const read = readFilterTemplate('(&(objectClass=person)(|(uid={user})(mail={user}@x)(cn=a{user}*)))', [
      'user',
      'dn',
    ]);
    if (read.kind !== 'template') return t.fail(read.message);
    const filter = JSON.parse(JSON.stringify(read.fill({ user, dn: 'cn=secret' }))) as {
      filters: [{ value: string }, { filters: [{ value: string }, { value: string }, { initial: string }] }];
    };
    const [kind, { filters }] = filter.filters;
    t.is(kind.value, 'person');
    t.is(filters.length, 3);
    t.is(filters[0].value, user);
    t.is(filters[1].value, `${user}@x`);
    t.is(filters[2].initial, `a${user}`);
  }
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (user) => {
      const read = readFilterTemplate('(uid={user})', ['user']);
      return read.kind === 'template' && Reflect.get(read.fill({ user }), 'value') === user;
    }),
  );
});

test('says what is wrong with a filter', (t) => {
  const problems: readonly (readonly [string, RegExp])[] = [
    ['uid={user}', /opening parenthesis/],
    ['(uid={user}', /not closed/],
    ['(uid={user}))', /goes on/],
    ['(&)', /needs filters behind &/],
    ['(!(a=1)(b=2))', /needs one filter behind !/],
    ['(uid={name})', /\{name\}, which stands for nothing; there is \{user\}/],
    ['({user}=x)', /attribute=value/],
    ['(uid=\\zz)', /two hex digits/],
    ['(uid=a(b)', /write \\28/],
    ['(uid={user)', /lone/],
    ['(age>=2*)', /write \\2a/],
    ['(uid=\\ff)', /UTF-8/],
    ['('.repeat(40), /attribute=value|not closed/],
    ['(!'.repeat(40) + '(a=1)' + ')'.repeat(40), /deeper than/],
  ];
  for (const [text, message] of problems) {
    const read = readFilterTemplate(text, ['user']);
    t.regex(read.kind === 'problem' ? read.message : 'none', message, text);
  }
});
