import type { IncomingMessage } from 'node:http';

/** How long a body may stand still. Milliseconds. */
const stalledBodyMs = 60_000;

export interface Uploads {
  /** To be told of every request that announces a body. `bytesRead` counts what came for it. */
  readonly watch: (request: IncomingMessage, bytesRead: () => number) => void;
  readonly stop: () => void;
}

/**
 * Ends requests whose body has stood still for a minute while we were ready to read it. Long uploads that progress, and ones
 * that wait for a slow upstream, are left alone.
 */
export function cutStalledUploads(): Uploads {
  const uploads = new Map<IncomingMessage, { readonly bytesRead: () => number; before: number }>();
  const timer = setInterval(() => {
    for (const [request, upload] of uploads) {
      const bytes = upload.bytesRead();
      if (bytes === upload.before && !request.isPaused() && request.readableFlowing === true) request.destroy();
      else upload.before = bytes;
    }
  }, stalledBodyMs);
  timer.unref();
  return {
    watch: (request, bytesRead) => {
      uploads.set(request, { bytesRead, before: -1 });
      request.once('close', () => uploads.delete(request));
      request.once('end', () => uploads.delete(request));
    },
    stop: () => clearInterval(timer),
  };
}
