import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';

/**
 * A socket that leads nowhere. http-proxy is given it in place of the visitor's, so that nothing it writes, ends or destroys
 * on its own reaches the visitor: what it would do there is not always right (`docs/decisions/010-upgrades-through-http-proxy.md`).
 */
export class Doorstep extends Socket {
  override _read(): void {
    // Nothing ever comes.
  }

  override _write(_chunk: unknown, _encoding: string, callback: (error?: Error | null) => void): void {
    callback();
  }

  override _writev(_chunks: unknown, callback: (error?: Error | null) => void): void {
    callback();
  }

  override _final(callback: (error?: Error | null) => void): void {
    callback();
  }
}

/** The least that http-proxy takes for an upgrade; the true headers and method are set on the outgoing request. */
export function plainUpgrade(doorstep: Doorstep, target: string): IncomingMessage {
  const message = new IncomingMessage(doorstep);
  message.method = 'GET';
  message.url = target;
  message.headers = { connection: 'Upgrade', upgrade: 'websocket' };
  return message;
}
