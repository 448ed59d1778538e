import test from 'ava';
import fc from 'fast-check';
import type { Identity } from '../../../src/identity/identity.ts';
import { accessConfig } from '../../../src/policy/config.ts';
import { explainRules } from '../../../src/policy/explain.ts';
import {
  compilePolicy,
  createPolicy,
  type PolicyQuestion,
  type PolicySubject,
  type Verdict,
} from '../../../src/policy/policy.ts';
import { compileRules } from '../../../src/policy/rule.ts';
import { admits, faultsOf, identity, judge, question, subject, type Access } from './support.ts';

test('understands the shorthands', (t) => {
  t.deepEqual(judge('public'), { kind: 'allow', rule: 0, anonymous: true });
  t.deepEqual(judge('signed-in'), { kind: 'needs-identity', rule: 0 });
  t.deepEqual(judge('signed-in', {}, subject()), { kind: 'allow', rule: 0, anonymous: false });
  t.deepEqual(judge('second-factor', {}, subject()), { kind: 'needs-second-factor', rule: 0 });
  t.deepEqual(judge('second-factor', {}, subject({}, { secondFactor: true })).kind, 'allow');
});

test('lets the first fitting rule decide, and denies where none fits', (t) => {
  const access: Access = [
    { deny: 'anyone', when: { networks: '203.0.113.0/24' } },
    { allow: 'anyone', when: { methods: 'GET' } },
    { allow: { groups: 'editors' } },
  ];
  t.deepEqual(judge(access, { clientAddress: '203.0.113.9' }), { kind: 'deny', rule: 0 });
  t.deepEqual(judge(access), { kind: 'allow', rule: 1, anonymous: true });
  t.deepEqual(judge(access, { method: 'POST' }), { kind: 'needs-identity', rule: 2 });
  t.deepEqual(judge(access, { method: 'POST' }, subject()), { kind: 'deny', rule: null });
  t.deepEqual(judge(access, { method: 'POST' }, subject({ groups: ['editors'] })).kind, 'allow');
  t.deepEqual(judge([{ allow: 'anyone', when: { methods: 'GET' } }], { method: 'PUT' }), { kind: 'deny', rule: null });
});

test('wants to know the visitor for a denial that names people', (t) => {
  const access: Access = [{ deny: { groups: 'guests' } }, { allow: 'anyone' }];
  t.is(judge(access).kind, 'needs-identity');
  t.is(judge(access, {}, subject({ groups: ['guests'] })).kind, 'deny');
  t.deepEqual(judge(access, {}, subject()), { kind: 'allow', rule: 1, anonymous: true });
  t.is(judge([{ deny: 'signed-in' }]).kind, 'needs-identity');
});

test('wants to know the visitor where more is required, also of anyone', (t) => {
  const access: Access = [{ allow: 'anyone', require: { signedInWithin: '15m' } }];
  t.is(judge(access).kind, 'needs-identity');
  t.is(judge(access, { nowMs: 900_000 }, subject()).kind, 'allow');
  t.is(judge(access, { nowMs: 900_001 }, subject()).kind, 'needs-recent-sign-in');
  t.is(judge(access, { nowMs: 900_000 }, subject({}, { authenticatedAtMs: Number.NaN })).kind, 'needs-recent-sign-in');
  t.is(judge([{ allow: 'anyone', require: { secondFactor: true } }]).kind, 'needs-identity');
  t.is(judge([{ allow: 'anyone', require: { secondFactor: false } }]).kind, 'allow');
});

test('needs one entry of a list, all keys of an entry, one value of a key', (t) => {
  const allow: Exclude<Access, string>[number] = {
    allow: [{ users: ['alice', 'bob'], groups: 'staff' }, { groups: 'admins' }],
  };
  t.true(admits(allow, { groups: ['staff'] }));
  t.true(admits(allow, { user: 'carol', groups: ['admins'] }));
  t.false(admits(allow, { user: 'carol', groups: ['staff'] }));
  t.false(admits(allow, { groups: [] }));
});

test('compares groups letter by letter', (t) => {
  for (const group of ['Admins', 'admins ', 'xadmins', 'admins2', 'ADMINS', 'a,admins', 'admins\n', 'аdmins'])
    t.false(admits({ allow: { groups: 'admins' } }, { groups: [group] }), group);
  t.true(admits({ allow: { groups: 'admins' } }, { groups: ['x', 'admins'] }));
});

test('compares users in their canonical form', (t) => {
  for (const users of ['alice', 'Alice', 'ＡＬＩＣＥ']) t.true(admits({ allow: { users } }, { user: 'alice' }), users);
  t.false(admits({ allow: { users: 'alice' } }, { user: 'alice2' }));
  t.deepEqual(faultsOf([{ allow: { users: ' alice ' } }]).includes('can not be a user name'), true);
});

test('compares addresses without regard to case, and only those that have one reading', (t) => {
  const domain = { allow: { emailDomains: 'Corp.test' } };
  for (const email of ['a@corp.test', 'A@CORP.TEST', 'o.b+c@corp.test']) t.true(admits(domain, { email }), email);
  for (const email of [
    ...['a@evil.test@corp.test', 'a@corp.test.evil.test', '"a@evil"@corp.test', 'a@x.corp.test', 'a@corp.test\n', ''],
    ...[
      'a@сorp.test',
      '@corp.test',
      'corp.test',
      'a@corp.test ',
      'a b@corp.test',
      'a@corp.test,b@x.test',
      'a@corp.test.',
    ],
    ...['<a@corp.test>', 'a@xcorp.test', 'a@[corp.test]', 'a\0@corp.test'],
  ])
    t.false(admits(domain, { email }), email);
  t.true(admits({ allow: { emails: 'Alice@Corp.test' } }, { email: 'alice@corp.TEST' }));
  t.false(admits({ allow: { emails: 'kate@corp.test' } }, { email: '\u212aate@corp.test' }));
  t.false(admits({ allow: { emails: 'alice@corp.test' } }, { email: 'alice@corp.test.evil.test' }));
});

test('finds fault with addresses and domains that could never fit', (t) => {
  for (const emails of ['alice', 'a@b@c', '', 'a b@c.test'])
    t.true(faultsOf([{ allow: { emails } }]).length > 0, emails);
  for (const emailDomains of ['@corp.test', 'corp.test.', 'corp test', 'stra\u00dfe.test', ''])
    t.true(faultsOf([{ allow: { emailDomains } }]).length > 0, emailDomains);
});

test('compares claims and sign-in methods letter by letter', (t) => {
  const allow = { allow: { claims: { team: ['red', 'blue'] } } };
  t.true(admits(allow, { claims: { team: ['green', 'red'] } }));
  for (const claims of [{}, { team: ['Red'] }, { Team: ['red'] }, { team: [] }]) t.false(admits(allow, { claims }));
  t.false(admits({ allow: { claims: { toString: 'x' } } }, {}));
  t.true(admits({ allow: { methods: 'local' } }, {}));
  t.false(admits({ allow: { methods: 'ldap' } }, {}));
});

test('takes HEAD for GET, and no other method for another', (t) => {
  const access: Access = [{ allow: 'anyone', when: { methods: 'GET' } }];
  for (const method of ['GET', 'HEAD']) t.is(judge(access, { method }).kind, 'allow', method);
  for (const method of ['POST', 'get', 'FOO', 'GET ', 'GETX', '']) t.is(judge(access, { method }).kind, 'deny', method);
  t.is(judge([{ allow: 'anyone', when: { methods: 'HEAD' } }], { method: 'GET' }).kind, 'deny');
});

test('finds the client address in networks, and garbage in none', (t) => {
  const access: Access = [{ allow: 'anyone', when: { networks: ['10.0.0.0/8', '2001:db8::/32'] } }];
  for (const clientAddress of ['10.0.0.1', '::ffff:10.0.0.1', '2001:db8::1'])
    t.is(judge(access, { clientAddress }).kind, 'allow', clientAddress);
  for (const clientAddress of ['11.0.0.1', '', 'garbage', '10.0.0', '::1'])
    t.is(judge(access, { clientAddress }).kind, 'deny', clientAddress);
});

test('fits hosts exactly, and wildcards to every depth but not to the domain itself', (t) => {
  const access: Access = [{ allow: 'anyone', when: { hosts: ['Wiki.test', '*.Apps.test'] } }];
  for (const host of ['wiki.test', 'a.apps.test', 'a.b.apps.test']) t.is(judge(access, { host }).kind, 'allow', host);
  for (const host of ['apps.test', 'xapps.test', 'a.wiki.test', 'wiki.test.evil.test', '.apps.test'.slice(1)])
    t.is(judge(access, { host }).kind, 'deny', host);
});

test('says whether it looks at paths', (t) => {
  const policy = (access: Access) => compilePolicy(accessConfig.parse(access));
  t.true(policy([{ allow: 'anyone', when: { paths: '/x' } }]).judgesPaths);
  t.false(policy('signed-in').judgesPaths);
  t.false(policy([{ allow: 'anyone', when: { methods: 'GET' } }]).judgesPaths);
});

// --- Rules against a reference that is written as the documentation reads.

type RuleInput = Exclude<Access, string>[number];

interface PlainRule {
  readonly effect: 'allow' | 'deny';
  readonly who: 'anyone' | 'signed-in' | readonly string[];
  readonly methods: readonly string[];
  readonly second: boolean;
  readonly within: boolean;
}

const plainRule = fc.record<PlainRule>({
  effect: fc.constantFrom('allow', 'deny'),
  who: fc.oneof(
    fc.constantFrom('anyone' as const, 'signed-in' as const),
    fc.subarray(['a', 'b', 'c'], { minLength: 1 }),
  ),
  methods: fc.subarray(['GET', 'POST', 'HEAD']),
  second: fc.boolean(),
  within: fc.boolean(),
});

function written(rule: PlainRule): RuleInput {
  const who = typeof rule.who === 'string' ? rule.who : { groups: [...rule.who] };
  const when = rule.methods.length === 0 ? {} : { when: { methods: [...rule.methods] } };
  if (rule.effect === 'deny') return { deny: who, ...when };
  return {
    allow: who,
    ...when,
    require: { secondFactor: rule.second, ...(rule.within ? { signedInWithin: '1s' } : {}) },
  };
}

function naive(rules: readonly PlainRule[], { method, nowMs }: PolicyQuestion, who: PolicySubject | null): Verdict {
  for (const [number, rule] of rules.entries()) {
    const fitsMethod =
      rule.methods.length === 0 || rule.methods.includes(method) || (method === 'HEAD' && rule.methods.includes('GET'));
    if (!fitsMethod) continue;
    const requires = rule.effect === 'allow' && (rule.second || rule.within);
    if (rule.who === 'anyone' && !requires) {
      if (rule.effect === 'deny') return { kind: 'deny', rule: number };
      return { kind: 'allow', rule: number, anonymous: true };
    }
    if (who === null) return { kind: 'needs-identity', rule: number };
    const { who: named } = rule;
    if (typeof named !== 'string' && !who.identity.groups.some((group) => named.includes(group))) continue;
    if (rule.effect === 'deny') return { kind: 'deny', rule: number };
    if (rule.second && !who.secondFactor) return { kind: 'needs-second-factor', rule: number };
    if (rule.within && nowMs - who.authenticatedAtMs > 1_000) return { kind: 'needs-recent-sign-in', rule: number };
    return { kind: 'allow', rule: number, anonymous: false };
  }
  return { kind: 'deny', rule: null };
}

const anySubject = fc.option(
  fc.record({
    identity: fc.subarray(['a', 'b', 'c', 'd']).map((groups): Identity => identity({ groups })),
    secondFactor: fc.boolean(),
    authenticatedAtMs: fc.constantFrom(0, 500),
  }),
  { nil: null },
);

const anyQuestion = fc.record({
  method: fc.constantFrom('GET', 'POST', 'HEAD', 'PUT'),
  nowMs: fc.constantFrom(600, 1_200, 5_000),
});

test('agrees with a plain reading of the rules, and its explanation agrees with it', (t) => {
  fc.assert(
    fc.property(fc.array(plainRule, { minLength: 1, maxLength: 6 }), anyQuestion, anySubject, (plain, asked, who) => {
      const rules = compileRules(accessConfig.parse(plain.map(written)));
      const verdict = createPolicy(rules).evaluate(question(asked), who);
      t.deepEqual(verdict, naive(plain, question(asked), who));

      const told = explainRules(rules, question(asked), who);
      t.deepEqual(told.verdict, verdict);
      const outcomes = told.rules.map(({ outcome }) => outcome);
      const decider = verdict.rule ?? rules.length;
      t.deepEqual(
        outcomes,
        rules.map((_rule, index) => (index < decider ? 'misses' : index === decider ? 'decides' : 'unreached')),
      );
      t.true(told.rules.every(({ outcome, because }) => (because === '') === (outcome === 'unreached')));
    }),
    { numRuns: 500 },
  );
});

test('explains in words why a rule fits or does not', (t) => {
  const rules = compileRules(
    accessConfig.parse([
      { deny: 'anyone', when: { networks: '203.0.113.0/24', methods: 'GET' } },
      { allow: [{ groups: ['editors', 'admins'], emailDomains: 'corp.test' }, { users: 'root' }] },
      { allow: 'signed-in', require: { secondFactor: true, signedInWithin: '15m' } },
      { allow: 'anyone' },
    ]),
  );
  const { rules: told } = explainRules(rules, question(), subject({ groups: ['guests'] }));
  t.deepEqual(
    told.map(({ text, because }) => [text, because]),
    [
      [
        'deny anyone, when methods GET and networks 203.0.113.0/24',
        'client address 192.0.2.7 is none of networks 203.0.113.0/24',
      ],
      [
        'allow groups editors, admins and emailDomains corp.test or users root',
        'the visitor has groups guests and no email and user alice',
      ],
      [
        'allow signed-in, requiring a second factor and a sign-in within 900 s',
        'it fits, but a second factor is missing',
      ],
      ['allow anyone', ''],
    ],
  );
});
