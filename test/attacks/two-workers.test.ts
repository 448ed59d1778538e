// The same attacks on a gateway of two workers: what one process refuses, several refuse too.
for (const file of ['b-framing', 'm-websockets', 'o-availability', 'q-upstream-answers'])
  await import(new URL(`./${file}.test.ts?setting=two-workers`, import.meta.url).href);
