import type { Socket } from 'node:net';
import { BindRequest, Control, SearchRequest, type Filter } from 'ldapts';
import { GatewayError } from '../../../errors.ts';
import { messageLength } from './ber.ts';
import { readMessage, type LdapEntry, type LdapResult } from './messages.ts';
import { reasonOf, type LdapServer } from './socket.ts';

export interface LdapSearch {
  readonly base: string;
  readonly scope: 'base' | 'one' | 'sub';
  readonly filter: Filter;
  readonly attributes: readonly string[];
  /** The server sends no more entries than this. */
  readonly sizeLimit: number;
}

export type SearchOutcome =
  /** `isCut`: there are more than were sent. */
  | { readonly kind: 'entries'; readonly entries: readonly LdapEntry[]; readonly isCut: boolean }
  | { readonly kind: 'no-such-base' };

/**
 * A connection to a directory server that one user has at a time. It never reconnects by itself: what was agreed on (TLS, who
 * is bound) holds for its whole life. All methods reject with `directory-unavailable` when it breaks or an answer takes too
 * long, and are of no use any more from then on.
 */
export interface LdapConnection {
  readonly server: LdapServer;
  readonly isOpen: () => boolean;
  /** A simple bind, whatever comes of it; `name` and `password` must not be empty. */
  readonly bind: (name: string, password: string) => Promise<LdapResult>;
  /** Rejects with `directory-refused` for any result that is neither success nor a missing base. */
  readonly search: (search: LdapSearch) => Promise<SearchOutcome>;
  readonly close: () => void;
}

export interface LdapConnectionOptions {
  readonly socket: Socket;
  readonly server: LdapServer;
  /** From a request to the end of its answer. */
  readonly timeoutMs: number;
}

/** Bytes of all answers to one request. */
const maxAnswerBytes = 4 * 1024 * 1024;
const unbindRequest = Buffer.from([0x30, 0x06, 0x02, 0x02, 0x7f, 0xff, 0x42, 0x00]);
const passwordPolicy = '1.3.6.1.4.1.42.2.27.8.5.1';

const codes = { success: 0, sizeLimitExceeded: 4, noSuchObject: 32, busy: 51, unavailable: 52 } as const;

interface Pending {
  readonly id: number;
  readonly entries: LdapEntry[];
  readonly settle: (result: LdapResult) => void;
  readonly fail: (error: Error) => void;
}

/** @example createLdapConnection({ socket: await openSocket(server, tls, 3_000), server, timeoutMs: 5_000 }) */
export function createLdapConnection({ socket, server, timeoutMs }: LdapConnectionOptions): LdapConnection {
  let pending: Pending | null = null;
  let lastId = 1;
  let chunks: Buffer[] = [];
  let received = 0;
  let wanted = 0;

  const breakOff = (reason: string, cause?: unknown): void => {
    socket.destroy();
    const failed = pending;
    pending = null;
    chunks = [];
    failed?.fail(new GatewayError('directory-unavailable', `could not ask ${server.shown}: ${reason}`, { cause }));
  };
  const accept = (bytes: Buffer): void => {
    const message = readMessage(bytes);
    // Message 0 is the server's notice that it is about to hang up (RFC 4511 §4.4.1).
    if (message === null || pending === null || message.id !== pending.id)
      return breakOff('it sent what nobody asked for');
    if (message.body.kind === 'entry') pending.entries.push(message.body);
    if (message.body.kind !== 'result') return;
    const { settle } = pending;
    pending = null;
    settle(message.body);
  };
  const receive = (chunk: Buffer): void => {
    received += chunk.length;
    if (received > maxAnswerBytes) return breakOff(`it sent more than ${maxAnswerBytes} bytes`);
    chunks.push(chunk);
    wanted -= chunk.length;
    if (wanted > 0) return;
    let bytes = Buffer.concat(chunks);
    for (;;) {
      const length = messageLength(bytes, maxAnswerBytes);
      if (length === 'malformed') return breakOff('it sent something else than LDAP');
      if (length === null || bytes.length < length) {
        // Not joined anew for every small piece of a large message.
        wanted = (length ?? 0) - bytes.length;
        break;
      }
      accept(bytes.subarray(0, length));
      if (socket.destroyed) return;
      bytes = bytes.subarray(length);
    }
    chunks = bytes.length === 0 ? [] : [bytes];
  };
  socket.on('data', receive);
  socket.on('error', (error) => breakOff(reasonOf(error), error));
  socket.on('close', () => breakOff('it closed the connection'));
  socket.on('end', () => breakOff('it closed the connection'));

  const exchange = (make: (id: number) => Buffer): Promise<{ result: LdapResult; entries: readonly LdapEntry[] }> =>
    new Promise((resolve, reject) => {
      const refuse = (why: string): void =>
        reject(new GatewayError('directory-unavailable', `could not ask ${server.shown}: ${why}`));
      if (socket.destroyed) return refuse('the connection is closed');
      if (pending !== null) return refuse('another request is under way');
      const id = (lastId = lastId === 0x7f00 ? 2 : lastId + 1);
      const timer = setTimeout(() => breakOff(`no answer within ${timeoutMs} ms`), timeoutMs);
      const entries: LdapEntry[] = [];
      received = 0;
      pending = {
        id,
        entries,
        settle: (result) => {
          clearTimeout(timer);
          resolve({ result, entries });
        },
        fail: (error) => {
          clearTimeout(timer);
          reject(error);
        },
      };
      socket.write(make(id));
    });

  return {
    server,
    isOpen: () => !socket.destroyed,
    bind: async (name, password) => {
      // RFC 4513 §5.1.2: without a name or a password a bind succeeds, as nobody.
      if (name === '' || password === '')
        throw new GatewayError('internal', 'tried to bind without a name or password');
      const controls = [new Control(passwordPolicy)];
      const { result } = await exchange((messageId) =>
        new BindRequest({ messageId, dn: name, password, controls }).write(),
      );
      if (result.operation === 'bind') return result;
      breakOff('it answered another question');
      throw new GatewayError(
        'directory-unavailable',
        `could not bind at ${server.shown}: it answered another question`,
      );
    },
    search: async ({ base, scope, filter, attributes, sizeLimit }) => {
      const timeLimit = Math.max(1, Math.ceil(timeoutMs / 1_000));
      const { result, entries } = await exchange((messageId) =>
        new SearchRequest({
          messageId,
          baseDN: base,
          scope,
          filter,
          attributes: [...attributes],
          sizeLimit,
          timeLimit,
        }).write(),
      );
      const { code, operation, diagnostic } = result;
      if (operation === 'search') {
        if (code === codes.success) return { kind: 'entries', entries, isCut: false };
        if (code === codes.sizeLimitExceeded) return { kind: 'entries', entries, isCut: true };
        if (code === codes.noSuchObject) return { kind: 'no-such-base' };
      }
      const isAway = code === codes.busy || code === codes.unavailable || operation !== 'search';
      throw new GatewayError(
        isAway ? 'directory-unavailable' : 'directory-refused',
        `could not search at ${server.shown}: code ${code}${diagnostic === '' ? '' : ` (${diagnostic})`}`,
      );
    },
    close: () => {
      if (socket.destroyed) return;
      socket.write(unbindRequest);
      socket.end();
      socket.destroySoon();
    },
  };
}
