import { type Attack } from '../../../support/attack.ts';

const extension = 'x'.repeat(65_536);

export const attack: Attack = {
  id: 'B34',
  slug: 'chunk-ext',
  behaviour: 'gives up on 64 KiB of chunk extensions',
  cases: [
    { name: 'one extension', body: `5;${extension}\r\nhello\r\n0\r\n\r\n` },
    { name: 'many extensions', body: `5${';a=b'.repeat(16_384)}\r\nhello\r\n0\r\n\r\n` },
  ].map(({ name, body }) => ({
    name,
    method: 'POST',
    target: '/public/x',
    headers: ['Transfer-Encoding: chunked'],
    body,
    expect: { status: [400, 413, 431], closed: true, upstream: 'no-request' as const },
  })),
};
