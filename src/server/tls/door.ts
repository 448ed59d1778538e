import { AsyncLocalStorage } from 'node:async_hooks';
import { constants } from 'node:crypto';
import type { Socket } from 'node:net';
import { createServer, type TLSSocket } from 'node:tls';
import type { TlsConnection } from '../../request/facts.ts';
import type { Log } from '../../runtime.ts';
import { tellAddress, type Told } from '../proxy-protocol.ts';
import type { Certificates } from './certificates.ts';
import { hasClientCertificate, readClientCertificate } from './client-certificate.ts';
import type { TlsConfig } from './config.ts';

/** What handshakes settled, by socket; written by the listeners, read by the request reader. */
export interface TlsConnections {
  readonly note: (socket: object, connection: TlsConnection) => void;
  readonly of: (socket: object) => TlsConnection | undefined;
}

export function createTlsConnections(): TlsConnections {
  const known = new WeakMap<object, TlsConnection>();
  return { note: (socket, connection) => void known.set(socket, connection), of: (socket) => known.get(socket) };
}

/** The certificates, and who may come in by them: shared by all listeners that speak TLS. */
export interface TlsSettings {
  readonly config: TlsConfig;
  readonly certificates: Certificates;
  readonly connections: TlsConnections;
}

export interface TlsDoorOptions extends TlsSettings {
  readonly handshakeTimeoutMs: number;
  /** Connections from this address have to bring what a proxy told. */
  readonly isProxied: (address: string | undefined) => boolean;
  readonly log: Log;
  readonly serveHttp1: (socket: TLSSocket) => void;
  readonly serveHttp2: (socket: TLSSocket) => void;
}

export interface TlsDoor {
  /** Shakes hands on a fresh connection, then hands it on by the protocol that was agreed on. */
  readonly admit: (socket: Socket, told: Told | null) => void;
  /** Shows the certificates as they are now to clients that name no server. */
  readonly refresh: () => void;
}

/**
 * TLS in front of both protocols. Whoever speaks no ALPN speaks HTTP/1.1; whoever offers neither of the two is refused by the
 * handshake itself (RFC 7301 §3.2).
 */
export function createTlsDoor(options: TlsDoorOptions): TlsDoor {
  const { config, certificates, connections, handshakeTimeoutMs, isProxied, log, serveHttp1, serveHttp2 } = options;
  const asksClients = config.clientCa !== undefined;
  const server = createServer({
    ...certificates.choose(null).options,
    ALPNProtocols: ['h2', 'http/1.1'],
    SNICallback: (serverName, done) => done(null, certificates.choose(serverName.toLowerCase()).context),
    handshakeTimeout: handshakeTimeoutMs,
    requestCert: asksClients,
    rejectUnauthorized: asksClients && config.clientCertificates === 'required',
    // A resumed session would bring back the verdict on a certificate without asking the authorities of today.
    ...(asksClients ? { secureOptions: constants.SSL_OP_NO_TICKET } : {}),
  });

  // From the connection to the TLS socket that is made around it.
  const tellings = new AsyncLocalStorage<Told | null>();

  server.on('secureConnection', (socket) => {
    const told = tellings.getStore() ?? null;
    if (told === null && isProxied(socket.remoteAddress)) {
      socket.destroy();
      return;
    }
    if (told !== null && told !== 'itself') tellAddress(socket, told);
    if (asksClients && !socket.authorized && hasClientCertificate(socket)) {
      log.info('tls.client-refused', {
        peerAddress: socket.remoteAddress ?? '',
        reason: String(socket.authorizationError),
      });
      socket.destroy();
      return;
    }
    const serverName = nameOf(socket);
    connections.note(socket, {
      serverName,
      covers: certificates.choose(serverName).names.covers,
      clientCertificate: asksClients ? readClientCertificate(socket) : null,
    });
    socket.disableRenegotiation();
    if (socket.alpnProtocol === 'h2') serveHttp2(socket);
    else serveHttp1(socket);
  });
  server.on('tlsClientError', (error: Error, socket) => {
    const code = 'code' in error ? String(error.code) : error.message;
    log.debug('tls.handshake-failed', { peerAddress: socket.remoteAddress ?? '', code });
    // Node leaves it open when the time is up.
    socket.destroy();
  });

  return {
    admit: (socket, told) => {
      if (told === null) {
        server.emit('connection', socket);
        return;
      }
      // What came behind the header waits in the socket until the handshake fetches it.
      socket.pause();
      tellings.run(told, () => server.emit('connection', socket));
    },
    refresh: () => server.setSecureContext(certificates.choose(null).options),
  };
}

/** Node has `false` here when the client named none. */
function nameOf(socket: TLSSocket): string | null {
  const name: unknown = 'servername' in socket ? socket.servername : undefined;
  return typeof name === 'string' && name !== '' ? name.toLowerCase() : null;
}
