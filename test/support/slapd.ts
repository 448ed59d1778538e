import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Client } from 'ldapts';
import { hasOpenssl, makeAuthority, makeCertificate } from './certificates.ts';
import { endChild, eventually, findProgram, freePort, run } from './programs.ts';

const slapd = findProgram('slapd');
/** Where Debian has them. */
const [schemas, modules] = ['/etc/ldap/schema', '/usr/lib/ldap'];

/** Suites of OpenLDAP skip without it. */
export const hasSlapd = slapd !== null && hasOpenssl && existsSync(schemas) && existsSync(modules);

export const suffix = 'dc=example,dc=test';
/** The account that searches. */
export const service = { bindDn: `cn=reader,${suffix}`, bindPassword: 'reader secret' };
const admin = { dn: `cn=admin,${suffix}`, password: 'admin secret' };

export interface SlapdOptions {
  /** More entries as LDIF. */
  readonly ldif?: string;
  /** More lines of the configuration, global ones. */
  readonly global?: readonly string[];
  /** Locks an account after three wrong passwords. */
  readonly policy?: boolean;
}

/** A real slapd of this test alone, on free loopback ports, with the people of `peopleLdif`. */
export interface Slapd {
  readonly url: string;
  readonly tlsUrl: string;
  /** PEM file of the authority behind its certificate, which is good for 127.0.0.1 and ldap.example.test. */
  readonly ca: string;
  /** What it logged of operations: `BIND dn="…"`. */
  readonly log: () => string;
  /** How often a bind as this DN came, right or wrong. */
  readonly bindsAs: (dn: string) => number;
  /** Works as administrator, with a client that is closed afterwards. */
  readonly edit: <T>(work: (client: Client) => Promise<T>) => Promise<T>;
  readonly halt: () => Promise<void>;
  readonly restart: () => Promise<void>;
  /** Stands still, connections stay; resolves when it does. */
  readonly freeze: () => Promise<void>;
  readonly thaw: () => void;
  readonly stop: () => Promise<void>;
}

/** One person. */
export function person(uid: string, more: readonly string[] = [], rdn = `uid=${uid}`): string {
  return [
    `dn: ${rdn},ou=people,${suffix}`,
    'objectClass: inetOrgPerson',
    ...more.filter((line) => line.startsWith('objectClass:')),
    `uid: ${uid}`,
    `sn: ${uid}`,
    ...(more.some((line) => line.startsWith('cn:')) ? [] : [`cn: ${uid}`]),
    ...(more.some((line) => line.startsWith('mail:')) ? [] : [`mail: ${uid}@example.test`]),
    `userPassword: ${uid} secret`,
    ...more.filter((line) => !line.startsWith('objectClass:')),
    '',
    '',
  ].join('\n');
}

/** DN of the person whose name breaks naive filters and DNs. */
export const oddDn = `cn=O'Brien\\2C Bob (ops)*,ou=people,${suffix}`;

const peopleLdif = [
  `dn: ${suffix}\nobjectClass: dcObject\nobjectClass: organization\no: example\ndc: example\n`,
  `dn: ou=people,${suffix}\nobjectClass: organizationalUnit\nou: people\n`,
  `dn: ou=groups,${suffix}\nobjectClass: organizationalUnit\nou: groups\n`,
  `dn: ou=other,${suffix}\nobjectClass: organizationalUnit\nou: other\n`,
  `dn: ${service.bindDn}\nobjectClass: organizationalRole\nobjectClass: simpleSecurityObject\ncn: reader\nuserPassword: ${service.bindPassword}\n`,
  person('Alice', ['cn: Alice Archer']),
  person('bob', ['cn: Bob Baker']),
  person('obrien', [`cn: O'Brien, Bob (ops)*`], "cn=O'Brien\\, Bob (ops)*"),
  person('zoe', ['cn:: ' + Buffer.from('Zoë 田中').toString('base64')]),
  person('twin', ['cn: Twin One', 'mail: twin@example.test'], 'cn=Twin One'),
  person('twin', ['cn: Twin Two', 'mail: twin@example.test'], 'cn=Twin Two'),
  person('gone', ['objectClass: shadowAccount', 'shadowExpire: 12000']),
].join('\n');

/** Starts slapd with its own folder; throws when it does not come up. */
export async function startSlapd(options: SlapdOptions = {}): Promise<Slapd> {
  if (slapd === null) throw new Error('slapd is not installed');
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-slapd-'));
  const authority = await makeAuthority(folder);
  const certificate = await makeCertificate(authority, { names: ['ldap.example.test'], ips: ['127.0.0.1'] });
  await mkdir(join(folder, 'db'));
  const configuration = join(folder, 'slapd.conf');
  const global = [
    `TLSCACertificateFile ${authority.ca}`,
    `TLSCertificateFile ${certificate.cert}`,
    `TLSCertificateKeyFile ${certificate.key}`,
  ];
  await writeFile(configuration, describe(folder, [...global, ...(options.global ?? [])], options.policy === true));
  const policy = options.policy === true ? policyLdif : '';
  await writeFile(join(folder, 'people.ldif'), [peopleLdif, policy, options.ldif ?? ''].join('\n'));
  const added = await run(slapd, ['-T', 'add', '-q', '-f', configuration, '-l', join(folder, 'people.ldif')]);
  if (added.code !== 0) throw new Error(`slapadd: ${added.stderr}`);

  let output = '';
  let child: ChildProcess | null = null;
  const heard = async (text: string): Promise<boolean> => {
    for (let look = 0; look < 20 && !output.includes(text); look += 1) await delay(10);
    return output.includes(text);
  };
  const startOn = async (port: number, tlsPort: number): Promise<void> => {
    const started = spawn(
      slapd,
      ['-d', 'stats', '-f', configuration, '-h', `ldap://127.0.0.1:${port} ldaps://127.0.0.1:${tlsPort}`],
      { stdio: ['ignore', 'ignore', 'pipe'] },
    );
    child = started;
    const before = output.length;
    started.stderr.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
    await eventually(
      'slapd answers',
      async () => {
        if (started.exitCode !== null) throw new Error(`slapd ended with ${started.exitCode}: ${output.slice(-2_000)}`);
        if (!output.includes('slapd starting', before)) return false;
        // It says so a moment before it listens, and ends if another one does that on its port: only its own word counts.
        for (const own of [port, tlsPort]) {
          const from = await portTo(own);
          if (from === null || !(await heard(`ACCEPT from IP=127.0.0.1:${from} `))) return false;
        }
        return true;
      },
      { timeoutMs: 20_000 },
    );
  };
  let [port, tlsPort] = [0, 0];
  // The ports were free a moment ago; another test may have taken one meanwhile.
  for (let attempt = 0; ; attempt += 1) {
    [port, tlsPort] = [await freePort(), await freePort()];
    try {
      await startOn(port, tlsPort);
      break;
    } catch (error) {
      if (attempt === 4) throw error;
    }
  }
  const url = `ldap://127.0.0.1:${port}`;
  return {
    url,
    tlsUrl: `ldaps://127.0.0.1:${tlsPort}`,
    ca: authority.ca,
    log: () => output,
    bindsAs: (dn) => output.split('\n').filter((line) => line.includes(` BIND dn="${dn}" method=128`)).length,
    edit: async (work) => {
      const client = new Client({ url, timeout: 10_000 });
      try {
        await client.bind(admin.dn, admin.password);
        return await work(client);
      } finally {
        await client.unbind();
      }
    },
    halt: async () => {
      if (child !== null) await endChild(child, 'SIGKILL');
    },
    restart: () => startOn(port, tlsPort),
    freeze: async () => {
      child?.kill('SIGSTOP');
      await eventually('slapd stands still', async () =>
        / T /.test(await readFile(`/proc/${child?.pid}/stat`, 'utf8')),
      );
    },
    thaw: () => void child?.kill('SIGCONT'),
    stop: async () => {
      if (child !== null) await endChild(child, 'SIGKILL');
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Our end of a connection that something took there; null when nothing does. */
export function portTo(port: number, host = '127.0.0.1'): Promise<number | null> {
  return new Promise((resolve) => {
    const socket = connect(port, host);
    socket.once('connect', () => {
      const { localPort = null } = socket;
      socket.destroy();
      resolve(localPort);
    });
    socket.once('error', () => resolve(null));
  });
}

const policyLdif = `dn: cn=policy,${suffix}
objectClass: organizationalRole
objectClass: pwdPolicy
cn: policy
pwdAttribute: userPassword
pwdLockout: TRUE
pwdMaxFailure: 3
pwdLockoutDuration: 600
pwdMustChange: TRUE
`;

function describe(folder: string, global: readonly string[], withPolicy: boolean): string {
  return [
    ...['core', 'cosine', 'inetorgperson', 'nis'].map((name) => `include ${schemas}/${name}.schema`),
    `modulepath ${modules}`,
    'moduleload back_mdb',
    'moduleload memberof',
    'moduleload ppolicy',
    `pidfile ${folder}/pid`,
    ...global,
    'database mdb',
    `suffix "${suffix}"`,
    `rootdn "${admin.dn}"`,
    `rootpw "${admin.password}"`,
    `directory ${folder}/db`,
    'maxsize 10485760',
    'dbnosync',
    'access to attrs=userPassword by anonymous auth by * none',
    'access to * by * read',
    'overlay memberof',
    ...(withPolicy ? ['overlay ppolicy', `ppolicy_default "cn=policy,${suffix}"`] : []),
    '',
  ].join('\n');
}
