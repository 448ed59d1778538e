/** The look of the demo app. It is an app of its own, so it looks like one. */
export const style = `
:root { color-scheme: light dark; --blue: #2f4fb5; --blue-ink: #fff; --paper: #f3f5fa; --card: #fff; --ink: #1b2030; --soft: #566079; --line: #dbe0ec; --mark: #fff3c9; --mark-edge: #e3c565;
  font: 100%/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif; }
@media (prefers-color-scheme: dark) { :root { --blue: #9db4ff; --blue-ink: #101a3d; --paper: #11141d; --card: #191e2b; --ink: #e8ecf6; --soft: #a1abc4; --line: #2d3548; --mark: #3a3213; --mark-edge: #8f7727; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); }
header { border-block-end: 1px solid var(--line); background: var(--card); }
header > div, main { inline-size: min(100%, 66rem); margin-inline: auto; padding-inline: 1.25rem; }
header > div { display: flex; align-items: center; gap: 1rem; flex-wrap: wrap; padding-block: .8rem; }
header strong { margin-inline-end: auto; } header a { font-weight: 600; }
main { display: grid; gap: 1.25rem; padding-block: 2rem 3rem; grid-template-columns: repeat(auto-fit, minmax(min(100%, 27rem), 1fr)); align-items: start; }
.hello, .full { grid-column: 1 / -1; } .stack { display: grid; gap: 1.25rem; min-inline-size: 0; }
h1 { margin: 0; font-size: 1.9rem; line-height: 1.2; letter-spacing: -.015em; } h2 { margin: 0 0 .6rem; font-size: 1.05rem; } p { margin: .25rem 0; } .soft { color: var(--soft); }
section { background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 1.15rem 1.25rem; min-inline-size: 0; }
.table { overflow-x: auto; } table { inline-size: 100%; border-collapse: collapse; font-size: .92rem; } th, td { padding: .4rem .5rem; text-align: start; vertical-align: top; border-block-start: 1px solid var(--line); } th { font-weight: 600; white-space: nowrap; inline-size: 1%; padding-inline-end: 1.25rem; } td, code, pre, output { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; font-size: .88rem; overflow-wrap: anywhere; }
tr.identity > * { background: var(--mark); border-block-color: var(--mark-edge); } tr:first-child > * { border-block-start: 0; }
@media (max-width: 34rem) { th, td { display: block; inline-size: auto; } td { border: 0; padding-block-start: 0; } th { padding-block-end: .1rem; } }
form { display: flex; gap: .6rem; flex-wrap: wrap; align-items: end; margin: .4rem 0; } label { display: grid; gap: .25rem; flex: 1 1 12rem; font-size: .92rem; }
input { font: inherit; color: inherit; min-inline-size: 0; inline-size: 100%; background: var(--paper); border: 1px solid color-mix(in srgb, var(--soft) 75%, var(--line)); border-radius: 8px; padding: .5rem .65rem; }
button { font: inherit; font-weight: 600; min-block-size: 2.6rem; padding: .35rem 1.05rem; border: 0; border-radius: 8px; background: var(--blue); color: var(--blue-ink); cursor: pointer; }
a { color: var(--blue); } :focus-visible { outline: 3px solid var(--blue); outline-offset: 2px; }
output { display: block; min-block-size: 1.6em; white-space: pre-wrap; } .clock { font-size: 1.5rem; font-variant-numeric: tabular-nums; }
.dot::before { content: ""; display: inline-block; inline-size: .6rem; block-size: .6rem; border-radius: 50%; margin-inline-end: .5rem; background: var(--soft); } .dot[data-state=open]::before { background: #2e9e5b; } .dot[data-state=closed]::before { background: #c8413c; }
`;

/** The demo app's script: an event stream, a WebSocket and an upload. */
export const script = `
const byId = (id) => document.getElementById(id);

const events = new EventSource('/events');
events.onmessage = (event) => { byId('events').textContent = event.data; };
events.onerror = () => { byId('events').textContent = 'the stream has ended'; };

const state = (text, name) => { byId('socket-state').textContent = text; byId('socket-state').dataset.state = name; };
const socket = new WebSocket((location.protocol === 'https:' ? 'wss://' : 'ws://') + location.host + '/ws');
socket.onopen = () => state('open', 'open');
socket.onclose = (event) => state('closed (' + event.code + ')', 'closed');
socket.onmessage = (event) => {
  const message = JSON.parse(event.data);
  byId(message.kind === 'clock' ? 'socket-clock' : 'socket-echo').textContent = message.text;
};
byId('socket-form').onsubmit = (event) => { event.preventDefault(); socket.send(byId('socket-text').value); };

byId('upload-form').onsubmit = async (event) => {
  event.preventDefault();
  const file = byId('file').files[0];
  if (!file) return;
  byId('upload').textContent = 'sending ' + file.name + ' …';
  try {
    const answer = await fetch('/upload', { method: 'POST', body: file, headers: { 'Content-Type': 'application/octet-stream' } });
    const text = await answer.text();
    byId('upload').textContent = answer.ok ? JSON.parse(text).bytes + ' bytes, SHA-256 ' + JSON.parse(text).sha256 : answer.status + ' ' + text;
  } catch (error) { byId('upload').textContent = String(error); }
};
`;

export const icon =
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="8" fill="#2f4fb5"/><path d="M9 23V9h6a7 7 0 0 1 0 14z" fill="none" stroke="#fff" stroke-width="3" stroke-linejoin="round"/></svg>';
