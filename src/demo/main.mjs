// Runs the demo app: node src/demo/main.mjs [PORT]. Port 0, the default, takes any free one; the address is printed.
import process from 'node:process';
import { createDemoApp } from './app.ts';

const port = Number(process.argv[2] ?? 0);
const server = createDemoApp();
server.on('error', (error) => {
  process.stderr.write(`demo app: ${error.message}\n`);
  process.exit(1);
});
server.listen(port, '127.0.0.1', () => {
  process.stdout.write(`demo app on http://127.0.0.1:${server.address().port}\n`);
});
const stop = () => {
  server.close();
  server.closeAllConnections();
  process.exit(0);
};
process.on('SIGTERM', stop);
process.on('SIGINT', stop);
