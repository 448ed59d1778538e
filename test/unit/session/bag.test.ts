import test from 'ava';
import fc from 'fast-check';
import { createBag } from '../../../src/session/bag.ts';

test('holds what was added and not taken out, whatever the order', (t) => {
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.constant('add' as const), fc.nat(20))), (steps) => {
      const bag = createBag<number>();
      const expected = new Map<number, () => void>();
      let count = 0;
      for (const step of steps) {
        if (step === 'add') {
          expected.set(count, bag.add(count));
          count += 1;
        } else {
          expected.get(step)?.();
          expected.delete(step);
        }
      }
      t.deepEqual(
        [...bag.values()].sort((a, b) => a - b),
        [...expected.keys()],
      );
      t.is(bag.size(), expected.size);
    }),
  );
});

test('takes a value out once only', (t) => {
  const bag = createBag<string>();
  const takeOut = bag.add('a');
  takeOut();
  bag.add('b');
  takeOut();
  t.deepEqual(bag.values(), ['b']);
});
