import cluster from 'node:cluster';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { platform } from 'node:os';
import { GatewayError } from '../errors.ts';
import type { ListenAddress } from './config.ts';
import { removeStaleSocket } from './stale-socket.ts';

/**
 * Opens a server on an address. Workers of one gateway share it: on Linux each has a socket of its own and the system hands
 * out the connections (SO_REUSEPORT), so that none passes through another process and gets stuck there while all shut down.
 * Throws `listen-failed` with what to do when the address can't be had.
 */
export async function openAddress(server: Server, address: ListenAddress): Promise<void> {
  if (address.kind === 'unix') {
    if (!cluster.isWorker) await removeStaleSocket(address.path);
    return open(server, address, { path: address.path });
  }
  const reusePort = cluster.isWorker && platform() === 'linux';
  return open(server, address, { host: address.host, port: address.port, reusePort });
}

/**
 * Takes an address for workers that are about to share it: makes sure that nobody else has it, since workers would be let
 * in beside another program of the same user, and finds out which port 0 became. Throws `listen-failed`.
 */
export async function reserveAddress<Address extends ListenAddress>(address: Address): Promise<Address> {
  if (address.kind === 'unix') {
    await removeStaleSocket(address.path);
    return address;
  }
  const server = createServer();
  await open(server, address, { host: address.host, port: address.port });
  const port = portOf(server.address()) ?? address.port;
  await new Promise((resolve) => server.close(resolve));
  return { ...address, port };
}

async function open(
  server: Server,
  address: ListenAddress,
  options: { readonly path: string } | { readonly host: string; readonly port: number; readonly reusePort?: boolean },
): Promise<void> {
  const where = address.kind === 'unix' ? `unix:${address.path}` : `${address.host}:${address.port}`;
  await new Promise<void>((resolve, reject) => {
    const fail = (cause: NodeJS.ErrnoException) => {
      const hint =
        cause.code === 'EADDRINUSE' ? ': something else listens there; stop it or choose another address' : '';
      reject(new GatewayError('listen-failed', `could not listen on ${where}${hint}`, { cause }));
    };
    server.once('error', fail);
    server.listen({ ...options }, () => {
      server.off('error', fail);
      resolve();
    });
  });
}

function portOf(address: AddressInfo | string | null): number | undefined {
  return typeof address === 'object' && address !== null ? address.port : undefined;
}
