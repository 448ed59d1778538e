import { readFileSync } from 'node:fs';
import test from 'ava';
import { loadConfig } from '../../../../src/config/load.ts';
import { mapClaims } from '../../../../src/sign-in/oidc/claims.ts';
import { oidcProviderConfig } from '../../../../src/sign-in/oidc/config.ts';
import { applyPreset, presetNames } from '../../../../src/sign-in/oidc/presets.ts';

const client = { clientId: 'a', clientSecret: 'b' };
const tenant = '72f988bf-86f1-41af-91ab-2d7cd011db47';

/** What is enough for each, and what comes of it. */
const enough = {
  google: [{}, 'https://accounts.google.com'],
  microsoft: [{ tenant: tenant.toUpperCase() }, `https://login.microsoftonline.com/${tenant}/v2.0`],
  okta: [{ domain: 'acme.okta.com' }, 'https://acme.okta.com'],
  auth0: [{ domain: 'acme.eu.auth0.com' }, 'https://acme.eu.auth0.com/'],
  gitlab: [{}, 'https://gitlab.com'],
  keycloak: [{ domain: 'id.example.com:8443', realm: 'corp' }, 'https://id.example.com:8443/realms/corp'],
  authentik: [
    { domain: 'id.example.com', application: 'sallyport' },
    'https://id.example.com/application/o/sallyport/',
  ],
  zitadel: [{ domain: 'acme.zitadel.cloud' }, 'https://acme.zitadel.cloud'],
} as const satisfies Record<(typeof presetNames)[number], unknown>;

for (const preset of presetNames)
  test(`a client id and what tells it from others is enough for ${preset}`, (t) => {
    const [parameters, issuer] = enough[preset];
    const config = oidcProviderConfig.parse({ preset, ...parameters, ...client });
    t.like(config, { id: preset, issuer, clientId: 'a' });
    t.true(config.scopes.includes('openid'));
    t.truthy(config.name);
  });

test('what an entry says itself wins, and claims and parameters are put together', (t) => {
  const config = oidcProviderConfig.parse({
    ...client,
    preset: 'google',
    id: 'corp',
    name: 'Corp',
    hostedDomain: 'example.com',
    userClaim: 'sub',
    requiredClaims: { department: 'it' },
    authorizationParameters: { access_type: 'offline' },
  });
  t.like(config, { id: 'corp', name: 'Corp', userClaim: 'sub', issuer: 'https://accounts.google.com' });
  t.deepEqual(config.requiredClaims, { hd: ['example.com'], department: ['it'] });
  t.deepEqual(config.authorizationParameters, { hd: 'example.com', access_type: 'offline' });
  const own = oidcProviderConfig.parse({ ...client, preset: 'keycloak', issuer: 'https://id.test/auth/realms/x' });
  t.is(own.issuer, 'https://id.test/auth/realms/x');
});

test('several hosted domains are all asked about, and each tenant of Microsoft is its own', (t) => {
  const google = oidcProviderConfig.parse({ ...client, preset: 'google', hostedDomain: ['a.test', 'b.test'] });
  t.deepEqual(google.requiredClaims, { hd: ['a.test', 'b.test'] });
  t.deepEqual(google.authorizationParameters, { hd: '*' });
  const microsoft = oidcProviderConfig.parse({ ...client, preset: 'microsoft', tenant });
  t.deepEqual(microsoft.requiredClaims, { tid: [tenant] });
});

const faultsOf = (entry: object): string => {
  const applied = applyPreset({ ...client, ...entry });
  return applied.kind === 'faults'
    ? applied.faults.map(({ path, message }) => `${path.join('.')} ${message}`).join()
    : '';
};

test('a preset says what it lacks, and refuses what is not for it', (t) => {
  t.regex(faultsOf({ preset: 'microsoft' }), /^preset is microsoft, which needs tenant/);
  t.regex(faultsOf({ preset: 'keycloak', domain: 'id.test' }), /needs domain: .* and realm/);
  t.regex(faultsOf({ preset: 'okta', domain: 'acme.okta.com', tenant }), /^tenant has no effect with preset: okta/);
  t.regex(faultsOf({ issuer: 'https://i.test', domain: 'x' }), /^domain has no effect without a preset/);
});

test('everybody’s tenant at Microsoft is refused, by name and by issuer', (t) => {
  for (const wide of ['common', 'organizations', 'consumers', 'contoso.onmicrosoft.com', ''])
    t.regex(faultsOf({ preset: 'microsoft', tenant: wide }), /let people of every tenant in/, wide);
  for (const issuer of [
    'https://login.microsoftonline.com/common/v2.0',
    'https://login.microsoftonline.com/organizations/v2.0',
    'https://login.microsoftonline.com/{tenantid}/v2.0',
  ])
    t.regex(
      String(oidcProviderConfig.safeParse({ ...client, id: 'x', issuer }).error),
      /id of your own tenant/,
      issuer,
    );
});

test('parameters are no place for addresses or paths', (t) => {
  for (const domain of [
    'https://acme.okta.com',
    'acme.okta.com/x',
    'a b',
    'evil.test#',
    'a@b.test',
    '-a.test',
    'a..b',
    '',
  ])
    t.regex(faultsOf({ preset: 'okta', domain }), /is not a host/, domain);
  t.regex(faultsOf({ preset: 'okta', domain: ['a.test'] }), /^$/);
  t.regex(faultsOf({ preset: 'okta', domain: { a: 1 } }), /is not a host/);
  t.regex(faultsOf({ preset: 'keycloak', domain: 'a.test', realm: '../master' }), /is not a realm/);
  t.regex(faultsOf({ preset: 'authentik', domain: 'a.test', application: 'a/b' }), /is not the slug/);
  t.regex(faultsOf({ preset: 'google', hostedDomain: ['a.test', 7] }), /is not a domain/);
});

test('what is no entry with a preset is left to others', (t) => {
  for (const entry of [null, 'google', [], { preset: 'gogle' }, { issuer: 'https://i.test' }])
    t.deepEqual(applyPreset(entry), { kind: 'entry', entry });
});

test('a provider of everybody is warned of until it is limited', (t) => {
  const warningsOf = (entry: string): string => {
    const text = `server: { publicUrl: 'https://a.test' }\nsignIn: { oidc: [{ ${entry}, clientId: a }] }\nroutes: [{ upstream: 'http://127.0.0.1:1' }]\n`;
    const result = loadConfig({ file: '/nowhere/sallyport.yaml', env: {}, text });
    return result.kind === 'ok' ? result.warnings.map(({ message }) => message).join() : JSON.stringify(result.faults);
  };
  t.regex(warningsOf('preset: google'), /everybody with a Google account/);
  t.is(warningsOf('preset: google, hostedDomain: example.com'), '');
  t.regex(warningsOf('preset: gitlab'), /everybody with an account at gitlab\.com/);
  t.is(warningsOf('preset: gitlab, requiredClaims: { groups: [acme] }'), '');
  t.is(warningsOf('preset: gitlab, domain: git.example.com'), '');
});

test('groups that stand elsewhere are refused, not taken for none', (t) => {
  const config = oidcProviderConfig.parse({ ...client, preset: 'microsoft', tenant });
  const claims = { iss: config.issuer, sub: 's', tid: tenant, preferred_username: 'zoe@example.com' };
  t.like(mapClaims(claims, config), { kind: 'identity', identity: { user: 'zoe@example.com', email: '' } });
  t.deepEqual(mapClaims({ ...claims, _claim_names: { groups: 'src1' }, _claim_sources: {} }, config), {
    kind: 'refused',
    reason: 'groups-elsewhere',
  });
  t.is(mapClaims({ ...claims, groups: ['g'], _claim_names: { other: 'src1' } }, config).kind, 'identity');
  t.deepEqual(mapClaims({ ...claims, tid: 'another' }, config), { kind: 'refused', reason: 'required-claim-missing' });
});

test('every preset has a page and a recipe that uses it', (t) => {
  const root = new URL('../../../../', import.meta.url);
  for (const preset of presetNames) {
    t.regex(readFileSync(new URL(`docs/providers/${preset}.md`, root), 'utf8'), new RegExp(`preset: ${preset}\\b`));
    t.regex(readFileSync(new URL(`config/recipes/${preset}.yaml`, root), 'utf8'), new RegExp(`preset: ${preset}\\b`));
  }
});
