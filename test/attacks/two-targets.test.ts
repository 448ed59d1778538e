// The same attacks where the app has two targets and one of them is down: what is tried again is still judged, stripped and framed once.
for (const file of ['b-framing', 'm-websockets', 'q-upstream-answers'])
  await import(new URL(`./${file}.test.ts?setting=two-targets`, import.meta.url).href);
