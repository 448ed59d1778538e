import { Duplex, PassThrough } from 'node:stream';
import test from 'ava';
import { join } from '../../../src/upstream/join.ts';
import { closeFrame } from '../../../src/upstream/upgrade-wire.ts';

/** A visitor who takes what is written only when told to. */
function slowVisitor(): { readonly socket: Duplex; readonly take: () => void; readonly taken: () => Buffer } {
  const chunks: Buffer[] = [];
  let pending: (() => void) | null = null;
  const socket = new Duplex({
    read: () => undefined,
    write: (chunk: Buffer, _encoding, done) => {
      pending = () => {
        chunks.push(chunk);
        done();
      };
    },
  });
  socket.on('error', () => undefined);
  return {
    socket,
    take: () => {
      pending?.();
      pending = null;
    },
    taken: () => Buffer.concat(chunks),
  };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

test('a WebSocket that is closed hears the code, however slow the visitor reads', async (t) => {
  const { socket, take, taken } = slowVisitor();
  const upstream = new PassThrough();
  const joint = join(socket, upstream, true, () => t.fail('close is what ended it'));
  joint.close(1001);
  await turn();
  await turn();
  t.true(upstream.destroyed);
  t.false(socket.destroyed, 'the visitor has not read it yet');
  take();
  await turn();
  t.deepEqual(taken(), closeFrame(1001));
  socket.destroy();
});

test('a visitor is cut off when the upstream breaks', async (t) => {
  const { socket } = slowVisitor();
  const upstream = new PassThrough();
  const over = new Promise<void>((resolve) => join(socket, upstream, true, resolve));
  upstream.destroy();
  await over;
  t.true(socket.destroyed);
});
