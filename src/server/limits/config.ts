import { z } from 'zod';
import { byteSize, duration, integer } from '../../quantities.ts';

export const limitsConfig = z
  .strictObject({
    headerBytes: byteSize()
      .refine((bytes) => bytes >= 4096 && bytes <= 1024 * 1024, 'must be from 4KiB to 1MiB')
      .prefault('16KiB')
      .describe("A request's head may be this large; beyond: 431."),
    headerCount: integer(20, 10_000).prefault(200).describe('It may have this many header lines; beyond: 431.'),
    headersTimeout: duration()
      .refine((ms) => ms >= 1_000, 'must be at least 1s')
      .prefault('15s')
      .describe('A connection must have sent a whole head within this time, counted from its start; beyond: 408.'),
    keepAliveTimeout: duration()
      .refine((ms) => ms >= 1_000, 'must be at least 1s')
      .prefault('65s')
      .describe('Connections on which nothing runs are closed after this time.'),
    requestsPerConnection: integer(0, 1_000_000_000)
      .prefault(0)
      .describe('A connection is closed after this many requests, and the client opens another; 0: any number.'),
    connections: integer(0, 1_000_000)
      .prefault(20_000)
      .describe('Open connections of a listener (in each process); more are closed at once. 0: any number.'),
    handshakeTimeout: duration()
      .refine((ms) => ms >= 1_000, 'must be at least 1s')
      .prefault('10s')
      .describe('How long a TLS handshake may take, and the PROXY header before it.'),
    http2: z
      .strictObject({
        concurrentStreams: integer(1, 10_000)
          .prefault(128)
          .describe('Requests that may run side by side on one HTTP/2 connection.'),
        sessionMemory: byteSize()
          .refine((bytes) => bytes >= 1024 * 1024, 'must be at least 1MiB')
          .prefault('10MiB')
          .describe('Memory of one HTTP/2 connection; beyond, new streams on it are refused.'),
        resetBurst: integer(10, 1_000_000)
          .prefault(500)
          .describe(
            'Streams that a client may reset at once before its connection is closed (rapid reset, CVE-2023-44487).',
          ),
        resetRate: integer(1, 100_000).prefault(50).describe('And how many a second it may go on resetting.'),
      })
      .prefault({}),
  })
  .prefault({});

/** Bounds of connections and of what comes on them; milliseconds and bytes. */
export type ServerLimits = z.output<typeof limitsConfig>;
