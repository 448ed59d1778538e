import type { IncomingMessage } from 'node:http';
import { escape, readable } from './html.ts';

const identityName = /^(remote-|x-forwarded-(user|email|groups|preferred)|x-auth-request-)/i;

function table(rows: readonly string[]): string {
  return `<div class="table"><table>${rows.join('\n')}</table></div>`;
}

/** Header lines as they came, in order: those that tell who the visitor is, or all the others. */
function headerRows(request: IncomingMessage, ofIdentity: boolean): string[] {
  const rows: string[] = [];
  for (let index = 0; index + 1 < request.rawHeaders.length; index += 2) {
    const name = request.rawHeaders[index] ?? '';
    const value = readable(request.rawHeaders[index + 1] ?? '');
    if (identityName.test(name) !== ofIdentity) continue;
    const mark = ofIdentity ? ' class="identity"' : '';
    rows.push(`<tr${mark}><th scope="row">${escape(name)}</th><td>${escape(value)}</td></tr>`);
  }
  return rows;
}

function cookieRows(request: IncomingMessage): string {
  const pairs = (request.headers.cookie ?? '').split(';').filter((pair) => pair.trim() !== '');
  if (pairs.length === 0) return '<p class="soft">None arrived.</p>';
  const rows = pairs.map((pair) => {
    const [name = '', ...value] = pair.trim().split('=');
    return `<tr><th scope="row">${escape(name)}</th><td>${escape(readable(value.join('=')))}</td></tr>`;
  });
  return table(rows);
}

/** The whole page: what this app received, and a few things to try. `posted` is what the form sent, or null. */
export function page(request: IncomingMessage, posted: string | null): string {
  const user = request.headers['remote-user'];
  const name = request.headers['remote-name'];
  const shown = [name, user].find((value): value is string => typeof value === 'string' && value !== '');
  const identity = headerRows(request, true);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Demo app</title>
<link rel="icon" href="/demo.svg" type="image/svg+xml">
<link rel="stylesheet" href="/demo.css">
<script src="/demo.js" defer></script>
</head>
<body>
<header><div><strong>Demo app</strong><a href="/_auth/">Your apps</a><a href="/_auth/sign-out">Sign out</a></div></header>
<main>
<div class="hello">
<h1>${shown === undefined ? 'Hello, stranger' : `Hello, <bdi>${escape(readable(shown))}</bdi>`}</h1>
<p class="soft">${
    shown === undefined
      ? 'No Remote-User header came with this request: nobody is in front of this app, or this address is public.'
      : 'This app has no sign-in of its own. It takes your name from the request headers that the gateway in front of it wrote.'
  }</p>
<p class="soft">You asked for <code>${escape(request.method ?? '')} ${escape(request.url ?? '')}</code></p>
</div>
${identity.length === 0 ? '' : `<section class="full"><h2>Who you are, by the headers that arrived</h2>${table(identity)}</section>`}
<div class="stack">
<section><h2>A WebSocket</h2>
<p id="socket-state" class="dot">connecting</p><output id="socket-clock" class="clock" aria-live="off">–</output>
<form id="socket-form"><label for="socket-text">Say something<input id="socket-text" autocomplete="off"></label><button>Send</button></form>
<output id="socket-echo"></output></section>
<section><h2>An upload</h2><p class="soft">Counted and hashed while it streams in; nothing is kept.</p>
<form id="upload-form"><label for="file">A file of any size<input id="file" type="file"></label><button>Send</button></form>
<output id="upload"></output></section>
</div>
<div class="stack">
<section><h2>An event stream</h2><p class="soft">Server-sent events, one a second.</p><output id="events" class="clock" aria-live="off">–</output></section>
<section><h2>A form</h2>
<form method="post" action="/form"><label for="words">Some words<input id="words" name="words" autocomplete="off"></label><button>Post</button></form>
${posted === null ? '' : `<p role="status">Received: <code id="posted">${escape(posted)}</code></p>`}</section>
<section><h2>Cookies that arrived</h2>${cookieRows(request)}</section>
</div>
<section class="full"><h2>All other headers that arrived</h2>${table(headerRows(request, false))}</section>
</main>
</body>
</html>
`;
}
