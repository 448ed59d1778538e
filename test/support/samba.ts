import { spawn, type ChildProcess } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'ldapts';
import { hasOpenssl, makeAuthority, makeCertificate } from './certificates.ts';
import { endChild, eventually, findProgram, run } from './programs.ts';
import { portTo } from './slapd.ts';

const samba = findProgram('samba');
const sambaTool = findProgram('samba-tool');

/** A domain controller has fixed ports below 1024, so each gets a loopback address of its own, as only root may. */
export const hasSamba =
  samba !== null &&
  sambaTool !== null &&
  hasOpenssl &&
  process.getuid?.() === 0 &&
  // A package of its own on Debian.
  existsSync('/usr/share/samba/setup/provision.ldif');

export const realm = 'ad.example.test';
export const domainDn = 'DC=ad,DC=example,DC=test';
export const administrator = { bindDn: `Administrator@${realm}`, bindPassword: 'Adm1n-pass-word' };

/** A real Active Directory domain of this test alone. */
export interface Samba {
  readonly address: string;
  /** PEM file of the authority behind its certificate. */
  readonly ca: string;
  /** Works as administrator, with a client that is closed afterwards. */
  readonly edit: <T>(work: (client: Client) => Promise<T>) => Promise<T>;
  readonly stop: () => Promise<void>;
}

/** Provisions a domain and starts its controller, its LDAP server only. Takes some ten seconds. */
export async function startSamba(): Promise<Samba> {
  if (samba === null || sambaTool === null) throw new Error('samba is not installed');
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-samba-'));
  const address = await freeAddress();
  const authority = await makeAuthority(folder);
  const { cert, key } = await makeCertificate(authority, { names: [`dc1.${realm}`], ips: [address] });
  await chmod(key, 0o600);
  const directory = join(folder, 'domain');
  await mkdir(directory);
  const provisioned = await run(
    sambaTool,
    [
      ...['domain', 'provision', `--targetdir=${directory}`, `--realm=${realm}`, '--domain=EXAMPLE', '--host-name=dc1'],
      ...['--server-role=dc', '--dns-backend=NONE', `--host-ip=${address}`],
      `--adminpass=${administrator.bindPassword}`,
      `--option=log file=${folder}/provision.log`,
    ],
    { timeoutMs: 110_000 },
  );
  if (provisioned.code !== 0) throw new Error(`samba-tool: ${provisioned.stderr.slice(-2_000)}`);
  let output = '';
  const options = [
    `interfaces=${address}/8`,
    'bind interfaces only=yes',
    'server services=ldap',
    `pid directory=${folder}`,
    `ncalrpc dir=${folder}/ncalrpc`,
    `log file=${folder}/log`,
    'tls enabled=yes',
    `tls certfile=${cert}`,
    `tls keyfile=${key}`,
    `tls cafile=${authority.ca}`,
  ];
  const child: ChildProcess = spawn(
    samba,
    [
      ...['-i', '--debug-stdout', '-M', 'single', '-s', join(directory, 'etc/smb.conf')],
      ...options.map((option) => `--option=${option}`),
    ],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  const stop = async (): Promise<void> => {
    // It keeps nothing that anybody wants.
    await endChild(child, 'SIGKILL');
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await eventually('samba answers', async () => {
      if (child.exitCode !== null) throw new Error(`samba ended with ${child.exitCode}: ${output.slice(-2_000)}`);
      return (await portTo(636, address)) !== null && (await portTo(389, address)) !== null;
    });
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    address,
    ca: authority.ca,
    edit: async (work) => {
      const client = new Client({
        url: `ldaps://${address}`,
        timeout: 20_000,
        tlsOptions: { rejectUnauthorized: false },
      });
      try {
        await client.bind(administrator.bindDn, administrator.bindPassword);
        return await work(client);
      } finally {
        await client.unbind();
      }
    },
    stop,
  };
}

/** A password as Active Directory takes it (MS-ADTS §3.1.1.3.1.5.1). */
export function unicodePassword(password: string): Buffer {
  return Buffer.from(`"${password}"`, 'utf16le');
}

/** A loopback address on which nobody has the ports of a controller. */
async function freeAddress(): Promise<string> {
  for (;;) {
    const address = `127.${randomInt(1, 255)}.${randomInt(1, 255)}.${randomInt(1, 255)}`;
    const server = createServer();
    const isFree = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false));
      server.listen(636, address, () => resolve(true));
    });
    await new Promise((resolve) => server.close(resolve));
    if (isFree) return address;
  }
}
