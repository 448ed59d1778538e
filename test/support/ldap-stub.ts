import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { messageLength, readAll, readTlv } from '../../src/sign-in/methods/ldap/ber.ts';

/** A request as it came, as far as a stub cares. */
export interface StubRequest {
  readonly id: number;
  /** 0x60 bind, 0x63 search, 0x77 extended, 0x42 unbind. */
  readonly operation: number;
  readonly bytes: Buffer;
}

export interface LdapStub {
  readonly url: string;
  readonly port: number;
  readonly requests: readonly StubRequest[];
  /** Connections so far. */
  readonly connections: () => number;
  readonly stop: () => Promise<void>;
}

/** A directory server that does what a test wants: `answer` gets each request and writes, or does not. */
export async function startLdapStub(
  answer: (request: StubRequest, socket: Socket) => void,
  options: { readonly onConnect?: (socket: Socket) => void } = {},
): Promise<LdapStub> {
  const sockets = new Set<Socket>();
  const requests: StubRequest[] = [];
  let connections = 0;
  const server: Server = createServer((socket) => {
    connections += 1;
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
    options.onConnect?.(socket);
    let bytes = Buffer.alloc(0);
    socket.on('data', (chunk: Buffer) => {
      bytes = Buffer.concat([bytes, chunk]);
      for (;;) {
        const length = messageLength(bytes, 1_000_000);
        if (typeof length !== 'number' || bytes.length < length) return;
        const message = bytes.subarray(0, length);
        bytes = bytes.subarray(length);
        const [id, operation] = readAll(readTlv(message)?.value ?? Buffer.alloc(0)) ?? [];
        const request = {
          id: id?.value.readUIntBE(0, id.value.length) ?? 0,
          operation: operation?.tag ?? 0,
          bytes: message,
        };
        requests.push(request);
        answer(request, socket);
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `ldap://127.0.0.1:${port}`,
    port,
    requests,
    connections: () => connections,
    stop: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
