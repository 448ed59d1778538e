import test from 'ava';
import { loadConfig } from '../../../../src/config/load.ts';
import { apiUrlOf } from '../../../../src/sign-in/github/config.ts';

function load(signIn: string) {
  const text = `server: { publicUrl: 'https://a.test' }\nsignIn: { ${signIn} }\nroutes: [{ upstream: 'http://127.0.0.1:1' }]\n`;
  return loadConfig({ file: '/nowhere/sallyport.yaml', env: {}, text });
}
function faultsOf(signIn: string): string {
  const result = load(signIn);
  return result.kind === 'faults' ? result.faults.map(({ path, message }) => `${path}: ${message}`).join('\n') : '';
}
function warningsOf(signIn: string): string {
  const result = load(signIn);
  return result.kind === 'ok' ? result.warnings.map(({ path, message }) => `${path}: ${message}`).join('\n') : 'faulty';
}

const github = (more: string) => `github: { clientId: a, clientSecret: b, ${more} }`;
const forge = (more: string) =>
  `oauth2: [{ id: forge, authorizationUrl: https://f.test/a, tokenUrl: https://f.test/t, userInfoUrl: https://f.test/u, clientId: a, subjectClaim: id, ${more} }]`;

test('GitHub for everybody is warned of; organizations, teams or an own server are not', (t) => {
  t.regex(warningsOf(github('')), /signIn\.github: lets everybody with a GitHub account sign in/);
  for (const more of ['organizations: [acme]', 'teams: [acme/editors]', 'url: https://github.example.com'])
    t.notRegex(warningsOf(github(more)), /everybody/, more);
});

test('GitHub is the only way in where it is the only one named', (t) => {
  const result = load(github('organizations: [acme]'));
  t.is(result.kind === 'ok' ? result.config.signIn.local : undefined, null);
});

test('what is wrong with GitHub is told with what to write instead', (t) => {
  t.regex(faultsOf('github: { clientId: a }'), /signIn\.github\.clientSecret/);
  t.regex(
    faultsOf(github('organizations: [acme/editors]')),
    /organizations\[0\]: is not an organization; write its name/,
  );
  t.regex(faultsOf(github('teams: [editors]')), /teams\[0\]: is not a team; write ORGANIZATION\/TEAM/);
  t.regex(faultsOf(github('url: https://github.example.com/org')), /url: holds a path/);
  t.regex(faultsOf(github('url: http://github.example.com')), /url: is http/);
  t.regex(faultsOf(github('checkEvery: 1s')), /at least 10s/);
  t.regex(faultsOf(github('ca: ./nowhere.pem')), /can't be read/);
  t.is(faultsOf(github('url: http://127.0.0.1:3000')), '');
});

test('the API of a GitHub is found by its address', (t) => {
  t.is(apiUrlOf({ url: 'https://github.com' }), 'https://api.github.com');
  t.is(apiUrlOf({ url: 'https://acme.ghe.com' }), 'https://api.acme.ghe.com');
  t.is(apiUrlOf({ url: 'https://github.example.com' }), 'https://github.example.com/api/v3');
  t.is(apiUrlOf({ url: 'https://github.com', apiUrl: 'https://other.test' }), 'https://other.test');
});

test('what is wrong with a provider of OAuth 2 is told with what to write instead', (t) => {
  t.is(faultsOf(forge('')), '');
  t.regex(faultsOf('oauth2: [{ id: forge, clientId: a }]'), /subjectClaim/);
  t.regex(faultsOf(forge('clientAuthentication: post')), /is post, which needs a clientSecret/);
  t.regex(faultsOf(forge('clientAuthentication: none, clientSecret: x')), /is none, but there is a secret/);
  t.regex(faultsOf(forge('authorizationParameters: { state: x }')), /is set by the gateway/);
  t.regex(faultsOf(forge('').replace('https://f.test/t', 'http://f.test/t')), /tokenUrl: is http/);
  t.regex(faultsOf(forge('').replace('https://f.test/u', 'https://a:b@f.test/u')), /holds a user name/);
  t.regex(faultsOf(forge('').replace('id: forge', 'id: github')), /is the id of another way in/);
  const oidc = 'oidc: [{ id: forge, issuer: https://i.test, clientId: x }]';
  t.regex(faultsOf(`${oidc}, ${forge('')}`), /oauth2\[0\]\.id: is already the id of another way/);
});

test('plain http and a missing PKCE are warned of', (t) => {
  t.regex(warningsOf(forge('insecureHttp: true').replace('https://f.test/t', 'http://f.test/t')), /sign in as anybody/);
  t.regex(warningsOf(forge('pkce: false')), /pkce: is off/);
  t.is(warningsOf(forge('')), '');
});
