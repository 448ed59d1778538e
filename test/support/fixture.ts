import { usersFile } from './users.ts';

/** A configuration as an object, to be written as YAML. */
export type ConfigObject = Readonly<Record<string, unknown>>;

/** The gateways that attacks are run against, by name; `{UP}` stands for the upstream's origin. */
export type GatewayName = keyof typeof fixtures;

const upstream = '{UP}';
const publicUrl = 'https://app.test';

/** Routes of the fixture: everything else on app.test, and every other host but other.test, has no route. */
const routes = [
  { id: 'public', host: 'app.test', path: '/public', upstream, access: 'public' },
  { id: 'private', host: 'app.test', path: '/private', upstream, access: 'signed-in' },
  { id: 'admin', host: 'app.test', path: '/admin', upstream, access: [{ allow: { groups: ['admins'] } }] },
  { id: 'mfa', host: 'app.test', path: '/mfa', upstream, access: 'second-factor' },
  { id: 'ws', host: 'app.test', path: '/ws', upstream, access: 'signed-in', allowedOrigins: ['https://friend.test'] },
  { id: 'basic', host: 'app.test', path: '/basic', upstream, access: 'signed-in', acceptBasic: true },
  { id: 'other', host: 'other.test', path: '/', upstream, access: 'signed-in' },
];

/** One route for the whole host, told apart by rules only. */
const ruled = (access: readonly unknown[], more: object = {}) => ({
  server: { publicUrl },
  routes: [{ id: 'all', host: 'app.test', path: '/', upstream, access, ...more }],
});

export const fixtures = {
  plain: { server: { publicUrl }, routes },
  trusting: { server: { publicUrl, trustedProxies: ['127.0.0.1/32'] }, routes },
  denyAdmin: ruled([{ deny: 'anyone', when: { paths: ['/admin', '/admin/**'] } }, { allow: 'anyone' }]),
  adminByRule: ruled([
    { allow: { groups: ['admins'] }, when: { paths: ['/admin', '/admin/**'] } },
    { deny: 'anyone', when: { paths: ['/admin', '/admin/**'] } },
    { allow: 'signed-in', when: { paths: ['/private', '/private/**'] } },
    { allow: 'anyone', when: { paths: ['/public', '/public/**'] } },
  ]),
  statusBypass: ruled([{ allow: 'anyone', when: { paths: '/api/**/status' } }, { allow: 'signed-in' }]),
  methods: ruled([
    { allow: 'anyone', when: { paths: '/read/**', methods: ['GET'] } },
    { allow: 'signed-in', when: { methods: ['GET'] } },
  ]),
  networks: ruled([{ allow: 'anyone', when: { networks: ['10.0.0.0/8'] } }]),
  stripped: {
    server: { publicUrl },
    routes: [
      { id: 'app1', host: 'app.test', path: '/app1', upstream, stripPath: true, access: 'public' },
      { id: 'admin', host: 'app.test', path: '/admin', upstream, access: [{ allow: { groups: ['admins'] } }] },
    ],
  },
  slashes: {
    server: { publicUrl },
    routes: [
      { id: 'npm', host: 'app.test', path: '/', upstream, encodedSlashes: true, access: 'public' },
      { id: 'admin', host: 'app.test', path: '/admin', upstream, access: [{ allow: { groups: ['admins'] } }] },
    ],
  },
  shortSessions: { server: { publicUrl }, session: { idleTimeout: '2s', lifetime: '4s' }, routes },
  anyHost: { server: { publicUrl }, routes: [{ id: 'all', upstream, access: 'signed-in' }] },
  wildcards: {
    server: { publicUrl: 'https://auth.example.test' },
    session: { cookie: { domain: 'example.test' } },
    routes: [
      { id: 'inner', host: '*.b.example.test', path: '/', upstream, access: [{ allow: { groups: ['admins'] } }] },
      { id: 'outer', host: '*.example.test', path: '/', upstream, access: 'public' },
    ],
  },
} as const;

/** Configuration and users of a named gateway (or of an own configuration), with the upstream's origin put in. */
export function fixture(
  gateway: GatewayName | ConfigObject,
  upstreamOrigin: string,
): { config: ConfigObject; users: string } {
  const config = typeof gateway === 'string' ? fixtures[gateway] : gateway;
  const text = JSON.stringify(config).replaceAll('{UP}', upstreamOrigin);
  return { config: JSON.parse(text) as ConfigObject, users: usersFile() };
}
