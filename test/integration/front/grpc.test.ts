import * as grpc from '@grpc/grpc-js';
import test from 'ava';
import type { ExecutionContext } from 'ava';
import { hasOpenssl } from '../../support/certificates.ts';
import { eventually } from '../../support/programs.ts';
import { startTls } from './support.ts';

// gRPC from a real client over TLS, through the gateway, to a real server that speaks HTTP/2 without TLS.
const run = hasOpenssl ? test : test.skip;

const asIs = {
  requestSerialize: (value: Buffer) => value,
  requestDeserialize: (value: Buffer) => value,
  responseSerialize: (value: Buffer) => value,
  responseDeserialize: (value: Buffer) => value,
};
const definition = {
  echo: { path: '/test.Greeter/Echo', requestStream: false, responseStream: false, ...asIs },
  count: { path: '/test.Greeter/Count', requestStream: false, responseStream: true, ...asIs },
  chat: { path: '/test.Greeter/Chat', requestStream: true, responseStream: true, ...asIs },
  sum: { path: '/test.Greeter/Sum', requestStream: true, responseStream: false, ...asIs },
} as const;

interface Seen {
  readonly metadata: grpc.Metadata[];
  cancelled: number;
}

async function startServer(t: ExecutionContext, seen: Seen): Promise<number> {
  const server = new grpc.Server();
  const watch = (call: { metadata: grpc.Metadata; on: (event: 'cancelled', listener: () => void) => unknown }) => {
    seen.metadata.push(call.metadata);
    call.on('cancelled', () => (seen.cancelled += 1));
  };
  server.addService(definition, {
    echo: (call: grpc.ServerUnaryCall<Buffer, Buffer>, callback: grpc.sendUnaryData<Buffer>) => {
      watch(call);
      const word = call.request.toString();
      const trailer = new grpc.Metadata();
      trailer.set('x-trailer', 'late');
      trailer.set('x-bytes-bin', Buffer.from([0, 255]));
      if (word === 'wait') return;
      if (word === 'fail')
        callback({ code: grpc.status.FAILED_PRECONDITION, details: 'größer als 10 %', metadata: trailer });
      else callback(null, call.request, trailer);
    },
    count: (call: grpc.ServerWritableStream<Buffer, Buffer>) => {
      watch(call);
      for (let index = 0; index < Number(call.request.toString()); index += 1) call.write(Buffer.from(String(index)));
      call.end();
    },
    chat: (call: grpc.ServerDuplexStream<Buffer, Buffer>) => {
      watch(call);
      call.on('data', (word: Buffer) => {
        if (word.toString() === 'bye') {
          call.write(Buffer.from('bye'));
          call.end();
        } else call.write(Buffer.from(`re: ${word.toString()}`));
      });
      call.on('error', () => undefined);
    },
    sum: (call: grpc.ServerReadableStream<Buffer, Buffer>, callback: grpc.sendUnaryData<Buffer>) => {
      watch(call);
      let bytes = 0;
      call.on('data', (chunk: Buffer) => (bytes += chunk.length));
      call.on('end', () => callback(null, Buffer.from(String(bytes))));
    },
  });
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    );
  });
  t.teardown(() => server.forceShutdown());
  return port;
}

async function setScene(t: ExecutionContext) {
  const seen: Seen = { metadata: [], cancelled: 0 };
  const port = await startServer(t, seen);
  const upstream = { targets: `http://127.0.0.1:${port}`, http2: true };
  const fixture = await startTls(t, {
    routes: () => [
      { upstream, access: 'public', maxBodySize: '4MiB' },
      { path: '/test.Members', upstream },
    ],
  });
  const credentials = grpc.credentials.createSsl(fixture.ca);
  const client = new grpc.Client(`127.0.0.1:${fixture.gateway.port}`, credentials, {
    'grpc.ssl_target_name_override': 'app.test',
    'grpc.default_authority': 'app.test',
  });
  t.teardown(() => client.close());
  const unary = (path: string, word: string, options: grpc.CallOptions = {}, metadata = new grpc.Metadata()) => {
    const told: { trailer: grpc.Metadata | null } = { trailer: null };
    const answer = new Promise<string>((resolve, reject) => {
      const call = client.makeUnaryRequest(
        path,
        asIs.requestSerialize,
        asIs.responseDeserialize,
        Buffer.from(word),
        metadata,
        options,
        (error, value) => (error ? reject(error) : resolve(value?.toString() ?? '')),
      );
      call.on('status', ({ metadata: trailer }) => (told.trailer = trailer));
    });
    return { answer, told };
  };
  return { ...fixture, client, seen, unary };
}

async function failureOf(answer: Promise<unknown>): Promise<grpc.ServiceError> {
  try {
    await answer;
  } catch (error) {
    return error as grpc.ServiceError;
  }
  throw new Error('it did not fail');
}

run('gRPC: a call, its metadata and its trailers arrive; forged identities do not', async (t) => {
  const { unary, seen } = await setScene(t);
  const metadata = new grpc.Metadata();
  metadata.set('x-word', 'hello');
  metadata.set('remote-user', 'evil');
  metadata.set('x-forwarded-for', '6.6.6.6');
  const { answer, told } = unary('/test.Greeter/Echo', 'hello', {}, metadata);
  t.is(await answer, 'hello');
  await eventually('the trailers', () => told.trailer !== null);
  t.deepEqual(told.trailer?.get('x-trailer'), ['late']);
  t.deepEqual(told.trailer?.get('x-bytes-bin'), [Buffer.from([0, 255])]);
  const [got] = seen.metadata;
  t.deepEqual(got?.get('x-word'), ['hello']);
  t.deepEqual(got?.get('remote-user'), []);
  t.deepEqual(got?.get('x-forwarded-for'), ['127.0.0.1']);
  t.deepEqual(got?.get('x-forwarded-proto'), ['https']);
});

run('gRPC: an error keeps its status, its words and its trailers', async (t) => {
  const { unary } = await setScene(t);
  const error = await failureOf(unary('/test.Greeter/Echo', 'fail').answer);
  t.is(error.code, grpc.status.FAILED_PRECONDITION);
  t.is(error.details, 'größer als 10 %');
  t.deepEqual(error.metadata.get('x-trailer'), ['late']);
  t.is((await failureOf(unary('/test.Greeter/Nothing', 'x').answer)).code, grpc.status.UNIMPLEMENTED);
});

run('gRPC: the server streams', async (t) => {
  const { client } = await setScene(t);
  const call = client.makeServerStreamRequest(
    '/test.Greeter/Count',
    asIs.requestSerialize,
    asIs.responseDeserialize,
    Buffer.from('500'),
  );
  const words: string[] = [];
  for await (const word of call as AsyncIterable<Buffer>) words.push(word.toString());
  t.is(words.length, 500);
  t.is(words.at(-1), '499');
});

run('gRPC: the client streams, up to the limit of the route', async (t) => {
  const { client } = await setScene(t);
  const send = (parts: number): Promise<string> =>
    new Promise((resolve, reject) => {
      const call = client.makeClientStreamRequest(
        '/test.Greeter/Sum',
        asIs.requestSerialize,
        asIs.responseDeserialize,
        (error, value) => (error ? reject(error) : resolve(value?.toString() ?? '')),
      );
      for (let index = 0; index < parts; index += 1) call.write(Buffer.alloc(65_536));
      call.end();
    });
  t.is(await send(32), String(32 * 65_536));
  const error = await failureOf(send(100));
  t.not(error.code, grpc.status.OK);
});

run('gRPC: both sides talk at once, and the server may end first', async (t) => {
  const { client } = await setScene(t);
  const call = client.makeBidiStreamRequest('/test.Greeter/Chat', asIs.requestSerialize, asIs.responseDeserialize);
  const words: string[] = [];
  let status: grpc.StatusObject | null = null;
  call.on('data', (word: Buffer) => words.push(word.toString()));
  call.on('status', (given) => (status = given));
  call.write(Buffer.from('one'));
  await eventually('an answer while the call stands', () => words.length === 1);
  call.write(Buffer.from('two'));
  await eventually('another one', () => words.length === 2);
  call.write(Buffer.from('bye'));
  await eventually('the end', () => status !== null);
  t.deepEqual(words, ['re: one', 're: two', 'bye']);
  t.is((status as grpc.StatusObject | null)?.code, grpc.status.OK);
});

run('gRPC: a call that is cancelled or late ends at the server too', async (t) => {
  const { client, unary, seen } = await setScene(t);
  const call = client.makeBidiStreamRequest('/test.Greeter/Chat', asIs.requestSerialize, asIs.responseDeserialize);
  const codes: number[] = [];
  let heard = 0;
  call.on('data', () => (heard += 1));
  call.on('error', (error: grpc.ServiceError) => codes.push(error.code));
  call.write(Buffer.from('one'));
  await eventually('the call stands', () => heard === 1);
  call.cancel();
  await eventually('the client knows', () => codes.length > 0);
  t.deepEqual(codes, [grpc.status.CANCELLED]);
  await eventually('the server knows', () => seen.cancelled === 1);
  const late = await failureOf(unary('/test.Greeter/Echo', 'wait', { deadline: Date.now() + 300 }).answer);
  t.is(late.code, grpc.status.DEADLINE_EXCEEDED);
  await eventually('the server knows of the late one', () => seen.cancelled === 2);
  t.is(await unary('/test.Greeter/Echo', 'still there').answer, 'still there');
});

run('gRPC: many calls share connections', async (t) => {
  const { unary } = await setScene(t);
  const words = Array.from({ length: 200 }, (_, index) => `word ${index}`);
  t.deepEqual(await Promise.all(words.map((word) => unary('/test.Greeter/Echo', word).answer)), words);
});

run('gRPC: who must sign in is told so, and an app that is down is unavailable', async (t) => {
  const { unary, gateway } = await setScene(t);
  const stranger = await failureOf(unary('/test.Members/Echo', 'hello').answer);
  t.is(stranger.code, grpc.status.UNAUTHENTICATED);
  await gateway.reload({
    server: { publicUrl: 'https://app.test' },
    routes: [{ upstream: { targets: 'http://127.0.0.1:1', http2: true }, access: 'public' }],
  });
  t.is((await failureOf(unary('/test.Greeter/Echo', 'hello').answer)).code, grpc.status.UNAVAILABLE);
});
