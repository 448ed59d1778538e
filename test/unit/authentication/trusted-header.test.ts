import test from 'ava';
import { trustedHeaderConfig } from '../../../src/authentication/trusted-header/config.ts';
import { createTrustedHeaderAuthenticator } from '../../../src/authentication/trusted-header/trusted-header.ts';
import { loadConfig } from '../../../src/config/load.ts';
import type { RawHeader } from '../../../src/request/facts.ts';
import { makeFacts } from '../../support/facts.ts';
import { createTestRuntime } from '../../support/runtime.ts';

const secret = '0123456789abcdef0123456789abcdef';

function setUp(config: Readonly<Record<string, unknown>> = {}) {
  const runtime = createTestRuntime();
  const claims: string[] = [];
  const directory = { revision: 1 };
  const authenticate = createTrustedHeaderAuthenticator({
    config: trustedHeaderConfig.parse({ from: ['10.0.0.5'], ...config }),
    owns: async ({ user, issuer, subject }) => {
      claims.push(`${user} ${issuer} ${subject}`);
      await Promise.resolve();
      return user !== 'taken';
    },
    directory,
    runtime,
  });
  const ask = async (headers: readonly RawHeader[], peerAddress = '10.0.0.5') =>
    authenticate(makeFacts({ headers, peerAddress, clientAddress: '192.0.2.7' }), {
      acceptBasic: false,
      acceptTokens: false,
    });
  const identityOf = async (...headers: readonly RawHeader[]) => {
    const answer = await ask(headers);
    return answer.kind === 'authenticated' ? answer.identity : answer;
  };
  const reasonOf = async (...headers: readonly RawHeader[]) => {
    const answer = await ask(headers);
    return answer.kind === 'rejected' ? answer.reason : answer.kind;
  };
  return { ask, identityOf, reasonOf, claims, directory, runtime };
}

const latin1 = (text: string): string => Buffer.from(text, 'utf8').toString('latin1');

test('believes what the proxy says, as UTF-8, in one canonical form', async (t) => {
  const { identityOf } = setUp({ userPrefix: 'sso-' });
  t.deepEqual(
    await identityOf(
      ['Remote-User', 'Alice'],
      ['Remote-Name', latin1('Zoë 田中')],
      ['Remote-Email', 'Alice@Example.com'],
      ['Remote-Groups', 'staff, editors,,staff'],
    ),
    {
      user: 'sso-alice',
      name: 'Zoë 田中',
      email: 'alice@example.com',
      groups: ['staff', 'editors'],
      claims: {},
      method: 'trusted-header',
      issuer: 'trusted-header',
      subject: 'alice',
    },
  );
});

test('has no session, consumes nothing and meets no rule about second factors or time', async (t) => {
  const { ask } = setUp();
  t.like(await ask([['Remote-User', 'alice']]), {
    kind: 'authenticated',
    session: null,
    consumesAuthorization: false,
    secondFactor: false,
    authenticatedAtMs: 0,
    amr: [],
  });
});

test('knows nobody by headers of another peer, whoever X-Forwarded-For names', async (t) => {
  const { ask } = setUp();
  const headers: readonly RawHeader[] = [
    ['Remote-User', 'alice'],
    ['X-Forwarded-For', '10.0.0.5'],
  ];
  for (const peer of ['192.0.2.7', '10.0.0.6', '::1', ''])
    t.deepEqual(await ask(headers, peer), { kind: 'none' }, peer);
  t.is((await ask(headers, '::ffff:10.0.0.5')).kind, 'authenticated');
});

test('has no word where the user header is missing or empty', async (t) => {
  const { reasonOf } = setUp();
  t.is(await reasonOf(), 'none');
  t.is(await reasonOf(['Remote-User', ' ']), 'none');
  t.is(await reasonOf(['Remote-Groups', 'admins']), 'none');
});

test('refuses a header that stands twice or has a look-alike beside it', async (t) => {
  const { reasonOf } = setUp();
  t.is(await reasonOf(['Remote-User', 'alice'], ['REMOTE-USER', 'alice']), 'trusted-header-repeated');
  t.is(
    await reasonOf(['Remote-User', 'alice'], ['remote-groups', 'a'], ['Remote-Groups', 'b']),
    'trusted-header-repeated',
  );
  for (const name of ['Remote_User', 'Remote.User', 'remote-_user', 'REMOTE_GROUPS', 'Remote~Email'])
    t.is(await reasonOf(['Remote-User', 'alice'], [name, 'evil']), 'trusted-header-look-alike', name);
});

test('refuses what names nobody, or several', async (t) => {
  const { reasonOf } = setUp();
  for (const value of ['alice, bob', 'a\u00ff\u00fe', 'alice\tx', latin1('a\u200bb'), 'x'.repeat(300)])
    t.is(await reasonOf(['Remote-User', value]), 'trusted-header-malformed', value);
  t.is(await reasonOf(['Remote-User', 'alice'], ['Remote-Groups', '\u00ff']), 'trusted-header-malformed');
});

test('leaves out an e-mail address or a name that is none', async (t) => {
  const { identityOf } = setUp();
  t.like(await identityOf(['Remote-User', 'alice'], ['Remote-Email', 'a@b@c'], ['Remote-Name', '']), {
    email: '',
    name: '',
  });
});

test('reads only the headers that are named', async (t) => {
  const { identityOf } = setUp({ headers: { user: 'X-SSO-User' } });
  t.like(await identityOf(['X-SSO-User', 'alice'], ['Remote-Groups', 'admins'], ['Remote-User', 'bob']), {
    user: 'alice',
    groups: [],
  });
});

test('splits groups at the separator that is configured, and refuses one with a comma in it', async (t) => {
  const { identityOf, reasonOf } = setUp({ groupsSeparator: ';' });
  t.like(await identityOf(['Remote-User', 'alice'], ['Remote-Groups', 'a;b c']), { groups: ['a', 'b c'] });
  t.is(await reasonOf(['Remote-User', 'alice'], ['Remote-Groups', 'a,admins']), 'trusted-header-malformed');
});

test('wants the secret where there is one, once', async (t) => {
  const { reasonOf } = setUp({ secretHeader: { name: 'X-Proof', secret } });
  const user: RawHeader = ['Remote-User', 'alice'];
  t.is(await reasonOf(user, ['X-Proof', secret]), 'authenticated');
  t.is(await reasonOf(user), 'trusted-header-secret');
  t.is(await reasonOf(user, ['X-Proof', `${secret}0`]), 'trusted-header-secret');
  t.is(await reasonOf(user, ['X-Proof', secret], ['x-proof', secret]), 'trusted-header-repeated');
});

test('refuses a user name that is somebody else’s, and tells the audit log why', async (t) => {
  const { reasonOf, runtime } = setUp();
  t.is(await reasonOf(['Remote-User', 'taken']), 'name-taken');
  t.deepEqual(
    runtime.lines.map(({ event, fields }) => [event, fields['audit'], fields['reason'], fields['method']]),
    [['sign-in.failed', true, 'name-taken', 'trusted-header']],
  );
});

test('asks about a name once a minute, again when the users change, and at once for another word', async (t) => {
  const { ask, claims, runtime, directory } = setUp();
  const alice: readonly RawHeader[] = [['Remote-User', 'alice']];
  const first = await ask(alice);
  t.is(await ask(alice), first);
  t.deepEqual(claims, ['alice trusted-header alice']);
  await ask([...alice, ['Remote-Groups', 'staff']]);
  t.is(claims.length, 2);
  runtime.advance(60_001);
  await ask(alice);
  t.is(claims.length, 3);
  directory.revision = 2;
  await ask(alice);
  t.is(claims.length, 4);
});

const faultsOf = (text: string): readonly string[] => {
  const result = loadConfig({ file: '/nowhere/sallyport.yaml', env: {}, text });
  return result.kind === 'faults' ? result.faults.map(({ path, message }) => `${path}: ${message}`) : [];
};
const warningsOf = (text: string): readonly string[] => {
  const result = loadConfig({ file: '/nowhere/sallyport.yaml', env: {}, text });
  return result.kind === 'ok' ? result.warnings.map(({ path, message }) => `${path}: ${message}`) : ['faulty'];
};
const withHeader = (yaml: string): string =>
  `server: { publicUrl: 'https://a.test' }\nsignIn: { trustedHeader: ${yaml} }\nroutes: [{ upstream: 'http://127.0.0.1:1' }]\n`;

test('the configuration names what is wrong with it', (t) => {
  t.regex(faultsOf(withHeader('{}')).join(), /signIn\.trustedHeader\.from/);
  t.regex(faultsOf(withHeader('{ from: [] }')).join(), /is empty; write the addresses of the proxy/);
  t.regex(faultsOf(withHeader('{ from: [10.0.0.5], headers: { user: Cookie } }')).join(), /is a header of HTTP itself/);
  t.regex(
    faultsOf(withHeader('{ from: [10.0.0.5], headers: { user: X-User, email: x-user } }')).join(),
    /name x-user twice/,
  );
  t.regex(faultsOf(withHeader('{ from: [0.0.0.0/0] }')).join(), /half the world/);
  t.regex(
    faultsOf(withHeader('{ from: [10.0.0.5], secretHeader: { name: X-S, secret: short } }')).join(),
    /shorter than 32/,
  );
  t.deepEqual(faultsOf(withHeader(`{ from: ['::/0'], secretHeader: { name: X-S, secret: ${secret} } }`)), []);
});

test('a wide network is warned of, the address of a proxy is not', (t) => {
  t.deepEqual(warningsOf(withHeader('{ from: [10.0.0.5, "fd00::5", 10.1.2.0/24] }')), []);
  t.regex(
    warningsOf(withHeader('{ from: [10.0.0.0/16] }')).join(),
    /from\[0\].*every machine in it can sign in as anybody/,
  );
  t.regex(warningsOf(withHeader('{ from: ["fd00::/48"] }')).join(), /wide/);
});
