import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls, type ConnectionOptions } from 'node:tls';
import { GatewayError } from '../../../errors.ts';
import { messageLength } from './ber.ts';
import { readMessage } from './messages.ts';

/** A directory server. */
export interface LdapServer {
  /** For messages: `ldaps://dc1.example.com:636`. */
  readonly shown: string;
  readonly host: string;
  readonly port: number;
  /** `tls`: from the first byte (ldaps). `start-tls`: upgraded before anything else is said. */
  readonly security: 'tls' | 'start-tls' | 'none';
}

export interface LdapTls {
  /** PEM texts of the authorities that vouch for the servers; null: the system's. */
  readonly ca: readonly string[] | null;
  /** Name that the certificate must bear; null: the host of the URL. */
  readonly serverName: string | null;
  readonly insecureSkipTlsVerify: boolean;
}

/** ExtendedRequest of RFC 4511 §4.14.1: message 1, name 1.3.6.1.4.1.1466.20037. */
const startTlsRequest = Buffer.concat([
  Buffer.from([0x30, 0x1d, 0x02, 0x01, 0x01, 0x77, 0x18, 0x80, 0x16]),
  Buffer.from('1.3.6.1.4.1.1466.20037'),
]);
const maxAnswerBytes = 16_384;

/**
 * Opens a connection that is ready for LDAP messages, TLS included, within `timeoutMs` altogether. Never weaker than `server`
 * says: a server that refuses StartTLS, or sends anything between its consent and the handshake, is not talked to.
 * Rejects with `directory-unavailable`.
 */
export async function openSocket(server: LdapServer, tls: LdapTls, timeoutMs: number): Promise<Socket> {
  const sockets: Socket[] = [];
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no connection within ${timeoutMs} ms`)), timeoutMs);
  });
  try {
    return await Promise.race([open(server, tls, sockets), deadline]);
  } catch (error) {
    for (const socket of sockets) socket.destroy();
    throw new GatewayError('directory-unavailable', `could not connect to ${server.shown}: ${reasonOf(error)}`, {
      cause: error,
    });
  } finally {
    clearTimeout(timer);
  }
}

async function open(server: LdapServer, tls: LdapTls, sockets: Socket[]): Promise<Socket> {
  const { host, port, security } = server;
  const plain = connectTcp({ host, port, noDelay: true, keepAlive: true, keepAliveInitialDelay: 30_000 });
  sockets.push(plain);
  await happens(plain, 'connect');
  if (security === 'none') return plain;
  if (security === 'start-tls') await askForTls(plain);
  const name = tls.serverName ?? host;
  const options: ConnectionOptions = {
    socket: plain,
    host: name,
    ...(isIP(name) === 0 ? { servername: name } : {}),
    ...(tls.ca === null ? {} : { ca: [...tls.ca] }),
    rejectUnauthorized: !tls.insecureSkipTlsVerify,
    minVersion: 'TLSv1.2',
  };
  const secured = connectTls(options);
  sockets.push(secured);
  await happens(secured, 'secureConnect');
  return secured;
}

/** Resolves with the consent; the bytes on the wire behind it belong to TLS alone. */
async function askForTls(socket: Socket): Promise<void> {
  const answer = await new Promise<Buffer>((resolve, reject) => {
    let bytes = Buffer.alloc(0);
    const gone = (error?: Error): void => reject(error ?? new Error('closed before StartTLS was answered'));
    socket.once('error', gone).once('close', gone);
    socket.on('data', function receive(chunk: Buffer) {
      bytes = Buffer.concat([bytes, chunk]);
      const length = messageLength(bytes, maxAnswerBytes);
      if (length !== 'malformed' && (length === null || bytes.length < length)) return;
      socket.off('data', receive).off('error', gone).off('close', gone).pause();
      // Whatever came along unencrypted could be taken for an answer under TLS.
      if (length === 'malformed' || bytes.length > length) reject(new Error('sent something else than an answer'));
      else resolve(bytes);
    });
    socket.write(startTlsRequest);
  });
  const message = readMessage(answer);
  if (message?.id !== 1 || message.body.kind !== 'result' || message.body.operation !== 'extended')
    throw new Error('sent something else than an answer to StartTLS');
  const { code, diagnostic } = message.body;
  if (code !== 0) throw new Error(`refused StartTLS with code ${code}${diagnostic === '' ? '' : ` (${diagnostic})`}`);
}

function happens(socket: Socket, event: 'connect' | 'secureConnect'): Promise<void> {
  return new Promise((resolve, reject) => {
    const gone = (error?: Error | boolean): void =>
      reject(error instanceof Error ? error : new Error('closed by the server'));
    socket.once('error', gone).once('close', gone);
    socket.once(event, () => {
      socket.off('error', gone).off('close', gone);
      resolve();
    });
  });
}

/** What went wrong, for a log line: the code of the system or of TLS where there is one. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown';
  // Several addresses of one name are tried in turn; the first tells enough.
  if (error instanceof AggregateError && error.errors[0] instanceof Error) return reasonOf(error.errors[0]);
  return error.message;
}
