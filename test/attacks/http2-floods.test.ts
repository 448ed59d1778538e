import test, { type ExecutionContext } from 'ava';
import { hasOpenssl } from '../support/certificates.ts';
import { poll } from '../support/gateway.ts';
import { flags, frame, frameTypes, headerBlock, speakFrames, type FrameClient } from '../support/http2-frames.ts';
import { askHttp2, openHttp2, openTls, startTls } from '../integration/front/support.ts';

const run = hasOpenssl ? test : test.skip;

const request = headerBlock([
  [':method', 'GET'],
  [':scheme', 'https'],
  [':authority', 'app.test'],
  [':path', '/'],
]);
const uint32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
};
const chunksOf = (one: (index: number) => Buffer, count: number): Buffer =>
  Buffer.concat(Array.from({ length: count }, (_, index) => one(index)));

interface Flood {
  /** Sent again and again until the connection is closed. */
  readonly bytes: (round: number) => Buffer;
  readonly first?: Buffer;
  /** It must be closed after this many bytes at the latest. */
  readonly megabytes: number;
}

/** Streams have odd numbers, each higher than the last. */
const streamOf = (index: number): number => index * 2 + 1;

const floods: Readonly<Record<string, Flood>> = {
  'rapid reset (CVE-2023-44487)': {
    bytes: (round) =>
      chunksOf((index) => {
        const stream = streamOf(round * 100 + index);
        return Buffer.concat([
          frame(frameTypes.headers, flags.endHeaders | flags.endStream, stream, request),
          frame(frameTypes.rstStream, 0, stream, uint32(8)),
        ]);
      }, 100),
    megabytes: 2,
  },
  'made to reset (CVE-2025-8671)': {
    bytes: (round) =>
      chunksOf((index) => {
        const stream = streamOf(round * 100 + index);
        return Buffer.concat([
          frame(frameTypes.headers, flags.endHeaders, stream, request),
          // An increment of nothing is a stream error (RFC 9113 §6.9): the server resets.
          frame(frameTypes.windowUpdate, 0, stream, uint32(0)),
        ]);
      }, 100),
    megabytes: 4,
  },
  'continuation flood (CVE-2024-27316)': {
    first: frame(frameTypes.headers, flags.endStream, 1, request),
    bytes: () => chunksOf(() => frame(frameTypes.continuation, 0, 1, headerBlock([['x-a', 'x'.repeat(10_000)]])), 10),
    megabytes: 2,
  },
  'empty continuations': {
    first: frame(frameTypes.headers, flags.endStream, 1, request),
    bytes: () => chunksOf(() => frame(frameTypes.continuation, 0, 1), 1000),
    megabytes: 2,
  },
  // More in one write than answers may wait: it must not depend on how the system cuts it into reads.
  'settings flood (CVE-2019-9515)': {
    bytes: () => chunksOf(() => frame(frameTypes.settings, 0, 0, Buffer.from([0, 3, 0, 0, 0, 100])), 8_000),
    megabytes: 4,
  },
  'settings with too many entries': {
    bytes: () =>
      frame(
        frameTypes.settings,
        0,
        0,
        chunksOf((index) => Buffer.from([0, 200 + (index % 50), 0, 0, 0, 1]), 200),
      ),
    megabytes: 1,
  },
  'ping flood (CVE-2019-9512)': {
    bytes: () => chunksOf(() => frame(frameTypes.ping, 0, 0, Buffer.alloc(8)), 8_000),
    megabytes: 4,
  },
  'frames of a size that was not agreed': {
    bytes: () => frame(frameTypes.data, 0, 1, Buffer.alloc(20_000)),
    megabytes: 1,
  },
  'window overflow': {
    bytes: () => frame(frameTypes.windowUpdate, 0, 0, uint32(0x7fffffff)),
    megabytes: 1,
  },
  'more streams than were agreed': {
    bytes: (round) =>
      chunksOf((index) => frame(frameTypes.headers, flags.endHeaders, streamOf(round * 100 + index), request), 100),
    megabytes: 4,
  },
};

/** Floods until the gateway has closed the connection; tells how many bytes that took. It reads nothing meanwhile. */
async function flood(t: ExecutionContext, client: FrameClient, { bytes, first, megabytes }: Flood): Promise<number> {
  let sent = 0;
  if (first !== undefined) client.write(first);
  for (let round = 0; !client.isClosed() && sent < megabytes * 1_000_000; round += 1) {
    const more = bytes(round);
    client.write(more);
    sent += more.length;
    await new Promise((resolve) => setImmediate(resolve));
  }
  await poll(() => client.isClosed());
  t.true(client.isClosed());
  return sent;
}

for (const [what, attack] of Object.entries(floods))
  run(`O over HTTP/2: ${what} ends the connection, and no other`, async (t) => {
    const fixture = await startTls(t);
    fixture.up.script('/slow', () => ({ kind: 'taken' }));
    const other = openHttp2(t, fixture);
    t.is((await askHttp2(other, { ':path': '/before' })).status, 200);
    const socket = await openTls(t, fixture, { ALPNProtocols: ['h2'] });
    await flood(t, speakFrames(socket), attack);
    t.is((await askHttp2(other, { ':path': '/after' })).status, 200);
    await poll(() => fixture.gateway.logs().some((line) => line.includes('http2.connection-closed')));
    t.true(fixture.up.requests.length < 2_000, String(fixture.up.requests.length));
  });

run('O over HTTP/2: a bomb of header references is bounded', async (t) => {
  const fixture = await startTls(t);
  const client = speakFrames(await openTls(t, fixture, { ALPNProtocols: ['h2'] }));
  // One line of 3 KB into the dynamic table, then sixteen thousand references of one byte to it.
  const indexed = Buffer.concat([Buffer.from([0x40]), headerBlock([['x-bomb', 'x'.repeat(3_000)]]).subarray(1)]);
  const block = Buffer.concat([request, indexed, Buffer.alloc(12_000, 0xbe)]);
  const before = process.memoryUsage().rss;
  client.write(frame(frameTypes.headers, flags.endHeaders | flags.endStream, 1, block));
  await poll(
    () => client.isClosed() || client.frames.some(({ stream, type }) => stream === 1 && type !== frameTypes.data),
  );
  t.true(process.memoryUsage().rss - before < 50_000_000);
  t.is(fixture.up.requests.length, 0);
  t.is((await askHttp2(openHttp2(t, fixture), { ':path': '/' })).status, 200);
});

run('O over HTTP/2: garbage and half a preface end the connection', async (t) => {
  const fixture = await startTls(t);
  for (const bytes of [
    'GET / HTTP/1.1\r\nHost: app.test\r\n\r\n',
    'PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n',
    '\0'.repeat(1000),
  ]) {
    const socket = await openTls(t, fixture, { ALPNProtocols: ['h2'] });
    let isClosed = false;
    socket.on('error', () => undefined).on('close', () => (isClosed = true));
    socket.resume().write(bytes, 'latin1');
    await poll(() => isClosed);
  }
  t.is((await askHttp2(openHttp2(t, fixture), { ':path': '/' })).status, 200);
});
