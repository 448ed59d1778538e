import { createServer, request, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import test from 'ava';
import type { Answer } from '../../../src/response/answer.ts';
import { answerBytes, writeAnswer } from '../../../src/response/write.ts';

const answer: Answer = {
  status: 403,
  headers: [
    ['Content-Type', 'text/plain; charset=utf-8'],
    ['Set-Cookie', 'a=; Max-Age=0'],
    ['Set-Cookie', 'b=; Max-Age=0'],
  ],
  body: 'Zoë 🔑',
};

async function exchange(value: Answer, method: string): Promise<{ message: IncomingMessage; body: string }> {
  const server = createServer((asked, response) => writeAnswer(value, response, { head: asked.method === 'HEAD' }));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    return await new Promise((resolve, reject) => {
      const sent = request({ port: (server.address() as AddressInfo).port, host: '127.0.0.1', method }, (message) => {
        const chunks: Buffer[] = [];
        message.on('data', (chunk: Buffer) => chunks.push(chunk));
        message.on('end', () => resolve({ message, body: Buffer.concat(chunks).toString('utf8') }));
      });
      sent.on('error', reject).end();
    });
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

test('writes status, each header line and the length in bytes', async (t) => {
  const { message, body } = await exchange(answer, 'GET');
  t.is(message.statusCode, 403);
  t.is(message.headers['content-length'], String(Buffer.byteLength('Zoë 🔑')));
  t.deepEqual(message.headers['set-cookie'], ['a=; Max-Age=0', 'b=; Max-Age=0']);
  t.is(body, 'Zoë 🔑');
  t.is(message.headers.connection, 'keep-alive');
});

test('HEAD gets the length of the body and no body', async (t) => {
  const { message, body } = await exchange(answer, 'HEAD');
  t.is(message.headers['content-length'], String(Buffer.byteLength('Zoë 🔑')));
  t.is(body, '');
});

test('an empty body has length 0, and 204 has no length', async (t) => {
  t.is((await exchange({ status: 302, headers: [], body: '' }, 'GET')).message.headers['content-length'], '0');
  const noContent = await exchange({ status: 204, headers: [], body: '' }, 'GET');
  t.is(noContent.message.headers['content-length'], undefined);
});

test('closes the connection when the answer says so', async (t) => {
  t.is((await exchange({ ...answer, close: true }, 'GET')).message.headers.connection, 'close');
});

test('cuts the connection when another answer had begun', async (t) => {
  const server = createServer((_, response) => {
    response.writeHead(200, { 'Content-Length': '100' });
    response.write('half');
    writeAnswer(answer, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  const cut = await new Promise<boolean>((resolve) => {
    request({ port: (server.address() as AddressInfo).port, host: '127.0.0.1' }, (message) => {
      message.resume().on('close', () => resolve(!message.complete));
    })
      .on('error', () => resolve(true))
      .end();
  });
  t.true(cut);
});

test('makes bytes for a raw socket that end the connection', (t) => {
  const [head = '', body] = answerBytes(answer).toString('utf8').split('\r\n\r\n');
  t.deepEqual(head.split('\r\n'), [
    'HTTP/1.1 403 Forbidden',
    'Content-Type: text/plain; charset=utf-8',
    'Set-Cookie: a=; Max-Age=0',
    'Set-Cookie: b=; Max-Age=0',
    `Content-Length: ${Buffer.byteLength('Zoë 🔑')}`,
    'Connection: close',
  ]);
  t.is(body, 'Zoë 🔑');
  t.true(answerBytes(answer, { head: true }).toString('latin1').endsWith('\r\n\r\n'));
});

test('refuses to write a header that would split the answer', (t) => {
  for (const [name, value] of [
    ['Location', '/x\r\nSet-Cookie: a=b'],
    ['Location', '/x\n'],
    ['Location', '/x\0'],
    ['Location', '/\u0100'],
    ['X\r\nY', 'z'],
    ['X Y', 'z'],
    ['', 'z'],
  ] as const) {
    const error = t.throws(() => answerBytes({ status: 302, headers: [[name, value]], body: '' }));
    t.like(error, { code: 'internal' });
  }
});
